import pytest
from normalizer.errors import TooManyUnusable
from normalizer.limit import UnusableLimit


class Ticks:
    """A clock that stands still until it is moved."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


def limit(ticks: Ticks, count: int = 2, share: float = 0.0) -> UnusableLimit:
    return UnusableLimit(count=count, share=share, window_s=60, monotonic=ticks)


def test_a_few_pass_and_one_more_does_not(ticks: Ticks) -> None:
    few = limit(ticks)
    few.note("wire_format")
    few.note("wire_format")

    with pytest.raises(TooManyUnusable, match=r"3 of 3 messages of the last 60 s .* for avro_unreadable, and 2 may"):
        few.note("avro_unreadable")


def test_what_is_older_than_the_window_is_forgotten(ticks: Ticks) -> None:
    few = limit(ticks)
    for _ in range(20):
        few.note("wire_format")
        ticks.now += 31

    few.note("wire_format")
    with pytest.raises(TooManyUnusable):
        few.note("wire_format")


def test_many_pass_where_they_are_a_small_share(ticks: Ticks) -> None:
    few = limit(ticks, share=0.1)
    for _ in range(50):
        for _ in range(19):
            few.note()
        few.note("wire_format")
        ticks.now += 1

    for _ in range(55):
        few.note("wire_format")
    with pytest.raises(TooManyUnusable):
        few.note("wire_format")


def test_the_share_is_of_the_window_too(ticks: Ticks) -> None:
    few = limit(ticks, share=0.5)
    for _ in range(1000):
        few.note()
    ticks.now += 120

    few.note("wire_format")
    few.note("wire_format")
    with pytest.raises(TooManyUnusable, match="3 of 3"):
        few.note("wire_format")
