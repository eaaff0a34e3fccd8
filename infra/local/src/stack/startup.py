"""`up`: starts processes and performs steps, each as soon as what it needs is ready."""

import fcntl
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from rich.console import Console

from stack import supervision
from stack.context import Context
from stack.definition import items, processes, select
from stack.errors import StackError
from stack.jobs import Job, Task, run_jobs
from stack.places import Places
from stack.ports import require_free
from stack.processes import Group, Item, Process
from stack.progress import view
from stack.supervision import Supervisor

POLL_SECONDS = 0.5


@contextmanager
def exclusive(places: Places) -> Iterator[None]:
    """Keep others from starting or stopping the same stack meanwhile; raise StackError if one does."""
    places.state.mkdir(parents=True, exist_ok=True)
    with (places.state / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StackError(f"Another command is starting or stopping the stack in {places.state}.") from None
        yield


def up(context: Context, names: Sequence[str], only: Group | None, console: Console) -> None:
    """Bring the chosen part of the stack up; raise StackError if something does not become ready."""
    require_tools(context)
    everything = items(context)
    chosen = select(everything, names, only)
    supervisor = Supervisor(context.places)
    with exclusive(context.places):
        supervision.write(context.places, everything)
        running: frozenset[str] = frozenset()
        if supervisor.is_running():
            # What had to be stopped because its definition has changed comes back, whatever was asked for.
            stopped = supervisor.reload()
            chosen = tuple(item for item in everything if item in chosen or item.name in stopped)
            running = frozenset(info.name for info in supervisor.processes().values() if info.is_running)
        require_ports(context, processes(chosen), running)
        if not supervisor.is_running():
            supervisor.start()
        with view("starting", console) as display:
            run_jobs(jobs(chosen, supervisor), display, context.places.logs)


def require_tools(context: Context) -> None:
    """Raise StackError if a tool is not installed."""
    if missing := context.tools.missing():
        raise StackError(f"Not installed: {', '.join(missing)}. Run `make setup` first.")


def require_ports(context: Context, chosen: Iterable[Process], running: frozenset[str]) -> None:
    """Raise StackError if a port of a process that is still to be started is taken."""
    require_free(
        {process.name: context.ports.named(process.ports).values() for process in chosen if process.name not in running}
    )


def jobs(chosen: Sequence[Item], supervisor: Supervisor) -> list[Job]:
    """Return one job per item; what is not chosen is taken as present."""
    present = frozenset(item.name for item in chosen)

    def start(process: Process) -> Job:
        return Job(
            process.name,
            lambda task: wait_until_ready(task, process, supervisor),
            frozenset(process.after) & present,
        )

    return [
        start(item) if isinstance(item, Process) else Job(item.name, item.run, frozenset(item.after) & present)
        for item in chosen
    ]


def give_way(pid: int, niceness: int) -> None:
    """Raise the niceness of each thread of a process to at least this; a process that has ended is left alone."""
    # Linux keeps a niceness for each thread, and a new one takes its parent's: the second look finds those that came in
    # between.
    for _ in range(2):
        with suppress(FileNotFoundError):
            for thread in (int(task.name) for task in Path(f"/proc/{pid}/task").iterdir()):
                with suppress(ProcessLookupError):
                    if os.getpriority(os.PRIO_PROCESS, thread) < niceness:
                        os.setpriority(os.PRIO_PROCESS, thread, niceness)


def wait_until_ready(task: Task, process: Process, supervisor: Supervisor) -> None:
    """Start a process and wait for its readiness; raise StackError when its time is over or it keeps crashing."""
    supervisor.launch(process.name)
    deadline = time.monotonic() + process.ready_seconds
    while True:
        problem = process.ready.check()
        info = supervisor.processes()[process.name]
        if problem is None and info.state == "RUNNING":
            give_way(info.pid, process.niceness_when_ready)
            return
        if info.state in {"FATAL", "EXITED", "STOPPED", "UNKNOWN"}:
            raise StackError(f"{process.name} does not start ({info.detail}).", task.log)
        if time.monotonic() > deadline:
            reason = problem or f"the supervisor says {info.state}"
            raise StackError(f"{process.name} was not ready after {process.ready_seconds:.0f} s: {reason}.", task.log)
        task.note = problem or "runs, settling"
        task.sleep(POLL_SECONDS)
