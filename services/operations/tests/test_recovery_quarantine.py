"""What `payments quarantine` reads of dead letters."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from operations.__main__ import app
from operations.recovery import quarantine
from operations.recovery.events import Failure
from operations.recovery.filters import Filter
from typer.testing import CliRunner

from .recovery_cases import NOON, failure
from .test_recovery_originals import Held

Ask = Callable[..., list[tuple[Filter, bool]]]


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Runs a command, and returns of which dead letters it asked, and whether with their bodies."""
    asked: list[tuple[Filter, bool]] = []

    class Quarantined(Held):
        def failures(self, which: Filter, *, bodies: bool = True) -> Iterator[Failure]:
            asked.append((which, bodies))
            yield failure(0)

    @contextmanager
    def opened(_settings: object) -> Iterator[SimpleNamespace]:
        trail = SimpleNamespace(last=lambda _ids: {})
        yield SimpleNamespace(source=Quarantined(), trail=trail, rows=none, bronze_rows=none)

    def none(_ids: Collection[str]) -> set[str]:
        return set()

    def run(*command: str) -> list[tuple[Filter, bool]]:
        done = CliRunner().invoke(app, ["quarantine", *command])
        assert done.exit_code == 0, done.output
        return asked

    monkeypatch.setattr(quarantine, "open_session", opened)
    monkeypatch.setattr(quarantine, "load", lambda _kind: None)
    return run


@pytest.mark.parametrize("command", [["list"], ["close", "--reason-final", "so"]], ids=lambda each: each[0])
def test_bodies_that_nobody_looks_at_are_not_read(ask: Ask, command: list[str]) -> None:
    since = Filter(quarantined_since=NOON)
    assert ask(*command, "--quarantined-since", "2026-03-01T12:00") == [(since, False)]


@pytest.mark.parametrize("command", ["try", "redrive"])
def test_they_are_read_where_originals_are_told_by_them(ask: Ask, command: str) -> None:
    assert ask(command) == [(Filter(), True)]
