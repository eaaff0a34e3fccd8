"""The dbt program that runs the models."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

from dagster_dbt import DbtCliInvocation, DbtCliResource, DbtProject
from packaging.version import Version


class InstalledDbt(DbtCliResource):
    """The dbt of this environment, whose version is known without asking it."""

    @cached_property
    def _cli_version(self) -> Version:
        # The library would run `dbt --version` before each command: four seconds, and a question to a package registry.
        return Version(version("dbt-core"))


def open_dbt(project: DbtProject) -> InstalledDbt:
    """Run dbt in `project`, whether or not this environment's programs are on the PATH."""
    return InstalledDbt(
        project_dir=str(project.project_dir),
        profiles_dir=str(project.profiles_dir),
        dbt_executable=str(Path(sys.executable).with_name("dbt")),
    )


@contextmanager
def ended_with_its_run(invocation: DbtCliInvocation) -> Iterator[DbtCliInvocation]:
    """Kill dbt where its run goes before it.

    A run that is ended interrupts dbt, waits for 25 s, and leaves it to itself: one that waits for a server which does
    not answer would stay for as long as that, another beside it each hour.
    """
    try:
        yield invocation
    finally:
        if invocation.process.poll() is None:
            invocation.process.kill()
            invocation.process.wait()
