import pytest
from kit.errors import Fault
from kit.poison import PoisonLimit, Tolerance


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def limit_of(tolerance: Tolerance, clock: Clock | None = None) -> PoisonLimit:
    return PoisonLimit(tolerance, "records of t", "Look at what writes them.", now=clock or Clock())


def test_a_few_pass() -> None:
    limit = limit_of(Tolerance(max_count=3, spared=3))
    for offset in range(3):
        limit.refuse(offset, "unreadable")


def test_more_than_the_number_stop_although_they_are_far_from_half_of_all() -> None:
    limit = limit_of(Tolerance(max_count=3, max_ratio=0.5))
    limit.passed(300)
    for offset in range(3):
        limit.refuse(offset, "unreadable")
    with pytest.raises(Fault, match="4 of 304 records of t"):
        limit.refuse(3, "unreadable")


def test_the_few_of_days_that_are_read_within_a_minute_do_not_stop() -> None:
    limit = limit_of(Tolerance())
    for offset in range(1_000):
        limit.passed(1_000)
        limit.refuse(offset, "unreadable")


def test_many_among_a_backlog_stop_at_their_share_of_it() -> None:
    limit = limit_of(Tolerance(max_count=20))
    limit.passed(9_900)
    for offset in range(100):
        limit.refuse(offset, "unreadable")
    with pytest.raises(Fault, match="101 of 10001 records of t"):
        limit.refuse(100, "unreadable")
    # What is passed later does not undo it: so many places are kept, and the next one is too many again.
    with pytest.raises(Fault, match="101 of 10001 records of t"):
        limit.refuse(101, "unreadable")


def test_more_than_the_share_stop_beyond_those_that_are_spared() -> None:
    limit = limit_of(Tolerance(max_count=100, max_ratio=0.5, spared=2))
    limit.passed(2)
    limit.refuse(0, "unreadable")
    limit.refuse(1, "unreadable")
    with pytest.raises(Fault, match="3 of 5"):
        limit.refuse(2, "unreadable")


def test_half_of_a_stream_is_no_more_than_half() -> None:
    limit = limit_of(Tolerance(max_count=100, max_ratio=0.5, spared=0))
    for offset in range(10):
        limit.passed()
        limit.refuse(offset, "unreadable")


def test_what_is_older_than_the_window_counts_no_more() -> None:
    clock = Clock()
    limit = limit_of(Tolerance(max_count=1, spared=1, window_seconds=60), clock)
    for offset in range(10):
        limit.refuse(offset, "unreadable")
        clock.now += 61
    limit.refuse(10, "unreadable")
    clock.now += 59
    with pytest.raises(Fault):
        limit.refuse(11, "unreadable")


def test_what_was_used_before_the_window_does_not_make_the_share_smaller() -> None:
    clock = Clock()
    limit = limit_of(Tolerance(max_count=100, max_ratio=0.5, spared=0, window_seconds=60), clock)
    limit.passed(1_000)
    clock.now += 62
    with pytest.raises(Fault, match="1 of 1 "):
        limit.refuse(0, "unreadable")


def test_a_place_counts_once_however_often_it_comes() -> None:
    limit = limit_of(Tolerance(max_count=1, spared=1))
    for _ in range(5):
        limit.refuse("t/0@7", "unreadable")


def test_the_message_says_why_where_and_what_to_do() -> None:
    limit = limit_of(Tolerance(max_count=7, max_ratio=0.25, spared=7))
    for offset in range(7):
        limit.refuse(f"t/0@{offset}", "schema_unknown" if offset < 6 else "unreadable")
    with pytest.raises(Fault) as fault:
        limit.refuse("t/1@0", "schema_unknown")
    assert str(fault.value) == (
        "8 of 8 records of t could not be used within 60 s: schema_unknown (7), unreadable (1); "
        "at t/0@0, t/0@1, t/0@2, t/0@3, t/0@4 … t/1@0. "
        "Tolerated are 7 or 1.00% of all, whichever is more, and 25% of all beyond 7. "
        "Look at what writes them."
    )


def test_it_goes_on_refusing_and_keeps_no_more_places_than_it_tolerates() -> None:
    limit = limit_of(Tolerance(max_count=2, spared=2))
    for offset in range(2):
        limit.refuse(offset, "unreadable")
    for offset in range(2, 50):
        with pytest.raises(Fault, match=r"^3 of 3 "):
            limit.refuse(offset, "unreadable")


def test_what_is_not_decided_yet_makes_the_share_smaller_while_it_is_not() -> None:
    limit = limit_of(Tolerance(max_count=100, max_ratio=0.5, spared=0))
    limit.refuse(0, "unreadable", undecided=1)
    with pytest.raises(Fault, match=r"^2 of 3 "):
        limit.refuse(1, "unreadable", undecided=1)
    limit.refuse(1, "unreadable", undecided=2)


class TooManyError(Fault):
    """One of a reader's own."""


def share_of(max_ratio: float, spared: int, clock: Clock) -> PoisonLimit:
    tolerance = Tolerance(None, max_ratio, spared, window_seconds=60)
    return PoisonLimit(tolerance, "messages", "Mend it.", what="were rejected", error=TooManyError, now=clock)


def test_without_a_number_the_share_alone_stops() -> None:
    clock = Clock()
    limit = share_of(0.1, 2, clock)
    for _ in range(50):
        limit.passed(19)
        limit.refuse(None, "unreadable")
        clock.now += 1
    for _ in range(55):
        limit.refuse(None, "unreadable")
    with pytest.raises(TooManyError):
        limit.refuse(None, "unreadable")


def test_without_places_each_counts_and_the_message_has_none() -> None:
    limit = share_of(0, 2, Clock())
    limit.refuse(None, "unreadable")
    limit.refuse(None, "unreadable")
    with pytest.raises(TooManyError) as fault:
        limit.refuse(None, "schema_unknown")
    assert str(fault.value) == (
        "3 of 3 messages were rejected within 60 s: unreadable (2), schema_unknown (1). "
        "Tolerated are 0% of all beyond 2. Mend it."
    )


def test_without_places_what_is_older_than_the_window_counts_no_more() -> None:
    clock = Clock()
    limit = share_of(0, 2, clock)
    for _ in range(20):
        limit.refuse(None, "unreadable")
        clock.now += 31
    limit.refuse(None, "unreadable")
    with pytest.raises(TooManyError):
        limit.refuse(None, "unreadable")
