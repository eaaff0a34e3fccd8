"""What people write of times and filters is what is meant."""

import json
from datetime import UTC, datetime

import pytest
from operations.recovery.filters import Filter, instant

from .recovery_cases import HOUR, MINUTE, NOON, failure, raw


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


def test_of_many_ids_the_first_are_told_and_how_many_there_are() -> None:
    few, many = (Filter(event_ids=frozenset(f"{number:04}" for number in range(count))) for count in (20, 1000))
    assert json.loads(few.as_json()) == {"event": [f"{number:04}" for number in range(20)]}
    assert json.loads(many.as_json()) == {"event": [f"{number:04}" for number in range(20)], "events": 1000}
    assert len(str(many)) < 200


def test_the_ways_in_which_workflows_ended_are_kept_with_what_is_asked_for() -> None:
    assert Filter(since=NOON).as_json(["failed", "canceled"]) == (
        '{"since":"2026-03-01T12:00:00+00:00","workflows":["canceled","failed"]}'
    )


def test_a_time_of_quarantine_is_that_of_the_letter_whenever_its_webhook_was_received() -> None:
    which = Filter(quarantined_since=NOON)
    letter = failure(0, received_at=NOON - 72 * HOUR, kafka_timestamp=NOON)
    assert which.covers(letter)
    assert not Filter(quarantined_since=NOON + MINUTE).covers(letter)
    assert not which.covers(raw(0)), "it has none"
    assert str(which) == "quarantined_since 2026-03-01T12:00:00+00:00"
