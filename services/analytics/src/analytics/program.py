"""The dbt program that runs the models."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from subprocess import TimeoutExpired
from typing import Any, Final

from dagster import DagsterExecutionInterruptedError
from dagster_dbt import DbtCliInvocation, DbtCliResource, DbtProject
from packaging.version import Version

_OTHER_AUTHORITIES: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


class InstalledDbt(DbtCliResource):
    """The dbt of this environment, whose version is known without asking it."""

    @cached_property
    def _cli_version(self) -> Version:
        # The library would run `dbt --version` before each command: four seconds, and a question to a package registry.
        return Version(version("dbt-core"))

    def cli(self, *arguments: Any, **options: Any) -> DbtCliInvocation:
        """Start dbt; where Trino's authorities are set, without what requests would heed instead of them."""
        names = _OTHER_AUTHORITIES if os.environ.get("TRINO_TLS_CA_FILE") else ()
        others = {name: os.environ.pop(name) for name in names if name in os.environ}
        try:
            return super().cli(*arguments, **options)
        finally:
            os.environ.update(others)


def open_dbt(project: DbtProject) -> InstalledDbt:
    """Run dbt in `project`, whether or not this environment's programs are on the PATH."""
    return InstalledDbt(
        project_dir=str(project.project_dir),
        profiles_dir=str(project.profiles_dir),
        dbt_executable=str(Path(sys.executable).with_name("dbt")),
    )


@contextmanager
def ended_with_its_run(invocation: DbtCliInvocation) -> Iterator[DbtCliInvocation]:
    """Kill dbt where its run is ended and dbt does not end.

    dagster-dbt interrupts dbt, waits for 25 s, and leaves it to itself; what it raises then is no interrupt, so the run
    goes on with its next step. Where a server does not answer both would stay until it does, others beside them each
    hour.

    Raises:
        DagsterExecutionInterruptedError: dbt did not end in time.
    """
    try:
        yield invocation
    except TimeoutExpired as error:
        raise DagsterExecutionInterruptedError from error
    finally:
        if invocation.process.poll() is None:
            invocation.process.kill()
            invocation.process.wait()
