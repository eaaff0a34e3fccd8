"""A console whose parts are in memory; for tests."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from operations.console.access import Sessions
from operations.console.answers import Answer
from operations.console.app import Desk, build_app
from operations.console.board import Board, Lag, Layer, Overview
from operations.console.metrics import HOPS, Hop
from operations.console.money import Line, Today
from operations.console.pages import Pages
from operations.console.parts import Part
from operations.console.quarantine import Quarantined
from operations.console.runs import Runs
from operations.recovery.standing import Standing
from operations.trace.facts import DATABASE, Facts
from operations.trace.look import Look
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from starlette.testclient import TestClient

from .recovery_cases import failure
from .tracing import EVENT, NOON, NOW, SCORED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from fastapi import FastAPI
    from operations.recovery.session import Session
    from operations.recovery.standing import State
    from operations.trace.facts import Row

TOKEN = "a token of the tests"
NOTHING_TAKEN = {"refunded": 0, "disputed": 0, "reversed": 0}
HOSTILE = "<script>alert('m')</script>"
SECOND = timedelta(seconds=1)


def told(value: Any) -> Answer[Any]:
    """Return an answer that came just now."""
    return Answer(value, NOW, is_due=False)


def gone(reason: str, value: Any = None) -> Answer[Any]:
    """Return that of a part which went away a minute ago."""
    return Answer(value, NOW - 90 * SECOND if value is not None else None, reason, NOW - 60 * SECOND, is_due=False)


def standing(number: int, state: State = "open", **changes: Any) -> Standing:
    """Return a quarantined event."""
    return Standing(failure(number, **changes).bare(), 1, state, None)


def overview(**changes: Any) -> Overview:
    """Return a first page on which all is well."""
    parts = [
        *(Part(name, "up", "answers") for name in ("kafka", "registry", "flink", "temporal", "database", "catalog")),
        *(Part(name, "up", "ready") for name in ("gateway-stripe", "normalizer-stripe", "orchestrator", "archiver")),
    ]
    hops = [Hop(title, 42, {0.5: 0.012, 0.95: 0.044, 0.99: 1.25}, 0.001, 0.01) for title, _, _ in HOPS.values()]
    values: dict[str, Any] = {
        "parts": parts,
        "alerts": told([]),
        "hops": told(hops),
        "layers": told([Layer(each, NOON) for each in ("bronze", "silver", "gold")]),
        "lags": told([Lag("orchestrator", "normalized events", 1234)]),
        "differences": told({}),
        "audited": told(NOON),
        "quarantine": told(Quarantined([standing(1), standing(2, "passed")])),
        "events": told([SCORED]),
        "today": told(
            Today(
                NOW.date(),
                [
                    Line(
                        "EUR",
                        {"payment": 3},
                        {"captured": 123456, **NOTHING_TAKEN, "fee": 5, "net": 1},
                    ),
                    Line(
                        "JPY",
                        {"payment": 1},
                        {"captured": 5000, **NOTHING_TAKEN, "fee": 0, "net": 0},
                    ),
                    Line(
                        "KWD",
                        {"payment": 1},
                        {"captured": 1234, **NOTHING_TAKEN, "fee": 0, "net": 0},
                    ),
                ],
                [],
                NOON,
                None,
            )
        ),
        "acted": told({"sent": 2}),
    }
    return Overview(**(values | changes))


@dataclass
class MemoryBoard:
    """What a board answers."""

    first: Overview = field(default_factory=overview)
    quarantined: Answer[Quarantined] = field(default_factory=lambda: told(Quarantined([standing(1)])))
    looks: dict[str, Answer[Look]] = field(default_factory=dict)

    def overview(self, window: str) -> Overview:
        return self.first

    def quarantine(self, window: str) -> Answer[Quarantined]:
        return self.quarantined

    def trace(self, wanted: str) -> Answer[Look]:
        return self.looks.get(wanted, told(Look([], ["the archive, since noon"], {})))


def traced(**changes: Any) -> Answer[Look]:
    """Return the trace of an event of which the operational database has the row."""
    row: Row = {**SCORED, **changes}
    return told(Look([Facts(EVENT, row=row, away={DATABASE: "gone"})], [], {}))


@dataclass
class MemoryRecovery:
    """What a run finds, in place of a session with the servers."""

    standings: Sequence[Standing]

    @contextmanager
    def opened(self) -> Iterator[Session]:
        yield cast("Session", SimpleNamespace(standings=self.standings))


def application(
    board: MemoryBoard, *, token: str | None = TOKEN, runs: Runs | None = None, now: datetime = NOW
) -> FastAPI:
    """Return the console of a board."""
    desk = Desk(
        cast("Board", board),
        runs or Runs(MemoryRecovery([]).opened, lambda: now),
        Sessions(None if token is None else SecretStr(token), lambda: now),
        Pages(),
        lambda: now,
    )
    return build_app(desk, ["127.0.0.1", "localhost"], CollectorRegistry())


def client(
    board: MemoryBoard | None = None, *, token: str | None = TOKEN, runs: Runs | None = None, now: datetime = NOW
) -> TestClient:
    """Return a browser at the console, without scripts."""
    app = application(board or MemoryBoard(), token=token, runs=runs, now=now)
    return TestClient(app, base_url="http://127.0.0.1:13002", follow_redirects=False)
