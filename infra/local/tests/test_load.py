import os

from stack import load
from stack.load import PATIENCE_SECONDS, cpu_seconds, settle


class Machine:
    """A clock, and a stack that uses so many cores in one window after the other, then the last for ever."""

    def __init__(self, *cores: float) -> None:
        self._cores = list(cores)
        self.now = 0.0
        self.used = 0.0
        self.said: list[str] = []

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.used += seconds * (self._cores.pop(0) if len(self._cores) > 1 else self._cores[0])

    def settle(self) -> bool:
        return settle(lambda: self.used, self.said.append, monotonic=lambda: self.now, sleep=self.sleep)


def test_a_quiet_stack_is_not_waited_for_in_words() -> None:
    machine = Machine(0.2)

    assert machine.settle()
    assert machine.said == []


def test_a_busy_stack_is_waited_for_and_said_so_once() -> None:
    machine = Machine(1.9, 1.2, 0.3)

    assert machine.settle()
    assert len(machine.said) == 1
    assert "1.9 cores" in machine.said[0]


def test_a_process_that_ended_in_between_does_not_make_the_stack_quiet() -> None:
    machine = Machine(-4.0, 0.1)

    machine.settle()

    assert machine.now == 2 * load.WINDOW_SECONDS


def test_patience_ends() -> None:
    machine = Machine(2.0)

    assert not machine.settle()
    assert machine.now > PATIENCE_SECONDS


def test_the_time_of_a_process_grows_as_it_works() -> None:
    before = cpu_seconds([os.getpid()])
    while cpu_seconds([os.getpid()]) == before:
        pass
    assert cpu_seconds([os.getpid()]) > before
