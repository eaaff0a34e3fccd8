"""What is done with a process once it is ready."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack.startup import give_way

# A process of four threads, until its input ends.
THREADS = """
import sys, threading
for _ in range(3):
    threading.Thread(target=threading.Event().wait, daemon=True).start()
print("started", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def busy() -> Iterator[int]:
    """A process of four threads."""
    program = [sys.executable, "-c", THREADS]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:  # noqa: S603 - ours, above
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
        process.kill()


def niceness(pid: int) -> list[int]:
    return [os.getpriority(os.PRIO_PROCESS, int(task.name)) for task in Path(f"/proc/{pid}/task").iterdir()]


def test_every_thread_of_the_process_gives_way(busy: int) -> None:
    give_way(busy, 19)

    assert niceness(busy) == [19, 19, 19, 19]


def test_nobody_is_given_a_higher_priority(busy: int) -> None:
    os.setpriority(os.PRIO_PROCESS, busy, 19)
    others = sorted(niceness(busy))[:3]

    give_way(busy, 0)

    assert sorted(niceness(busy)) == [*others, 19]


def test_a_process_that_has_ended_is_left_alone() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()

    give_way(process.pid, 19)
