"""The running stack as the demo handles it: one service stopped, killed, or asked for a number."""

import os
import re
import signal
from dataclasses import dataclass
from pathlib import Path

import httpx

from stack import shutdown, startup
from stack.definition import items, processes
from stack.errors import StackError
from stack.ports import url
from stack.processes import Process
from stack.session import Session

_TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The stack of a session, which must be up."""

    session: Session

    def require_up(self) -> None:
        """Raise StackError unless everything runs."""
        supervisor = self.session.supervisor
        if not supervisor.is_running():
            raise StackError("The stack is not running: `make up` first.")
        away = [name for name, info in sorted(supervisor.processes().items()) if info.state != "RUNNING"]
        if away:
            raise StackError(f"Not running: {', '.join(away)}. `make up` starts them, `make status` shows all.")

    def process(self, name: str) -> Process:
        """Return the definition of a process."""
        (found,) = (each for each in processes(items(self.session.context())) if each.name == name)
        return found

    def stop(self, name: str) -> None:
        """Stop a service until it is started again."""
        with startup.exclusive(self.session.places):
            shutdown.stop_services(self.session.supervisor, [name])

    def start(self, name: str) -> None:
        """Start a service and wait until it is ready; raise StackError if it does not become so."""
        startup.up(self.session.context(), [name], None, self.session.console)

    def kill(self, name: str) -> int:
        """End a process without warning (kill -9); return its id."""
        pid = self.session.supervisor.processes()[name].pid
        os.kill(pid, signal.SIGKILL)
        return pid

    def is_back(self, name: str, killed: int) -> bool:
        """Tell whether the supervisor has started a process anew since, and it is ready.

        Raises:
            StackError: The supervisor has given it up.
        """
        info = self.session.supervisor.processes()[name]
        if info.state == "FATAL":
            raise StackError(f"The supervisor has given {name} up: {info.detail}.", self.log(name))
        return info.state == "RUNNING" and info.pid != killed and self.process(name).ready.check() is None

    def log(self, name: str) -> Path:
        """Return the log of a service."""
        return self.session.places.logs / f"{name}.log"

    def sum_of(self, metric: str) -> float:
        """Return the sum of a metric of the orchestrator over all its labels.

        Raises:
            StackError: The orchestrator does not answer.
        """
        page = f"{url(self.session.ports.orchestrator_metrics)}/metrics"
        try:
            with httpx.Client(timeout=_TIMEOUT_SECONDS, trust_env=False) as client:
                text = client.get(page).text
        except httpx.TransportError as error:
            raise StackError(f"The orchestrator does not show its metrics at {page}: {error}.") from error
        return sum(map(float, re.findall(rf"(?m)^{metric}(?:{{[^}}]*}})? (\S+)$", text)))
