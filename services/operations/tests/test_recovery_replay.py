"""How `payments replay` finds the events whose workflows ended without a row."""

from collections.abc import Sequence
from datetime import datetime
from typing import cast

import pytest
from operations.recovery import replay
from operations.recovery.filters import Filter
from operations.recovery.session import Session


class Ended:
    """A session whose Temporal has some ended workflows, the newest first."""

    def __init__(self, *events: str) -> None:
        self._events = events

    def workflows(self) -> "Ended":
        return self

    def ended(self, states: Sequence[str], limit: int, since: datetime | None) -> list[str]:
        assert (list(states), since) == (["failed"], None)
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
