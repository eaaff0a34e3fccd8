"""Waiting ends when all has come, or when nothing comes any more."""

from collections.abc import Iterator

from operations.patience import wait_for


class Time:
    """A clock that moves only by sleeping."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


def wait(counts: Iterator[int], expected: int, patience: float) -> tuple[bool, list[int]]:
    time, reports = Time(), list[int]()
    arrived = wait_for(lambda: next(counts), expected, patience, reports.append, now=time.now, sleep=time.sleep)
    return arrived, reports


def test_ends_when_the_count_is_reached() -> None:
    assert wait(iter([0, 3, 5]), 5, 10) == (True, [0, 3, 5])


def test_gives_up_when_the_count_stands_still() -> None:
    arrived, reports = wait(iter([1] * 100), 5, 2)
    assert not arrived
    assert len(reports) < 10


def test_goes_on_for_as_long_as_the_count_grows() -> None:
    counts = [number for number in range(10) for _ in range(3)]
    assert wait(iter(counts), 9, 2)[0]
