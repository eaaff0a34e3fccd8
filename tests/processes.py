"""A service of the pipeline as a process of its own, on a port that was free."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SECONDS_TO_START = 60
_SECONDS_TO_END = 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Process:
    """A running service.

    Args:
        module: What `python -m` runs.
        environment: Its settings, beside those of the test itself; the port is added.
    """

    def __init__(self, module: str, environment: Mapping[str, str]) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._module = module
        # A file, since a pipe that nobody reads would stop a talkative process.
        self._log = tempfile.NamedTemporaryFile(prefix=f"{module}-", suffix=".log")  # noqa: SIM115  # `kill` closes it
        self._process = subprocess.Popen(
            [sys.executable, "-m", module],
            env=os.environ | dict(environment) | {"HTTP_PORT": str(port), "HTTP_HOST": "127.0.0.1"},
            stderr=self._log,
        )

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    @property
    def log(self) -> str:
        """What was written to standard error so far."""
        return Path(self._log.name).read_text(encoding="utf-8", errors="replace")

    @property
    def memory_bytes(self) -> int:
        """How much memory it has."""
        status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
        return int(status.partition("VmRSS:")[2].split()[0]) * 1024

    def readiness(self) -> int | None:
        """Return the status of /readyz, None where there is no answer."""
        try:
            return httpx.get(f"{self.url}/readyz").status_code
        except httpx.TransportError:
            return None

    def wait_until(self, status: int) -> None:
        """Wait until /readyz answers with a status."""
        deadline = time.monotonic() + _SECONDS_TO_START
        while self.readiness() != status:
            if not self.is_alive:
                raise RuntimeError(f"{self._module} ended with {self._process.returncode}: {self.log}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self._module} did not answer {status} within {_SECONDS_TO_START} s: {self.log}")
            time.sleep(0.1)

    def terminate(self) -> None:
        self._process.send_signal(signal.SIGTERM)

    def end(self) -> tuple[int, str]:
        """Wait for the end; return the exit code and what was logged."""
        return self._process.wait(_SECONDS_TO_END), self.log

    def kill(self) -> None:
        if self.is_alive:
            self._process.kill()
            self._process.wait()
        self._log.close()


@contextmanager
def running(module: str, environment: Mapping[str, str]) -> Iterator[Process]:
    process = Process(module, environment)
    try:
        yield process
    finally:
        process.kill()
