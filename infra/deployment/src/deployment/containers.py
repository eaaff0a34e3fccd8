"""A container engine, our images, and what is run of them."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from typing import Any

from deployment.__main__ import REPOSITORY

ENGINE = os.environ.get("ENGINE", "docker")
TAG = "check"
_SHOWN = 4000
ALL = ("gateway", "normalizer", "orchestrator", "inference", "archiver", "operations", "analytics")


class EngineError(RuntimeError):
    """The container engine does not answer or fails, or a container is not as it was waited for; the text says how."""


def engine(*arguments: str, seconds: float = 60) -> subprocess.CompletedProcess[str]:
    """Run a command of the container engine."""
    command = [ENGINE, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds)  # noqa: S603  # ours


def require_engine() -> None:
    """Raise EngineError where no engine answers."""
    if shutil.which(ENGINE) is None:
        raise EngineError(f"There is no {ENGINE}: install a container engine, or name yours by ENGINE=podman.")
    if (said := engine("info")).returncode != 0:
        raise EngineError(f"{ENGINE} does not answer: {said.stderr.strip()}. Start its daemon.")


def build(target: str) -> None:
    """Build an image with the network of this machine; the engine's cache makes a second time quick.

    Raises:
        EngineError: It cannot be built; the text is the end of what the engine said.
    """
    built = engine(
        *("build", "--network", "host", "--file", "infra/images/Dockerfile", "--target", target),
        *("--tag", f"payments/{target}:{TAG}", str(REPOSITORY)),
        seconds=3000,
    )
    if built.returncode != 0:
        raise EngineError((built.stdout + built.stderr)[-_SHOWN:])


def inspected(kind: str, name: str) -> dict[str, Any]:
    """Return what the engine knows of an image or a container; EngineError where there is none of that name."""
    said = engine(kind, "inspect", name)
    if said.returncode != 0:
        raise EngineError(said.stderr)
    found: list[dict[str, Any]] = json.loads(said.stdout)
    return found[0]


def logs(name: str) -> str:
    """Return what a container has written."""
    said = engine("logs", name)
    return said.stdout + said.stderr


def wait_until(condition: Callable[[], bool], seconds: float, complaint: Callable[[], str]) -> None:
    """Wait for something; raise EngineError with a complaint when its time is over."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= until:
            raise EngineError(complaint())
        time.sleep(0.5)
