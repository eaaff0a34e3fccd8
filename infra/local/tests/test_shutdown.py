"""Stopping processes of a supervisor that starts again what has exited."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
from rich.console import Console

from stack import shutdown, supervision
from stack.errors import StackError
from stack.places import Places
from stack.processes import Process
from stack.supervision import Info, Supervisor


class Turns:
    """A supervisor whose processes have a list of states, one for each time that it is asked."""

    def __init__(self, **states: list[str]) -> None:
        self.states = states
        self.told: list[tuple[str, str]] = []

    def processes(self) -> dict[str, Info]:
        return {
            name: Info(name=name, state=turns[0], pid=1, started=0, detail="") for name, turns in self.states.items()
        }

    def signal_stop(self, name: str) -> None:
        turns = self.states[name]
        self.told.append((name, turns[0]))
        if turns[0] in {"RUNNING", "STARTING"}:
            turns[:] = ["STOPPING", "STOPPED"]


class Clock:
    """Each look at it is a turn of the supervisor."""

    def __init__(self, supervisor: Turns) -> None:
        self._supervisor = supervisor
        self._now = 0.0

    def monotonic(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        self._now += seconds
        for turns in self._supervisor.states.values():
            if len(turns) > 1:
                del turns[0]


def stop(monkeypatch: pytest.MonkeyPatch, **states: list[str]) -> Turns:
    supervisor = Turns(**states)
    monkeypatch.setattr(shutdown, "time", Clock(supervisor))
    shutdown.stop(cast("Supervisor", supervisor), states)
    return supervisor


def test_a_process_that_has_just_exited_is_stopped_when_it_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    supervisor = stop(monkeypatch, app=["EXITED", "STARTING", "RUNNING"], db=["RUNNING"])
    assert supervisor.told == [("app", "EXITED"), ("db", "RUNNING"), ("app", "STARTING")]
    assert [turns[0] for turns in supervisor.states.values()] == ["STOPPED", "STOPPED"]


def test_what_stops_is_told_once_and_what_is_stopped_never(monkeypatch: pytest.MonkeyPatch) -> None:
    assert stop(monkeypatch, app=["STOPPING", "STOPPING", "STOPPED"], db=["STOPPED"], ui=["FATAL"]).told == []


def test_what_does_not_stop_is_named_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StackError, match=r"60 s after they were told to stop: app\.$"):
        stop(monkeypatch, app=["STOPPING"], db=["RUNNING"])


def test_a_killed_process_that_is_told_to_stop_at_once_does_not_come_back(
    places: Callable[[Path], Places], process: Callable[..., Process], tmp_path: Path
) -> None:
    """The same with the real supervisor, which reads requests before it looks at what has exited."""
    here = places(tmp_path)
    supervision.write(here, [process("app", command=("/bin/sleep", "600"))])
    supervisor = Supervisor(here)
    supervisor.start()
    try:
        for _ in range(3):
            supervisor.launch("app")
            while (pid := supervisor.processes()["app"].pid) == 0:
                time.sleep(0.01)
            os.kill(pid, signal.SIGKILL)
            while supervisor.processes()["app"].pid == pid:
                time.sleep(0.01)
            shutdown.stop(supervisor, ["app"])
            # It looks at what has exited once a second.
            time.sleep(1.5)
            assert supervisor.processes()["app"].state == "STOPPED"
    finally:
        shutdown.down(here, Console(quiet=True))
