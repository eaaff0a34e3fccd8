"""Trials and redrives of the console, by the recovery's own code on parts in memory."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from operations.console.quarantine import Choice
from operations.console.runs import BusyError, Runs
from operations.errors import UnavailableError
from operations.recovery.sending import Batch
from operations.recovery.sources import NoArchive
from payments_contracts.examples import EXAMPLES

from .recovery_cases import NOON, failure, raw

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from operations.recovery.events import RawEvent
    from operations.recovery.session import Session
    from payments_contracts.pins.operations import RecoveryAction

BODY = next(each.body for each in EXAMPLES if each.kind == "accepted" and each.provider == "stripe")


class Memory:
    """Servers in memory: two quarantined events, of which today's contract takes the first."""

    def __init__(self) -> None:
        self.raw = [raw(0, payload=BODY), raw(1)]
        self.sent: list[str] = []
        self.actions: list[RecoveryAction] = []
        self.rows: set[str] = set()
        self.gate = threading.Event()
        self.gate.set()
        self.away = False

    @contextmanager
    def opened(self) -> Iterator[Session]:
        self.gate.wait(10)
        if self.away:
            raise UnavailableError("Kafka does not answer")
        yield cast("Session", self.session())

    def session(self) -> Any:
        source: Any = NoArchive()
        source.failures = lambda _which, *, bodies: iter([failure(0), failure(1)])
        source.at = lambda places, _within: iter([each for each in self.raw if each.position in places])
        source.raw = lambda _which: iter(())
        trail = SimpleNamespace(check=lambda: None, last=self.last, record=self.actions.extend)
        return SimpleNamespace(
            source=source,
            trail=trail,
            rows=self.present,
            bronze_rows=lambda _ids: set(),
            workflows=lambda: None,
            sender=lambda: SimpleNamespace(send=self.send),
            watch=lambda: SimpleNamespace(failed=dict),
        )

    def last(self, event_ids: Collection[str]) -> dict[str, RecoveryAction]:
        return {each.event_id: each for each in self.actions if each.event_id in event_ids}

    def present(self, event_ids: Collection[str]) -> set[str]:
        return self.rows & set(event_ids)

    def send(self, events: Sequence[RawEvent], run_id: str) -> Batch:
        self.sent += [each.event_id for each in events]
        self.rows |= {each.event_id for each in events}
        return Batch({each.event_id: each.position for each in events if each.position is not None})


def ended(runs: Runs, begin: Callable[[], Any]) -> Any:
    work = begin()
    runs.close()
    return work


@pytest.fixture
def memory() -> Memory:
    return Memory()


def test_a_trial_says_what_would_pass_and_sends_nothing(memory: Memory) -> None:
    runs = Runs(memory.opened, lambda: NOON)
    work = ended(runs, lambda: runs.attempt(Choice()))
    assert work.failure is None
    assert [(each.event_id, each.passes) for each in work.tried] == [
        (raw(0).event_id, True),
        (raw(1).event_id, False),
    ]
    assert (memory.sent, memory.actions) == ([], [])
    assert runs.get(work.id) is work
    assert runs.newest() == [work]


def test_a_redrive_sends_what_passed_and_keeps_who_and_why_on_record(memory: Memory) -> None:
    runs = Runs(memory.opened, lambda: NOON)
    trial = ended(runs, lambda: runs.attempt(Choice()))
    again = Runs(memory.opened, lambda: NOON)
    work = again.redrive(trial, "ann", "the mapping is mended")
    deadline = threading.Event()
    while work.ended_at is None and not deadline.wait(0.05):
        pass
    assert work.failure is None
    assert memory.sent == [raw(0).event_id]
    (action,) = memory.actions
    assert (action.run_id, action.actor, action.detail) == (work.id, "ann", "the mapping is mended")
    assert (action.outcome, action.event_id) == ("sent", raw(0).event_id)
    assert work.report.passed == {raw(0).event_id}


def test_an_event_that_has_its_row_is_not_sent_again(memory: Memory) -> None:
    memory.rows = {raw(0).event_id}
    runs = Runs(memory.opened, lambda: NOON)
    work = ended(runs, lambda: runs.attempt(Choice(state="all")))
    assert [(each.state, each.passes) for each in work.tried] == [("passed", False), ("open", False)]


def test_one_run_at_a_time(memory: Memory) -> None:
    memory.gate.clear()
    runs = Runs(memory.opened, lambda: NOON)
    runs.attempt(Choice())
    with pytest.raises(BusyError):
        runs.attempt(Choice())
    memory.gate.set()
    runs.close()


def test_a_server_that_is_away_ends_a_run_with_its_reason(memory: Memory) -> None:
    memory.away = True
    runs = Runs(memory.opened, lambda: NOON)
    work = ended(runs, lambda: runs.attempt(Choice()))
    assert work.failure == "Kafka does not answer"
    assert work.ended_at == NOON
