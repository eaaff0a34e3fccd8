"""What was asked for by hand on the console: trials and redrives, one at a time, by the recovery's own code."""

import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Literal

import structlog
from kit.clock import Clock
from kit.errors import PipelineError, Rejected

from operations.console.quarantine import Choice
from operations.recovery.finding import find, in_states, refused_by_bronze
from operations.recovery.originals import Missing, Originals
from operations.recovery.performance import prepared
from operations.recovery.redrive import Candidate, Limits, Report, Run
from operations.recovery.selection import bare, from_quarantine
from operations.recovery.session import Session
from operations.recovery.standing import State
from operations.recovery.trial import Trial

_log = structlog.get_logger(__name__)
MOST: Final = 500
"""Events of one run."""
_REMEMBERED: Final = 50
_RATE: Final = 50.0
_FAILURES: Final = 20
_SETTLE_SECONDS: Final = 120.0
_SENT_AGAIN: Final = ("open", "redriven")
"""States of what a redrive may be about: nothing is due of the others."""

Opens = Callable[[], AbstractContextManager[Session]]
Kind = Literal["try", "redrive"]


class BusyError(Rejected):
    """Another run is under way."""

    def __init__(self) -> None:
        super().__init__("another run is under way; wait for its end", "busy")


@dataclass(frozen=True, slots=True)
class Tried:
    """What today's contract says of a quarantined event, and its state; `passes` is whether a redrive would send it."""

    event_id: str
    provider: str
    reason_codes: tuple[str, ...]
    state: State
    trial: Trial
    passes: bool


@dataclass(slots=True)
class Work:
    """A run as it stands.

    Attributes:
        id: Of the run; a redrive has it on record.
        kind: What it does.
        choice: Which events it is about; `event_ids` those of a redrive, as a trial found them.
        actor: Who asked for it, and `note` why; of a redrive alone.
        started_at: When (UTC); `ended_at` when it was over.
        tried: What a trial found, and `matched` how many events were meant.
        report: What a redrive has done.
        failure: Why it came to no end.
    """

    kind: Kind
    choice: Choice
    started_at: datetime
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    actor: str | None = None
    note: str | None = None
    event_ids: frozenset[str] = frozenset()
    ended_at: datetime | None = None
    tried: Sequence[Tried] = ()
    matched: int = 0
    report: Report = field(default_factory=Report)
    failure: str | None = None

    @property
    def passing(self) -> frozenset[str]:
        """The events of a trial that a redrive would send."""
        return frozenset(each.event_id for each in self.tried if each.passes)


class Runs:
    """Does what is asked for, one after the other, each in a thread of its own.

    Args:
        opens: Opens the recovery's session.
        clock: Returns the present time.
    """

    def __init__(self, opens: Opens, clock: Clock) -> None:
        self._opens = opens
        self._clock = clock
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._known: OrderedDict[str, Work] = OrderedDict()

    def get(self, run_id: str) -> Work | None:
        """Return a run; None of one that was never asked for, or is not remembered any more."""
        with self._lock:
            return self._known.get(run_id)

    def newest(self) -> list[Work]:
        """Return the runs that are remembered, the newest first."""
        with self._lock:
            return list(reversed(self._known.values()))

    def attempt(self, choice: Choice) -> Work:
        """Put events through today's contract; sends nothing.

        Raises:
            BusyError: Another run is under way.
        """
        return self._begin(Work("try", choice, self._clock()), self._try)

    def redrive(self, trial: Work, actor: str, note: str) -> Work:
        """Send again what a trial found to pass, on record with who and why.

        Raises:
            BusyError: Another run is under way.
        """
        work = Work("redrive", trial.choice, self._clock(), actor=actor, note=note, event_ids=trial.passing)
        return self._begin(work, self._redrive)

    def close(self) -> None:
        """Let what is under way come to the end of its batch."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _begin(self, work: Work, carry_out: Callable[[Session, Work], None]) -> Work:
        with self._lock:
            if self._thread is not None and self._thread.is_alive():
                raise BusyError
            self._known[work.id] = work
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
            self._thread = threading.Thread(target=self._run, args=(work, carry_out), name=work.kind)
            self._thread.start()
        return work

    def _run(self, work: Work, carry_out: Callable[[Session, Work], None]) -> None:
        try:
            with self._opens() as session:
                carry_out(session, work)
        except PipelineError as error:
            work.failure = str(error)
        except Exception as error:  # noqa: BLE001  # its thread is the last that could tell
            _log.exception("run_failed", run_id=work.id)
            work.failure = f"{type(error).__name__}, see the log"
        finally:
            work.ended_at = self._clock()
            _log.info("run_ended", run_id=work.id, kind=work.kind, sent=len(work.report.sent), failure=work.failure)

    def _try(self, session: Session, work: Work) -> None:
        found = in_states(find(session, work.choice.filter(work.started_at)), [work.choice.state])
        work.matched = len(found)
        states = {each.failure.event_id: each.state for each in found}
        candidates = from_quarantine(found[:MOST], Originals(session.source))
        work.tried = [_tried(bare(each), states[each.event_id]) for each in candidates]

    def _redrive(self, session: Session, work: Work) -> None:
        asked = work.choice.filter(work.started_at)
        found = in_states(find(session, replace(asked, event_ids=work.event_ids)), _SENT_AGAIN)
        run = Run("redrive", work.actor or "", asked.as_json(), run_id=work.id, note=work.note)
        redrive = prepared(
            session,
            run,
            Limits(_RATE, _FAILURES),
            stop=self._stop,
            tell=lambda _report: None,
            bronze_alone=refused_by_bronze(found),
        )
        work.report, work.matched = redrive.report, len(found)
        redrive.send(from_quarantine(found, Originals(session.source)))
        if work.report.sent and not self._stop.is_set():
            redrive.settle(_SETTLE_SECONDS)


def command(choice: Choice, now: datetime) -> str:
    """Return the command line that is about the same events, for more of them than a page takes."""
    which = choice.filter(now)
    asked = {"provider": choice.provider, "reason": choice.reason, "event": choice.event}
    options = [f"--{name} {value}" for name, value in asked.items() if value is not None]
    since = "" if which.since is None else f" --since {which.since:%Y-%m-%dT%H:%M:%S}"
    return " ".join(["payments quarantine redrive", *options]) + since


def _tried(candidate: Candidate, state: State) -> Tried:
    passes = candidate.restart or (candidate.trial.passes and not isinstance(candidate.original, Missing))
    passes = passes and state in _SENT_AGAIN
    return Tried(candidate.event_id, candidate.provider, candidate.reason_codes, state, candidate.trial, passes)
