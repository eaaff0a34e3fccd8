"""How `payments replay` finds the events whose workflows ended without a row."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, cast

import pytest
from kit.clock import utc_now
from operations.__main__ import app
from operations.recovery import replay
from operations.recovery.events import Failure, RawEvent
from operations.recovery.filters import Filter
from operations.recovery.redrive import Candidate, Limits, Run
from operations.recovery.selection import Tally
from operations.recovery.session import Session
from typer.testing import CliRunner

from .recovery_cases import HOUR, NOON, failure, numbers, raw
from .test_recovery_originals import Held
from .test_recovery_selection import ACCEPTED, event_of


class Ended:
    """A session whose Temporal has some ended workflows, the newest first."""

    def __init__(self, *events: str) -> None:
        self._events = events
        self.asked: list[tuple[datetime | None, datetime | None]] = []

    def workflows(self) -> "Ended":
        return self

    def ended(self, states: Sequence[str], limit: int, since: datetime | None, until: datetime | None) -> list[str]:
        assert list(states) == ["failed"]
        self.asked.append((since, until))
        return list(self._events[:limit])

    def session(self) -> Session:
        return cast("Session", self)


def test_it_says_that_more_workflows_ended_than_it_looks_at_and_how_to_go_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = replay._ended(Ended("c", "b", "a").session(), ["failed"], 2, Filter())
    assert found == {"c", "b"}
    told = capsys.readouterr()
    assert told.out == "", "it may be JSON"
    assert told.err.count("\n") == 1
    assert "more than 2 workflows ended so" in told.err
    assert "--limit 20" in told.err


def test_it_says_nothing_where_it_looks_at_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert replay._ended(Ended("b", "a").session(), ["failed"], 2, Filter()) == {"a", "b"}
    assert capsys.readouterr().err == ""


def test_times_are_those_at_which_the_workflows_ended() -> None:
    ended, which = Ended("a"), Filter(since=NOON, until=NOON + HOUR)
    replay._ended(ended.session(), ["failed"], 2, which)
    assert ended.asked == [(NOON, NOON + HOUR)]


def of_ended(which: Filter, ended: Sequence[RawEvent], *held: RawEvent) -> tuple[list[int], Tally, Held]:
    source, tally = Held(*held), Tally()
    found = numbers(replay._of_ended(source, which, [each.event_id for each in ended], tally))
    return found, tally, source


def test_the_raw_events_of_ended_workflows_are_found_however_long_before_they_were_received(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lately, long_ago, never = raw(0), raw(200, received_at=NOON - 200 * HOUR), raw(1)
    found, tally, source = of_ended(Filter(since=NOON + HOUR), [lately, long_ago, never], lately, long_ago, raw(7))
    assert found == [0, 200]
    assert tally.without_raw == 1
    # Days of the archive are passed over for all but those that were not found near.
    assert [(each.since, len(each.event_ids)) for each in source.asked] == [(NOON - 23 * HOUR, 3), (None, 2)]
    assert capsys.readouterr().err.startswith(
        "2 of 3 were received more than a day before --since, or nowhere: looking"
    )


def test_nothing_is_looked_for_everywhere_where_all_was_found_near() -> None:
    found, tally, source = of_ended(Filter(since=NOON + HOUR, until=NOON + 2 * HOUR), [raw(0)], raw(0), raw(7))
    assert (found, tally.without_raw, len(source.asked)) == ([0], 0, 1)
    assert source.asked[0].until is not None
    assert source.asked[0].until > NOON + 2 * HOUR, "clocks differ"


class Recovered:
    """A session of the command; what it would send is noted."""

    def __init__(self, source: Held, *ended: str) -> None:
        self.source, self.trail = source, self
        self._ended = Ended(*ended)
        self.runs: list[Run] = []
        self.sent: list[str] = []

    def workflows(self) -> Ended:
        return self._ended

    def rows(self, event_ids: Sequence[str]) -> set[str]:
        del event_ids
        return set()

    def last(self, event_ids: Sequence[str]) -> dict[str, Any]:
        del event_ids
        return {}

    def perform(
        self, _session: object, run: Run, _limits: Limits, candidates: Iterator[Candidate], *_: object, **__: object
    ) -> bool:
        self.runs.append(run)
        self.sent += [each.event_id for each in candidates]
        return True


def told(monkeypatch: pytest.MonkeyPatch, session: Recovered, *options: str) -> str:
    @contextmanager
    def opened(_settings: object) -> Iterator[Recovered]:
        yield session

    monkeypatch.setattr(replay, "open_session", opened)
    monkeypatch.setattr(replay, "load", lambda _kind: None)
    monkeypatch.setattr(replay, "perform", session.perform)
    return CliRunner().invoke(app, ["replay", "--workflows", "failed", *options]).output


def received_long_ago(number: int) -> RawEvent:
    event = event_of(number, ACCEPTED)
    return replace(event, record=event.record.model_copy(update={"received_at": utc_now() - timedelta(hours=3)}))


def test_an_event_that_was_received_before_the_time_in_which_its_workflow_ended_is_among_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    event = received_long_ago(1)
    said = told(monkeypatch, Recovered(Held(event), event.event_id, "gone"), "--since", "2h")
    assert said.startswith("1 of 2 were received more than a day before --since, or nowhere")
    assert said.splitlines()[1:4] == [
        "1 raw record matched",
        "  1 of 2 ended workflows without a raw event that matches",
        "of 1 1 would pass now",
    ]
    nothing = told(monkeypatch, Recovered(Held(), "gone"), "--since", "2h")
    assert nothing.endswith(": 1 of 1 ended workflow without a raw event that matches\n")


def test_what_is_put_on_record_is_what_was_asked_for_and_no_list_of_what_was_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    events = [received_long_ago(number) for number in range(100)]
    session = Recovered(Held(*events), *(each.event_id for each in events))
    told(monkeypatch, session, "--provider", "stripe", "--execute")
    assert len(session.sent) == 100
    assert json.loads(session.runs[0].filter) == {"provider": ["stripe"], "workflows": ["failed"]}


def test_what_was_quarantined_is_read_without_bodies(monkeypatch: pytest.MonkeyPatch) -> None:
    event, other = received_long_ago(1), received_long_ago(2)
    asked: list[tuple[Filter, bool]] = []

    class Quarantined(Held):
        def failures(self, which: Filter, *, bodies: bool = True) -> Iterator[Failure]:
            asked.append((which, bodies))
            yield failure(1)

    session = Recovered(Quarantined(event, other), event.event_id, other.event_id)
    said = told(monkeypatch, session, "--unsupported", "--since", "2h")
    assert "1 left out: quarantined" in said
    assert asked == [(Filter(event_ids=frozenset({event.event_id, other.event_id})), False)]
