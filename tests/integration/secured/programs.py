"""Starts servers from the local stack's own definitions, with what a test changes of them."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import threading
import time
from contextlib import contextmanager
from dataclasses import fields
from typing import TYPE_CHECKING

from stack import java, secrets
from stack.context import Context
from stack.jobs import Task
from stack.places import Places
from stack.ports import Ports
from stack.processes import Process, Step
from stack.settings import ObjectStore, Settings
from stack.tools.catalogue import toolbox

from tests.conftest import ROOT
from tests.processes import free_port

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from stack.readiness import Probe

_STOP_SECONDS = 60


def context_in(state: Path) -> Context:
    """Return the context of servers whose state is in a directory, on ports that are free now."""
    places = Places(ROOT, Settings().places().cache, state)
    home = java.find_jdk(java.candidates())
    ports = Ports(**{each.name: free_port() for each in fields(Ports)})
    store = ObjectStore.SEAWEEDFS
    return Context(places, ports, secrets.generate(places.providers), toolbox(places, home, store), home, store, "0-0")


def do(context: Context, step: Step) -> None:
    """Run a step."""
    log = context.places.logs / f"{step.name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    step.run(Task(step.name, log, threading.Event()))


@contextmanager
def serving(
    context: Context, process: Process, *, files: Mapping[Path, str] | None = None, ready: Probe | None = None
) -> Iterator[None]:
    """Run a server until the context ends; `files` take the place of its own of the same paths."""
    changed = dataclasses.replace(process, files={**process.files, **(files or {})}, ready=ready or process.ready)
    for path, text in changed.files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    script = context.places.run / f"{changed.name}.sh"
    for directory in (script.parent, context.places.logs, *([changed.directory] if changed.directory else [])):
        directory.mkdir(parents=True, exist_ok=True)
    script.write_text(changed.script())
    log = context.places.logs / f"{changed.name}.log"
    with log.open("ab") as output:
        child = subprocess.Popen(["/bin/sh", str(script)], stdout=output, stderr=output, start_new_session=True)
    try:
        _wait(child, changed, log)
        yield
    finally:
        os.killpg(child.pid, signal.SIGTERM if changed.stop_signal == "TERM" else signal.SIGINT)
        try:
            child.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()


def one(items: Iterable[Process | Step], name: str) -> Process:
    """Return the process of a name."""
    return next(each for each in items if isinstance(each, Process) and each.name == name)


def step(items: Iterable[Process | Step], name: str) -> Step:
    """Return the step of a name."""
    return next(each for each in items if isinstance(each, Step) and each.name == name)


def _wait(child: subprocess.Popen[bytes], process: Process, log: Path) -> None:
    deadline = time.monotonic() + process.ready_seconds
    while (missing := process.ready.check()) is not None:
        if child.poll() is not None:
            raise RuntimeError(
                f"{process.name} ended with {child.returncode}: {log.read_text(errors='replace')[-4000:]}"
            )
        if time.monotonic() > deadline:
            raise TimeoutError(f"{process.name}: {missing}: {log.read_text(errors='replace')[-4000:]}")
        time.sleep(0.2)
