"""How far the recovery of each quarantined event has come. Pure but for the questions it asks of its ports."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from payments_contracts.pins.operations import RecoveryAction

from operations.recovery.events import Failure

State = Literal["open", "redriven", "passed", "closed"]
STATES: tuple[State, ...] = ("open", "redriven", "passed", "closed")

Rows = Callable[[Collection[str]], set[str]]
"""Returns which of some event ids have a row."""

# The workflow of such a dead letter writes to the two stores side by side: one row says nothing of the other.
_NOT_IN_BRONZE = "row_rejected"
# Asked for together.
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Standing:
    """The newest dead letter of an event, how often it failed, its state, and what was last done about it by hand."""

    failure: Failure
    failures: int
    state: State
    last_action: RecoveryAction | None


@dataclass(slots=True)
class _Newest:
    failure: Failure
    count: int = 1


def newest(failures: Iterable[Failure]) -> dict[str, tuple[Failure, int]]:
    """Return, by event id, the newest dead letter and how many there are, in the order in which events first failed."""
    found: dict[str, _Newest] = {}
    for failure in failures:
        known = found.get(failure.event_id)
        if known is None:
            found[failure.event_id] = _Newest(failure)
        else:
            known.count += 1
            if failure.recorded_at >= known.failure.recorded_at:
                known.failure = failure
    return {event_id: (each.failure, each.count) for event_id, each in found.items()}


def standings(
    failures: Iterable[Failure],
    actions: Callable[[Collection[str]], Mapping[str, RecoveryAction]],
    rows: Rows,
    bronze_rows: Rows,
) -> list[Standing]:
    """Return the standing of each event among some dead letters, which lose their bodies at once.

    Those may be all that was ever quarantined; `Originals.whole` reads the few that are needed again.

    Args:
        failures: All dead letters of these events.
        actions: Gives the last thing that was done by hand about each of some events.
        rows: Tells which events have a row in the operational database.
        bronze_rows: Tells which have one in Bronze; asked for those alone whose row Bronze had refused.
    """
    found = newest(failure.bare() for failure in failures)
    refused = {event_id for event_id, (failure, _) in found.items() if _NOT_IN_BRONZE in failure.reason_codes}
    last: dict[str, RecoveryAction] = {}
    for chunk in _chunks(list(found)):
        last |= actions(chunk)
    present: set[str] = set()
    for ask, event_ids in ((rows, [each for each in found if each not in refused]), (bronze_rows, sorted(refused))):
        for chunk in _chunks(event_ids):
            present |= ask(chunk)
    return [
        Standing(failure, count, _state(failure, last.get(event_id), is_there=event_id in present), last.get(event_id))
        for event_id, (failure, count) in found.items()
    ]


def _chunks(event_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(event_ids), _CHUNK):
        yield event_ids[start : start + _CHUNK]


def _state(failure: Failure, last: RecoveryAction | None, *, is_there: bool) -> State:
    if is_there:
        return "passed"
    if last is None:
        return "open"
    if last.outcome == "closed":
        return "closed"
    # What failed again after it was sent is as open as before.
    if last.outcome in {"sent", "restarted"} and last.acted_at > failure.recorded_at:
        return "redriven"
    return "open"
