"""How far the recovery of an event has come is told from its dead letters, its row, and what was done by hand."""

from collections.abc import Collection
from datetime import timedelta
from typing import Literal

import pytest
from operations.recovery.events import Failure
from operations.recovery.standing import Standing, State, standings
from payments_contracts.pins.operations import RecoveryAction

from .recovery_cases import NOON, failure, raw

SECOND = timedelta(seconds=1)
EVENT = raw(0).event_id
RECORDED = failure(0).recorded_at
Outcome = Literal["sent", "restarted", "closed", "reopened"]


def action(outcome: Outcome, after: timedelta = SECOND) -> RecoveryAction:
    return RecoveryAction(
        action_id="1",
        run_id="2",
        acted_at=RECORDED + after,
        actor="somebody",
        command="close" if outcome == "closed" else "redrive",
        filter="{}",
        event_id=EVENT,
        provider="stripe",
        outcome=outcome,
        schema_version=1,
    )


def standing(
    *failures: Failure, last: RecoveryAction | None = None, rows: Collection[str] = (), bronze: Collection[str] = ()
) -> Standing:
    actions = {} if last is None else {EVENT: last}
    (found,) = standings(
        failures, lambda _: actions, lambda ids: set(rows) & set(ids), lambda ids: set(bronze) & set(ids)
    )
    return found


@pytest.mark.parametrize(
    ("last", "state"),
    [
        (None, "open"),
        (action("sent"), "redriven"),
        (action("restarted"), "redriven"),
        (action("sent", -SECOND), "open"),
        (action("closed"), "closed"),
        (action("reopened"), "open"),
    ],
)
def test_a_state_follows_from_what_was_done_last(last: RecoveryAction | None, state: State) -> None:
    assert standing(failure(0), last=last).state == state


def test_what_has_its_row_has_passed_whatever_was_done() -> None:
    assert standing(failure(0), rows=[EVENT], last=action("closed")).state == "passed"


def test_a_failure_after_it_was_sent_opens_an_event_again() -> None:
    again = failure(0, kafka_timestamp=RECORDED + 2 * SECOND, kafka_offset=99)
    found = standing(failure(0), again, last=action("sent"))
    assert (found.state, found.failures, found.failure) == ("open", 2, again.bare())


def test_a_row_that_bronze_refused_has_passed_when_bronze_has_it() -> None:
    refused = failure(0, reason_codes=["row_rejected"])
    assert standing(refused, rows=[EVENT]).state == "open"
    assert standing(refused, bronze=[EVENT]).state == "passed"


def test_no_more_than_five_hundred_are_asked_for_at_once() -> None:
    asked: list[int] = []

    def rows(event_ids: Collection[str]) -> set[str]:
        asked.append(len(event_ids))
        return set(event_ids)

    def actions(event_ids: Collection[str]) -> dict[str, RecoveryAction]:
        asked.append(len(event_ids))
        return {event_id: action("closed") for event_id in event_ids}

    found = standings((failure(number) for number in range(501)), actions, rows, rows)
    assert sorted(asked) == [1, 1, 500, 500]
    assert {(each.state, each.last_action is None) for each in found} == {("passed", False)}


def test_bodies_are_not_kept() -> None:
    found, whole = standing(failure(0)).failure, failure(0)
    assert found.record == whole.record.model_copy(update={"payload": b""})
    assert found.size == len(whole.record.payload)
    assert found.holds(whole.record.payload)
    assert not found.holds(bytes(found.size))


def test_nobody_asks_bronze_for_other_events() -> None:
    def nobody(_event_ids: Collection[str]) -> set[str]:
        raise AssertionError("Bronze was asked")

    (found,) = standings([failure(0)], lambda _: {}, lambda _: set(), nobody)
    assert (found.state, found.failure.received_at) == ("open", NOON)
