"""Runs jobs as soon as those before them are done, several at a time, and stops all when one fails."""

import enum
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TextIO

from stack.errors import CancelledError, StackError

TICK_SECONDS = 0.1
LONGEST_NOTE = 160


class State(enum.Enum):
    """The life of a job."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(slots=True)
class Task:
    """One job while it runs: its log, its note for the display, and its child processes."""

    name: str
    log: Path
    cancelled: threading.Event
    state: State = State.WAITING
    note: str = ""
    started: float = 0.0
    finished: float = 0.0
    _child: subprocess.Popen[str] | None = None

    @property
    def seconds(self) -> float:
        """How long the job has run, in seconds."""
        if not self.started:
            return 0.0
        return (self.finished or time.monotonic()) - self.started

    def sleep(self, seconds: float) -> None:
        """Wait; raise CancelledError if the work is called off meanwhile."""
        if self.cancelled.wait(seconds):
            raise CancelledError

    def run(
        self,
        command: Sequence[str | Path],
        *,
        environment: Mapping[str, str] | None = None,
        directory: Path | None = None,
        niceness: int = 0,
    ) -> None:
        """Run a command with its output in the job's log; raise StackError if it fails.

        The environment is added to the present one.
        """
        if self.cancelled.is_set():
            raise CancelledError
        argv = [str(part) for part in command]
        if niceness:
            argv = ["nice", "-n", str(niceness), *argv]
        self.log.parent.mkdir(parents=True, exist_ok=True)
        try:
            child = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                cwd=directory,
                env={**os.environ, **(environment or {})},
                # A group of its own, so that calling the work off reaches the compilers it started too.
                start_new_session=True,
            )
        except OSError as error:
            raise StackError(f"{self.name}: cannot run {argv[0]}: {error.strerror}.") from error
        with child, self.log.open("a", encoding="utf-8") as log:
            self._child = child
            if self.cancelled.is_set():
                self.interrupt()
            self._follow(child, log)
        self._child = None
        if self.cancelled.is_set():
            raise CancelledError
        if code := child.returncode:
            end = f"ended with code {code}" if code > 0 else f"was ended by signal {-code}"
            raise StackError(f"{self.name} failed: {Path(command[0]).name} {end}.", self.log)

    def _follow(self, child: subprocess.Popen[str], log: TextIO) -> None:
        for line in child.stdout or ():
            log.write(line)
            log.flush()
            if text := line.strip():
                self.note = text[:LONGEST_NOTE]

    def interrupt(self) -> None:
        """End the command that runs now, if any, with all it started."""
        child = self._child
        if child is not None and child.poll() is None:
            try:
                os.killpg(child.pid, signal.SIGTERM)
            except ProcessLookupError:
                return


@dataclass(frozen=True, slots=True)
class Job:
    """Work with a name, to be run after the jobs named in `after`."""

    name: str
    run: Callable[[Task], None]
    after: frozenset[str] = field(default_factory=frozenset)


class View(Protocol):
    """Shows tasks while they run."""

    def update(self, tasks: Sequence[Task]) -> None:
        """Show the present state; called several times a second."""


def ordered(jobs: Iterable[Job]) -> list[Job]:
    """Return the jobs so that each comes after those it waits for; raise ValueError on a cycle or an unknown name."""
    remaining = {job.name: job for job in jobs}
    names = frozenset(remaining)
    result: list[Job] = []
    done: set[str] = set()
    for job in remaining.values():
        if unknown := sorted(job.after - names):
            raise ValueError(f"{job.name} waits for unknown jobs: {', '.join(unknown)}")
    while remaining:
        ready = [job for job in remaining.values() if job.after <= done]
        if not ready:
            raise ValueError(f"jobs wait for each other: {', '.join(sorted(remaining))}")
        for job in ready:
            result.append(job)
            done.add(job.name)
            del remaining[job.name]
    return result


def run_jobs(jobs: Iterable[Job], view: View, logs: Path, workers: int = 32) -> list[Task]:
    """Run all jobs; at the first failure stop the others or at an interrupt, and raise StackError."""
    cancelled = threading.Event()
    pending = ordered(jobs)
    tasks = {job.name: Task(job.name, logs / f"{job.name}.log", cancelled) for job in pending}
    running: dict[Future[None], Task] = {}
    failure: BaseException | None = None
    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="job") as pool:
        try:
            while running or (pending and failure is None):
                for job in [job for job in pending if _may_start(job, tasks)] if failure is None else []:
                    pending.remove(job)
                    running[pool.submit(_perform, job, tasks[job.name])] = tasks[job.name]
                finished, _ = wait_for(running, timeout=TICK_SECONDS, return_when="FIRST_COMPLETED")
                for future in finished:
                    del running[future]
                    error = future.exception()
                    if error is not None and not isinstance(error, CancelledError) and failure is None:
                        failure = error
                        _call_off(cancelled, running.values())
                view.update(list(tasks.values()))
        except KeyboardInterrupt:
            # Leaving the pool waits until the commands have ended.
            _call_off(cancelled, running.values())
            failure = StackError("Interrupted. Run the same command again to go on from here.")
    if failure is not None:
        raise failure
    return list(tasks.values())


def _may_start(job: Job, tasks: Mapping[str, Task]) -> bool:
    return all(tasks[name].state is State.DONE for name in job.after)


def _perform(job: Job, task: Task) -> None:
    task.started = time.monotonic()
    task.state = State.RUNNING
    try:
        job.run(task)
    except CancelledError:
        task.state = State.STOPPED
        raise
    except BaseException:
        task.state = State.FAILED
        raise
    else:
        task.state = State.DONE
        task.note = ""
    finally:
        task.finished = time.monotonic()


def _call_off(cancelled: threading.Event, tasks: Iterable[Task]) -> None:
    cancelled.set()
    for task in tasks:
        task.interrupt()
