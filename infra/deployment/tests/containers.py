"""A container engine, our images, and what is run of them."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest

from deployment.__main__ import REPOSITORY

ENGINE = os.environ.get("ENGINE", "docker")
TAG = "check"
ALL = ("gateway", "normalizer", "orchestrator", "inference", "archiver", "operations", "analytics")


def engine(*arguments: str, seconds: float = 60) -> subprocess.CompletedProcess[str]:
    """Run a command of the container engine."""
    return subprocess.run([ENGINE, *arguments], capture_output=True, text=True, check=False, timeout=seconds)


def require_engine() -> None:
    """End the tests where no engine answers, with what to do: not one of them could say anything."""
    if shutil.which(ENGINE) is None:
        pytest.exit(f"There is no {ENGINE}: install a container engine, or name yours by ENGINE=podman.", returncode=2)
    if (said := engine("info")).returncode != 0:
        pytest.exit(f"{ENGINE} does not answer: {said.stderr.strip()}. Start its daemon.", returncode=2)


def build(target: str) -> None:
    """Build an image with the network of this machine; the engine's cache makes a second time quick."""
    built = engine(
        *("build", "--network", "host", "--file", "infra/images/Dockerfile", "--target", target),
        *("--tag", f"payments/{target}:{TAG}", str(REPOSITORY)),
        seconds=3000,
    )
    assert built.returncode == 0, (built.stdout + built.stderr)[-4000:]


def inspected(kind: str, name: str) -> dict[str, Any]:
    """Return what the engine knows of an image or a container."""
    said = engine(kind, "inspect", name)
    assert said.returncode == 0, said.stderr
    found: list[dict[str, Any]] = json.loads(said.stdout)
    return found[0]


def logs(name: str) -> str:
    """Return what a container has written."""
    said = engine("logs", name)
    return said.stdout + said.stderr


def wait_until(condition: Callable[[], bool], seconds: float, complaint: Callable[[], str]) -> None:
    """Wait for something; raise AssertionError with a complaint when its time is over."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, complaint()
        time.sleep(0.5)
