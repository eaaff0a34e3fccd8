"""Releases of the chart by Helm, on an API server without controllers."""

import os
import subprocess
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from deployment.__main__ import REPOSITORY

from .apiserver import ApiServer

RELEASE = "payments"
_SECONDS = 300


class Client:
    """A client's commands, with a server and nothing of the machine's own configuration."""

    def __init__(self, programs: Iterable[Path], server: ApiServer, home: Path) -> None:
        self._environment = {
            "PATH": ":".join([*map(str, programs), os.environ["PATH"]]),
            "HOME": str(home),
            "KUBECONFIG": str(server.kubeconfig),
            "NO_PROXY": "*",
        }
        self._home = home

    def helm(self, command: str, *arguments: str, namespace: str) -> subprocess.CompletedProcess[str]:
        """Run a command of Helm for the release in a namespace."""
        return self.run("helm", command, RELEASE, *arguments, "--namespace", namespace, "--timeout", "4m")

    def shell(self, commands: str) -> str:
        """Run commands as they are in a document, from a directory with our `infra`, and return what they say."""
        (self._home / "infra").unlink(missing_ok=True)
        (self._home / "infra").symlink_to(REPOSITORY / "infra")
        done = self.run("sh", "-euc", commands)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command."""
        return subprocess.run(
            command,
            env=self._environment,
            cwd=self._home,
            capture_output=True,
            text=True,
            check=False,
            timeout=_SECONDS,
        )


@dataclass(frozen=True, slots=True)
class Ran:
    """A Job that was run, and the images of the programs that were there when it began."""

    name: str
    image: str
    programs: dict[str, str]


@dataclass
class Jobs:
    """What a cluster does for Jobs: each that appears in a namespace has succeeded, or failed, a moment later."""

    server: ApiServer
    namespace: str
    failing: str = ""
    ran: list[Ran] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._ended = threading.Event()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        # Where this is the cause, whoever waited for the Job has nothing else to say.
        if self._error:
            raise self._error

    @property
    def names(self) -> list[str]:
        """The Jobs, without the name of the release, in the order in which they were run."""
        return [each.name.removeprefix(f"{RELEASE}-") for each in self.ran]

    def wait_for(self, count: int) -> None:
        """Wait until so many Jobs have been run."""
        until = time.monotonic() + _SECONDS
        while len(self.ran) < count:
            assert time.monotonic() < until, self.names
            time.sleep(0.05)

    def _run(self) -> None:
        try:
            while not self._ended.is_set():
                for job in self.server.found("batch/v1", "Job", self.namespace):
                    # One that failed stays until it is made anew.
                    if not job["status"].get("conditions"):
                        self._end(job)
                time.sleep(0.05)
        except Exception as error:  # noqa: BLE001  # it is raised where the Jobs are waited for
            self._error = error

    def _end(self, job: dict[str, Any]) -> None:
        name = job["metadata"]["name"]
        found = Ran(name, image_of(job), images(self.server, self.namespace))
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        failed = name == self.failing
        kinds = ("FailureTarget", "Failed") if failed else ("SuccessCriteriaMet", "Complete")
        told = {"status": "True", "reason": "Check", "message": "", "lastProbeTime": now, "lastTransitionTime": now}
        outcome: dict[str, Any] = {"failed": 1} if failed else {"succeeded": 1, "completionTime": now}
        conditions = [told | {"type": kind} for kind in kinds]
        self.server.asked(
            "PATCH",
            f"{self.server.path('batch/v1', 'Job', self.namespace)}/{name}/status",
            json={"status": {"startTime": now, "conditions": conditions} | outcome},
            headers={"Content-Type": "application/merge-patch+json"},
        )
        self.ran.append(found)


def images(server: ApiServer, namespace: str) -> dict[str, str]:
    """Return the image of each program that a namespace has, by its Deployment."""
    return {each["metadata"]["name"]: image_of(each) for each in server.found("apps/v1", "Deployment", namespace)}


def image_of(resource: dict[str, Any]) -> str:
    """Return the image of a Deployment's or a Job's pods."""
    image: str = resource["spec"]["template"]["spec"]["containers"][0]["image"]
    return image
