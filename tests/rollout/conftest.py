"""The servers that a rollout runs on, and the two releases."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.conftest import PROGRAM
from tests.extensibility.added_field import ROOT, add_field
from tests.rollout.release import Release

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

# Beside the stack of the other tests: here topics, tables and schemas go on to a version that the others do not know.
APART = 300


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """Start the servers with a state and ports of their own, and give every setting of them."""
    offset = int(os.environ.get("PAYMENTS_TEST_PORT_OFFSET", "5000")) + APART
    state = tmp_path_factory.mktemp("s")
    environment = os.environ | {"PAYMENTS_STATE_DIR": str(state), "PAYMENTS_PORT_OFFSET": str(offset)}

    def stack(*arguments: str) -> str:
        command = [str(PROGRAM), *arguments]
        return subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout

    try:
        stack("up", "--only", "infrastructure")
        yield json.loads(stack("env", "--format", "json"))
    finally:
        stack("down")


@pytest.fixture
def releases(settings: Mapping[str, str], tmp_path: Path) -> Iterator[tuple[Release, Release]]:
    """The release that runs, and the one with a field more in the unified event."""
    former = Release.of(tmp_path / "former", lambda _: None, settings)
    latter = Release.of(tmp_path / "latter", add_field, settings)
    yield former, latter
    for service in (*former.running, *latter.running):
        service.kill()
