"""Which events are sent again: quarantined ones by their standing, raw ones by what became of them."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from payments_contracts.pins.operations import RecoveryAction

from operations.recovery.events import Failure, RawEvent
from operations.recovery.originals import Missing, Originals
from operations.recovery.portions import portions
from operations.recovery.redrive import Candidate
from operations.recovery.standing import Rows, Standing
from operations.recovery.trial import Trial, try_raw, try_refused

# A younger event may be on its way still.
SETTLED = timedelta(minutes=5)
# Whoever runs a command again goes on where it ended, and does not begin anew.
LATELY = timedelta(days=1)

_ENDED_WITHOUT_ROW = frozenset({"row_rejected", "database_row_rejected"})
"""Reasons with which the orchestrator's workflow ends: sending the event again would only find it ended."""

Actions = Callable[[Collection[str]], Mapping[str, RecoveryAction]]


def from_quarantine(standings: Sequence[Standing], originals: Originals) -> Iterator[Candidate]:
    """Yield the events of some dead letters as candidates, in the order in which their webhooks were read.

    Their originals are looked for when their turn comes: no more of them are held at once than are found together, and
    that is bounded by their bytes, as far as the dead letters tell these.
    """
    failures = sorted((each.failure for each in standings), key=lambda failure: (failure.received_at, failure.position))
    for portion in portions(failures, lambda failure: failure.size):
        found = originals.find(portion)
        # Of these the dead letter alone has the body.
        refused = originals.whole([failure for failure in portion if failure.stage == "gateway"])
        whole = {failure.event_id: failure for failure in refused}
        for failure in portion:
            yield _candidate(whole.pop(failure.event_id, failure), found.pop(failure.event_id))


def bare(candidate: Candidate) -> Candidate:
    """Return a candidate without the body of its original, for who only counts."""
    original = candidate.original
    return candidate if isinstance(original, Missing) else replace(candidate, original=original.bare())


def _candidate(failure: Failure, original: RawEvent | Missing) -> Candidate:
    return Candidate(
        event_id=failure.event_id,
        provider=failure.provider,
        original=original,
        trial=try_failure(failure, original),
        reason_codes=failure.reason_codes,
        restart=failure.stage == "orchestrator" and not _ENDED_WITHOUT_ROW.isdisjoint(failure.reason_codes),
    )


def try_failure(failure: Failure, original: RawEvent | Missing) -> Trial:
    """Put a dead letter through today's contract: its original where there is one, or what it holds itself."""
    if isinstance(original, RawEvent):
        return try_raw(original)
    if failure.stage != "gateway":
        return Trial("fails", ("no_original",), (original.reason,))
    if failure.left_out is not None:
        return Trial("fails", ("no_original",), ("its dead letter is held no more",))
    trial = try_refused(failure)
    # Whatever the mapping says of the body: it has no envelope, and no way in but the gateway's.
    said = trial.reasons or ("the mapping takes the body; have the provider send it again",)
    return Trial("fails", ("refused_by_gateway",), said)


@dataclass(slots=True)
class Tally:
    """What was found among raw events, by what became of them and by what today's contract says.

    `ended` is by how many ended workflows they were looked for, and `without_raw` of how many there was none, once
    that is known.
    """

    matched: int = 0
    repeated: int = 0
    with_row: int = 0
    quarantined: int = 0
    young: int = 0
    sent_lately: int = 0
    considered: int = 0
    passes: int = 0
    unsupported: Counter[str] = field(default_factory=Counter)
    fails: Counter[str] = field(default_factory=Counter)
    failing: int = 0
    ended: int = 0
    without_raw: int | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """Which raw events are meant beside those that the filter covers.

    `without_row` leaves out what has its row, `unsupported` that and what was quarantined; `again` takes what was sent
    within the last day too, and `force` what today's contract does not take. `restart` starts workflows again in place
    of sending records, where there are any: of one that has ended, its event would only find that it has.
    """

    without_row: bool = False
    unsupported: bool = False
    again: bool = False
    force: bool = False
    restart: bool = False


class RawSelection:
    """Chooses among raw events, and counts what it finds as it goes.

    Args:
        choice: Which are meant.
        rows: Tells which events have a row.
        quarantined: Events that have a dead letter; looked at for `unsupported` alone.
        actions: Gives what was last done by hand about events.
        now: The time of the run.
    """

    def __init__(
        self, choice: Choice, *, rows: Rows, quarantined: Collection[str], actions: Actions, now: datetime
    ) -> None:
        self._choice = choice
        self._rows, self._quarantined, self._actions, self._now = rows, quarantined, actions, now
        self.tally = Tally()

    def choose(self, events: Iterable[RawEvent]) -> Iterator[Candidate]:
        """Yield those that are meant and that today's contract takes; each event once."""
        # All ids are needed: an event may come again after any time, by its provider or by hand.
        seen: set[str] = set()
        for portion in portions(events, lambda event: event.size):
            self.tally.matched += len(portion)
            fresh: dict[str, RawEvent] = {}
            for event in portion:
                if event.event_id in seen:
                    self.tally.repeated += 1
                else:
                    seen.add(event.event_id)
                    fresh[event.event_id] = event
            yield from self._tried(self._meant(fresh))

    def _meant(self, events: Mapping[str, RawEvent]) -> list[RawEvent]:
        choice, tally = self._choice, self.tally
        present = self._rows(events.keys()) if choice.without_row or choice.unsupported else set()
        last = {} if choice.again else self._actions(events.keys())
        meant: list[RawEvent] = []
        for event_id, event in events.items():
            if event_id in present:
                tally.with_row += 1
            elif choice.unsupported and event_id in self._quarantined:
                tally.quarantined += 1
            elif (choice.unsupported or choice.without_row) and event.received_at > self._now - SETTLED:
                tally.young += 1
            elif self._was_sent(last.get(event_id)):
                tally.sent_lately += 1
            else:
                meant.append(event)
        return sorted(meant, key=lambda event: event.received_at)

    def _was_sent(self, last: RecoveryAction | None) -> bool:
        return last is not None and last.outcome in {"sent", "restarted"} and last.acted_at > self._now - LATELY

    def _tried(self, events: Iterable[RawEvent]) -> Iterator[Candidate]:
        for event in events:
            trial = try_raw(event)
            self.tally.considered += 1
            if trial.passes:
                self.tally.passes += 1
            elif trial.verdict == "unsupported":
                self.tally.unsupported[event.event_type] += 1
            else:
                self.tally.failing += 1
                self.tally.fails.update(set(trial.reason_codes))
            if trial.passes or self._choice.force:
                yield Candidate(event.event_id, event.provider, event, trial, restart=self._choice.restart)
