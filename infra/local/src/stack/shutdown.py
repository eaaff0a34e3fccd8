"""`down`: stops everything, in the reverse order of the start, and proves that nothing is left."""

import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from rich.console import Console

from stack.errors import StackError
from stack.places import Places
from stack.supervision import OWNER_VARIABLE, Supervisor

# Longer than any process is given to stop before the supervisor kills it.
WAVE_SECONDS = 60.0
SHUTDOWN_SECONDS = 30.0
LEFTOVER_SECONDS = 5.0
POLL_SECONDS = 0.1


def down(places: Places, console: Console) -> None:
    """Stop the stack; raise StackError if a process survives even a kill."""
    supervisor = Supervisor(places)
    if supervisor.is_running():
        running = {info.name for info in supervisor.processes().values() if info.is_running}
        for wave in stop_order(places, running):
            console.print(f"stopping {', '.join(wave)}", highlight=False)
            stop(supervisor, wave)
        # Its socket goes before it does.
        pid = supervisor.pid()
        supervisor.shutdown()
        if not _becomes_true(lambda: pid not in owned_processes(places), SHUTDOWN_SECONDS):
            raise StackError("The supervisor does not end.", places.run / "supervisord.log")
        console.print("The stack is down; its state is kept.")
    else:
        console.print("The stack is not running.")
    end_leftovers(places, console)


def stop_order(places: Places, running: set[str]) -> list[list[str]]:
    """Return the waves of running processes to stop one after the other; those of unknown rank come first."""
    try:
        waves: list[list[str]] = json.loads(places.stop_order.read_text())
    except FileNotFoundError:
        waves = []
    known = {name for wave in waves for name in wave}
    ranked = [sorted(set(wave) & running) for wave in (sorted(running - known), *waves)]
    return [wave for wave in ranked if wave]


def stop_services(supervisor: Supervisor, names: Iterable[str]) -> None:
    """Stop those of these services that run; names of no service are left to `up` to complain about."""
    if supervisor.is_running():
        known = supervisor.processes()
        stop(supervisor, [name for name in names if name in known])


def stop(supervisor: Supervisor, names: Iterable[str]) -> None:
    """Stop these processes together and wait for their ends.

    Raises:
        StackError: Some still run after a time; the message names them.
    """
    wanted = set(names)
    left: list[str] = []

    def stopped() -> bool:
        present = supervisor.processes()
        left[:] = sorted(name for name in wanted & present.keys() if present[name].is_running)
        for name in left:
            # Again, too: one that has just exited cannot be told to stop, and is running a moment later.
            if present[name].state != "STOPPING":
                supervisor.signal_stop(name)
        return not left

    if not _becomes_true(stopped, WAVE_SECONDS):
        raise StackError(f"Still running {WAVE_SECONDS:.0f} s after they were told to stop: {', '.join(left)}.")


def owned_processes(places: Places) -> list[int]:
    """Return the ids of all processes that this stack's supervisor, or a predecessor of it, has started."""
    mark = f"{OWNER_VARIABLE}={places.state}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                environment = (entry / "environ").read_bytes()
            except OSError:
                continue
            if mark in environment.split(b"\0"):
                found.append(int(entry.name))
    return [pid for pid in found if pid != os.getpid()]


def end_leftovers(places: Places, console: Console) -> None:
    """End processes that have escaped the supervisor, if there are any; raise StackError if one stays."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        left = owned_processes(places)
        if not left:
            return
        console.print(f"ending what the supervisor left behind: {', '.join(map(str, left))}")
        for pid in left:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue
        _becomes_true(lambda: not owned_processes(places), LEFTOVER_SECONDS)
    if left := owned_processes(places):
        raise StackError(f"These processes cannot be stopped: {', '.join(map(str, left))}.")


def clean_state(places: Places, console: Console) -> None:
    """Delete all data, logs and secrets; raise StackError while the stack runs."""
    if Supervisor(places).is_running() or owned_processes(places):
        raise StackError("The stack is running: `make down` first.")
    if places.state.exists():
        shutil.rmtree(places.state)
    console.print(f"{places.state} is gone.")


def _becomes_true(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True
