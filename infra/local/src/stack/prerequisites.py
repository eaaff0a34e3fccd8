"""What a machine must have before anything can be set up; standard library only, as it runs before all else."""

import os
import platform
import shutil
from collections.abc import Callable

from stack import java
from stack.errors import StackError

ROOT = 0
SUPPORTED_SYSTEM = ("Linux", "x86_64")
MAVEN_ADVICE = (
    "Maven (mvn) was not found on PATH: install it (on Debian: apt install maven; it also runs unpacked from its "
    "archive, without root)."
)
SETPRIV_ADVICE = (
    "You are root, as which Postgres does not run, and setpriv, which starts it as another user, was not found: "
    "install the package util-linux, or be another user."
)


def missing(
    system: tuple[str, str],
    which: Callable[[str], str | None],
    find_jdk: Callable[[], object],
    user: int,
) -> list[str]:
    """Return one sentence for each prerequisite that is not met, with what to do about it."""
    problems = []
    if system != SUPPORTED_SYSTEM:
        problems.append(f"The stack runs on Linux on x86-64; this is {' on '.join(system)}.")
    try:
        find_jdk()
    except StackError as error:
        problems.append(str(error))
    if which("mvn") is None:
        problems.append(MAVEN_ADVICE)
    if user == ROOT and which("setpriv") is None:
        problems.append(SETPRIV_ADVICE)
    return problems


def check() -> None:
    """Raise StackError that names everything this machine lacks."""
    problems = missing(
        (platform.system(), platform.machine()),
        shutil.which,
        lambda: java.find_jdk(java.candidates()),
        os.geteuid(),
    )
    if problems:
        raise StackError("\n".join(problems))
