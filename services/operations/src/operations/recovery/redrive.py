"""Sends events again: bounded in rate, on record, stopped by a person or by what fails again."""

import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Literal, Protocol

from kit.clock import Clock
from payments_contracts.database import RECOVERY_ACTIONS
from payments_contracts.pins.operations import RecoveryAction

from operations.recovery.events import Position, RawEvent
from operations.recovery.originals import Missing
from operations.recovery.portions import portions
from operations.recovery.sending import Batch, unacknowledged
from operations.recovery.trial import Trial

_BATCH = 100
_SETTLE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Candidate:
    """An event that may be sent again: its record or why there is none, what today's contract says, what was wrong.

    `restart` is true of one whose workflow has ended without its row: that is started again in place of the record.
    """

    event_id: str
    provider: str
    original: RawEvent | Missing
    trial: Trial
    reason_codes: tuple[str, ...] = ()
    restart: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a command, as it is put on record with all that it does; `note` is why, where that is told."""

    command: Literal["redrive", "replay"]
    actor: str
    filter: str
    run_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """How fast, and when to stop: `failures` is how many events may fail again; one more ends the run.

    With `force`, what today's contract refuses is sent all the same, and nothing that fails again ends the run.
    """

    rate: float = 50.0
    failures: int = 20
    force: bool = False


@dataclass(slots=True)
class Report:
    """What a run has done so far, by event id. `failed_again` are codes; `stopped` says why it ended before its end.

    Attributes:
        sent: The events that the pipeline was given again.
        under_way: Those of them of which nothing has been heard yet.
    """

    written: dict[str, Position] = field(default_factory=dict)
    restarted: set[str] = field(default_factory=set)
    still_fails: dict[str, Trial] = field(default_factory=dict)
    not_found: dict[str, str] = field(default_factory=dict)
    failed_again: dict[str, tuple[str, ...]] = field(default_factory=dict)
    passed: set[str] = field(default_factory=set)
    stopped: str | None = None
    sent: set[str] = field(init=False)
    under_way: set[str] = field(init=False)

    def __post_init__(self) -> None:
        self.sent = self.written.keys() | self.restarted
        self.under_way = self.sent - self.passed - self.failed_again.keys()

    def add_written(self, written: Mapping[str, Position]) -> None:
        """Take note of records that were written again."""
        self.written.update(written)
        self._add_sent(written)

    def add_restarted(self, event_id: str) -> None:
        """Take note of an event whose workflow was started again."""
        self.restarted.add(event_id)
        self._add_sent((event_id,))

    def add_failed(self, event_id: str, codes: tuple[str, ...]) -> None:
        """Take note of an event that was quarantined, if it is one of those that were sent."""
        if event_id in self.sent:
            self.failed_again[event_id] = codes
            self.under_way.discard(event_id)

    def add_passed(self, event_ids: set[str]) -> None:
        """Take note of events that have their row."""
        self.passed |= event_ids
        self.under_way -= event_ids

    def _add_sent(self, event_ids: Collection[str]) -> None:
        self.sent.update(event_ids)
        self.under_way.update(event_ids)


class Sends(Protocol):
    """Writes records again; `sending.Sender` does."""

    def send(self, events: Sequence[RawEvent], run_id: str) -> Batch:
        """Write some events in their order."""


class Ledger(Protocol):
    """Keeps what was done; `audit.Trail` does."""

    def record(self, actions: Sequence[RecoveryAction]) -> None:
        """Keep it, all or nothing."""


class Watch(Protocol):
    """Sees what fails again; `watching.DeadLetterWatch` does."""

    def failed(self) -> dict[str, tuple[str, ...]]:
        """Return what was quarantined since the last call."""


Restart = Callable[[str], str | None]
"""Starts an event's workflow again; returns why not where that cannot be done."""


