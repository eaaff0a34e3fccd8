from threading import Event

import pytest
from kit.errors import Fault, Transient
from normalizer.cluster import Cluster
from normalizer.pacer import Pacer

from services.normalizer.tests.flink import FakeFlink, FakeJob


class FakeClock(Event):
    """An event whose waits take no time but move this clock on."""

    now = 0.0

    def wait(self, timeout: float | None = None) -> bool:
        self.now += timeout or 0.0
        return self.is_set()

    def monotonic(self) -> float:
        return self.now


class Script:
    """News as the test has written it down: counts of records, or errors, one for each wait; then the end."""

    def __init__(self, stop: Event, *turns: int | Exception) -> None:
        self._stop = stop
        self._turns = iter(turns)

    def wait(self, timeout_seconds: float) -> int:
        turn = next(self._turns, None)
        if turn is None:
            self._stop.set()
            return 0
        if isinstance(turn, Exception):
            raise turn
        return turn


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def pacer(clock: FakeClock, cluster: Cluster, *turns: int | Exception, job_id: str | None = "a") -> Pacer:
    made = Pacer(Script(clock, *turns), cluster, spacing_s=0.1, monotonic=clock.monotonic, stop=clock)
    if job_id is not None:
        made.follow(job_id)
    return made


def asked(flink: FakeFlink) -> int:
    return flink.requests.count("POST /jobs/a/checkpoints")


def test_asks_for_a_checkpoint_when_the_job_has_written_something(
    flink: FakeFlink, cluster: Cluster, clock: FakeClock
) -> None:
    flink.add(FakeJob("a"))

    pacer(clock, cluster, 3).run()

    assert asked(flink) == 1


def test_asks_for_nothing_while_there_is_no_news(flink: FakeFlink, cluster: Cluster, clock: FakeClock) -> None:
    flink.add(FakeJob("a"))

    pacer(clock, cluster, 0, 0, 0).run()

    assert flink.requests == []


def test_keeps_checkpoints_apart(flink: FakeFlink, cluster: Cluster, clock: FakeClock) -> None:
    flink.add(FakeJob("a"))
    at: list[float] = []
    flink.on_request = lambda: at.append(clock.now) if flink.requests[-1].startswith("POST") else None

    pacer(clock, cluster, 1, 1, 1).run()

    assert at == pytest.approx([0.0, 0.1, 0.2])


def test_waits_for_a_checkpoint_that_takes_longer_before_asking_for_the_next(
    flink: FakeFlink, cluster: Cluster, clock: FakeClock
) -> None:
    flink.add(FakeJob("a"))
    flink.checkpoints_take = 6
    at: list[float] = []
    flink.on_request = lambda: at.append(clock.now) if flink.requests[-1].startswith("POST") else None

    pacer(clock, cluster, 1, 1, 1).run()

    assert at == pytest.approx([0.0, 0.2, 0.4])


def test_a_checkpoint_that_never_ends_is_not_waited_for_for_ever(
    flink: FakeFlink, cluster: Cluster, clock: FakeClock
) -> None:
    flink.add(FakeJob("a"))
    flink.checkpoints_take = 10_000

    pacer(clock, cluster, 1, 1).run()

    assert asked(flink) == 2
    assert clock.now == pytest.approx(2.0, abs=0.1)


def test_an_unexpected_error_is_told_as_a_fault(flink: FakeFlink, cluster: Cluster, clock: FakeClock) -> None:
    broken = pacer(clock, cluster, ZeroDivisionError())

    broken.run()

    with pytest.raises(Fault, match="ZeroDivisionError"):
        broken.check()


def test_asks_for_nothing_before_there_is_a_job(flink: FakeFlink, cluster: Cluster, clock: FakeClock) -> None:
    pacer(clock, cluster, 1, job_id=None).run()

    assert flink.requests == []


def test_goes_on_when_the_job_manager_is_away(flink: FakeFlink, cluster: Cluster, clock: FakeClock) -> None:
    flink.add(FakeJob("a"))
    flink.on_request = lambda: setattr(flink, "away", asked(flink) < 2)

    pacer(clock, cluster, 1, 1).run()

    assert asked(flink) == 2


def test_goes_on_when_the_job_manager_says_no(flink: FakeFlink, cluster: Cluster, clock: FakeClock) -> None:
    pacer(clock, cluster, 1, 1).run()

    assert asked(flink) == 2


def test_goes_on_when_the_brokers_are_away(flink: FakeFlink, cluster: Cluster, clock: FakeClock) -> None:
    flink.add(FakeJob("a"))

    pacer(clock, cluster, Transient("no broker"), 1).run()

    assert asked(flink) == 1


def test_a_fault_ends_it_and_is_reported(flink: FakeFlink, cluster: Cluster, clock: FakeClock) -> None:
    ended = pacer(clock, cluster, Fault("no such topic"))

    ended.run()

    with pytest.raises(Fault, match="no such topic"):
        ended.check()
