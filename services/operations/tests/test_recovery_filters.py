"""What people write of times and filters is what is meant."""

from datetime import UTC, datetime

import pytest
from operations.recovery.filters import Filter, instant

from .recovery_cases import NOON, failure, raw


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("90m", datetime(2026, 3, 1, 10, 30, tzinfo=UTC)),
        ("36h", datetime(2026, 2, 28, tzinfo=UTC)),
        ("7d", datetime(2026, 2, 22, 12, tzinfo=UTC)),
        ("2026-02-24", datetime(2026, 2, 24, tzinfo=UTC)),
        ("2026-02-24T10:30", datetime(2026, 2, 24, 10, 30, tzinfo=UTC)),
        ("2026-02-24T10:30+02:00", datetime(2026, 2, 24, 8, 30, tzinfo=UTC)),
    ],
)
def test_a_time_is_read(text: str, meant: datetime) -> None:
    assert instant(text, NOON) == meant


@pytest.mark.parametrize("text", ["yesterday", "7", "7y", "", "2026-13-01"])
def test_what_is_no_time_is_refused_with_what_is(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time: write"):
        instant(text, NOON)


def test_a_filter_of_reasons_covers_dead_letters_alone() -> None:
    which = Filter(reasons=frozenset({"amount_missing"}))
    assert which.covers(failure(0))
    assert not which.covers(raw(0))


def test_the_end_of_a_range_is_outside_of_it() -> None:
    event = raw(0)
    assert Filter(since=event.received_at).covers(event)
    assert not Filter(until=event.received_at).covers(event)


def test_a_filter_is_told_in_words_and_kept_as_json() -> None:
    which = Filter(providers=frozenset({"stripe", "adyen"}), since=NOON)
    assert str(which) == "provider adyen, stripe; since 2026-03-01T12:00:00+00:00"
    assert which.as_json() == '{"provider":["adyen","stripe"],"since":"2026-03-01T12:00:00+00:00"}'
    assert (str(Filter()), Filter().as_json()) == ("everything", "{}")