class Redrive:
    """Sends candidates again, in their order.

    What was sent is on record before the next batch is sent, so that a run which is ended by force has at most one
    batch sent and not on record; sending that again changes nothing downstream.

    Args:
        run: What is put on record of the run.
        limits: How fast, and when to stop.
        sender: Writes the records.
        ledger: Keeps what was done.
        watch: Sees what fails again.
        restart: Starts workflows again.
        rows: Tells which events have their row now.
        clock: Gives the time of each deed.
        stop: Set by whoever wants the run to end after the batch that is under way.
        tell: Called with the report after each batch.
    """

    def __init__(
        self,
        run: Run,
        limits: Limits,
        *,
        sender: Sends,
        ledger: Ledger,
        watch: Watch,
        restart: Restart,
        rows: Callable[[Collection[str]], set[str]],
        clock: Clock,
        stop: threading.Event,
        tell: Callable[[Report], None] = lambda _report: None,
    ) -> None:
        self._run, self._limits = run, limits
        self._sender, self._ledger, self._watch, self._restart = sender, ledger, watch, restart
        self._rows, self._clock, self._stop, self._tell = rows, clock, stop, tell
        self.report = Report()

    def send(self, candidates: Iterable[Candidate]) -> Report:
        """Send what can be sent, and return what was done; the report says why where that is not all.

        Raises:
            UnavailableError: A server does not answer; what was sent until then is on record.
        """
        size = max(1, min(_BATCH, int(self._limits.rate)))
        due = time.monotonic()
        for batch in _batches(candidates, size):
            if self._stop.wait(max(0.0, due - time.monotonic())):
                self.report.stopped = "interrupted"
                break
            count = self._take(batch)
            due = max(due, time.monotonic() - 1.0) + count / self._limits.rate
            self._look()
            self._tell(self.report)
            if self.report.stopped is not None:
                break
        return self.report

    def settle(self, patience: float) -> Report:
        """Wait until each event that was sent has its row or has failed again, and for `patience` seconds at most."""
        deadline = time.monotonic() + patience
        while True:
            began = time.monotonic()
            self._look()
            for waiting in portions(sorted(self.report.under_way), lambda _event_id: 0):
                self.report.add_passed(self._rows(waiting))
            self._tell(self.report)
            # To ask for many takes its time; the database has other things to do for as long again.
            pause = max(_SETTLE_SECONDS, time.monotonic() - began)
            if not self.report.under_way or time.monotonic() > deadline or self._stop.wait(pause):
                return self.report

    def _take(self, batch: Sequence[Candidate]) -> int:
        """Send what can be sent of a batch; return how many that are."""
        now = self._clock()
        actions: list[RecoveryAction] = []
        sendable: dict[str, Candidate] = {}
        events: list[RawEvent] = []
        try:
            for each in batch:
                if each.restart and self._restart(each.event_id) is None:
                    self.report.add_restarted(each.event_id)
                    actions.append(self._action(each, "restarted", now, detail=self._run.note))
                elif isinstance(each.original, Missing):
                    self.report.not_found[each.event_id] = each.original.reason
                    actions.append(self._action(each, "not_found", now, detail=each.original.reason))
                elif not (each.trial.passes or self._limits.force):
                    self.report.still_fails[each.event_id] = each.trial
                    codes = each.trial.reason_codes
                    actions.append(
                        self._action(each, "still_fails", now, codes=codes, detail="; ".join(each.trial.reasons))
                    )
                else:
                    sendable[each.original.event_id] = each
                    events.append(each.original)
            done = self._sender.send(events, self._run.run_id) if events else Batch()
            for event_id, position in done.written.items():
                actions.append(self._action(sendable[event_id], "sent", now, detail=self._run.note, target=position))
            self.report.add_written(done.written)
        finally:
            # A server that goes away in the midst of a batch undoes nothing of what was done before.
            if actions:
                self._ledger.record(actions)
        if len(done.written) < len(sendable):
            raise unacknowledged(done)
        return len(done.written)

    def _look(self) -> None:
        """Take note of what failed again, and stop where that is too much."""
        for event_id, codes in self._watch.failed().items():
            self.report.add_failed(event_id, codes)
        failed = self.report.failed_again
        if len(failed) > self._limits.failures and not self._limits.force:
            named = ", ".join(sorted({code for each in failed.values() for code in each}))
            self.report.stopped = (
                f"{len(failed)} of {len(self.report.sent)} events that were sent failed again ({named}): a contract or "
                "a service is wrong. Nothing more is sent; mend it and run the command again, or use --force"
            )

    def _action(
        self,
        candidate: Candidate,
        outcome: Literal["sent", "restarted", "still_fails", "not_found"],
        now: datetime,
        *,
        codes: tuple[str, ...] | None = None,
        detail: str | None = None,
        target: Position | None = None,
    ) -> RecoveryAction:
        original = candidate.original
        source = None if isinstance(original, Missing) else original.position
        return RecoveryAction(
            action_id=str(uuid.uuid4()),
            run_id=self._run.run_id,
            acted_at=now,
            actor=self._run.actor,
            command=self._run.command,
            filter=self._run.filter,
            event_id=candidate.event_id,
            provider=candidate.provider,
            outcome=outcome,
            reason_codes=list(candidate.reason_codes if codes is None else codes),
            detail=detail,
            origin=None if target is None or isinstance(original, Missing) else original.origin,
            source_topic=None if source is None else source.topic,
            source_partition=None if source is None else source.partition,
            source_offset=None if source is None else source.offset,
            target_topic=None if target is None else target.topic,
            target_partition=None if target is None else target.partition,
            target_offset=None if target is None else target.offset,
            schema_version=RECOVERY_ACTIONS.version,
        )


def _batches(candidates: Iterable[Candidate], size: int) -> Iterator[tuple[Candidate, ...]]:
    ahead = iter(candidates)
    while batch := tuple(islice(ahead, size)):
        yield batch
