"""The processes of a stack that can be killed, and what becomes of them."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

from stack.definition import items, processes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stack.processes import Process
    from stack.session import Session

# No event passes through these.
_BYSTANDERS = ("dagster", "trino", "temporal-ui", "prometheus", "alertmanager", "watch", "console")
_STEP_SECONDS = 0.2


class NotBackError(Exception):
    """The supervisor did not bring a process back."""


class Victims:
    """The processes that carry events."""

    def __init__(self, session: Session) -> None:
        self._supervisor = session.supervisor
        self._processes: Mapping[str, Process] = {
            each.name: each for each in processes(items(session.context())) if not each.name.startswith(_BYSTANDERS)
        }

    @property
    def names(self) -> list[str]:
        """The names of all of them."""
        return sorted(self._processes)

    def kill(self, name: str) -> int:
        """End a process without warning, not its children; return its id."""
        pid = self._supervisor.processes()[name].pid
        os.kill(pid, signal.SIGKILL)
        return pid

    def wait_until_back(self, name: str, killed: int) -> None:
        """Wait until the supervisor has started a process anew and it says that it is ready.

        Raises:
            NotBackError: The supervisor has given up, or time is over.
        """
        process = self._processes[name]
        # No less than it is given when it is started for the first time.
        deadline = time.monotonic() + process.ready_seconds
        while True:
            info = self._supervisor.processes()[name]
            if info.state == "FATAL":
                raise NotBackError(f"The supervisor has given {name} up: {info.detail}.")
            problem = f"it is {info.state}"
            if info.state == "RUNNING" and info.pid != killed:
                ready = process.ready.check()
                if ready is None:
                    return
                problem = ready
            if time.monotonic() > deadline:
                raise NotBackError(f"{name} is not back after {process.ready_seconds:g} s: {problem}.")
            time.sleep(_STEP_SECONDS)
