"""Gets everything that the stack runs: tools into the cache, and the Python environments into the work tree."""

import fcntl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Semaphore

from rich.console import Console

from stack.jobs import Job, Task, run_jobs
from stack.places import Places
from stack.progress import view
from stack.tools.catalogue import Toolbox
from stack.tools.golang import GoTool, find_go
from stack.tools.installation import Tool
from stack.tools.wheels import find_uv, uv_environment

_PYTHON = "python"


def setup(places: Places, tools: Toolbox, console: Console) -> None:
    """Install whatever is missing, in parallel; raise StackError with the failing job's log."""
    places.setup_logs.mkdir(parents=True, exist_ok=True)
    with _exclusive(places, console):
        for log in places.setup_logs.glob("*.log"):
            log.unlink()
        missing = [tool for tool in tools.all() if not tool.target().is_dir()]
        with view("setting up", console) as display:
            run_jobs([*_tool_jobs(missing), *_environment_jobs(places)], display, places.setup_logs)
        if not tools.missing():
            _discard_build_caches(places)


def setup_python(places: Places, console: Console) -> None:
    """Make only the environment in which editors, checks and codegen run; StackError with the job's log."""
    places.setup_logs.mkdir(parents=True, exist_ok=True)
    with _exclusive(places, console), view("setting up Python", console) as display:
        run_jobs([job for job in _environment_jobs(places) if job.name == _PYTHON], display, places.setup_logs)


def _tool_jobs(missing: list[Tool]) -> Iterator[Job]:
    # Compilers use every core, but downloading modules and linking do not: two at a time keep a small machine busy.
    turn = Semaphore(2)
    builds = [tool for tool in missing if isinstance(tool, GoTool)]
    toolchain = {tool.toolchain for tool in builds} if builds and find_go() is None else set()
    for wheel in toolchain:
        yield Job(wheel.name, wheel.install)
    for build in builds:
        yield Job(build.name, _in_turn(build, turn), frozenset(wheel.name for wheel in toolchain))
    for tool in missing:
        if not isinstance(tool, GoTool):
            yield Job(tool.name, tool.install)


def _in_turn(tool: GoTool, turn: Semaphore) -> Callable[[Task], None]:
    def install(task: Task) -> None:
        task.note = "waits for another build"
        while not turn.acquire(timeout=0):
            task.sleep(0.2)
        try:
            tool.install(task)
        finally:
            turn.release()

    return install


def _environment_jobs(places: Places) -> Iterator[Job]:
    sync = [str(find_uv(places)), "sync", "--frozen", "--no-progress"]

    def main(task: Task) -> None:
        task.run(sync, environment=_sync_environment(places, places.venv), directory=places.repository)

    def flink(task: Task) -> None:
        command = [*sync, "--only-group", "flink"]
        task.run(command, environment=_sync_environment(places, places.venv_flink), directory=places.repository)

    yield Job(_PYTHON, main)
    yield Job("python-flink", flink)


def _sync_environment(places: Places, environment: Path) -> dict[str, str]:
    # The Python that runs this is one that the project runs on.
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return {
        **uv_environment(places),
        "UV_PROJECT_ENVIRONMENT": str(environment),
        "UV_PYTHON": version,
        "VIRTUAL_ENV": "",
    }


def _discard_build_caches(places: Places) -> None:
    # Several GB in many small files, which only a change of version would need again. They are put aside at once, so
    # that no later build meets half of them, and deleted without being waited for.
    for directory in (places.cache / "go", places.cache / "maven"):
        if directory.exists():
            directory.rename(places.cache / f"discarded-{directory.name}-{time.time_ns()}")
    discarded = [str(directory) for directory in places.cache.glob("discarded-*")]
    if discarded:
        subprocess.Popen(
            ["nice", "rm", "-rf", "--", *discarded],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )


@contextmanager
def _exclusive(places: Places, console: Console) -> Iterator[None]:
    with (places.cache / "setup.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            console.print("Another set-up is running with the same cache; waiting for it.")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
