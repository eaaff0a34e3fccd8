"""The dbt project: found, prepared and read."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dagster_dbt import DbtProject
from dbt.cli.main import dbtRunner

from analytics.errors import AnalyticsError, NotPreparedError
from analytics.settings import AnalyticsSettings

_PREPARE_COMMAND = "python -m analytics"


def find_project(settings: AnalyticsSettings) -> DbtProject:
    """The dbt project that the settings name.

    Raises:
        AnalyticsError: there is no dbt project in that folder.
    """
    folder = settings.dbt_project_dir
    if not (folder / "dbt_project.yml").is_file():
        raise AnalyticsError(f"There is no dbt_project.yml in {folder}: set DBT_PROJECT_DIR to the folder that has it.")
    profiles = settings.dbt_profiles_dir or folder
    if not (profiles / "profiles.yml").is_file():
        raise AnalyticsError(f"There is no profiles.yml in {profiles}: set DBT_PROFILES_DIR to the folder that has it.")
    return DbtProject(folder, profiles_dir=profiles)


def prepare(project: DbtProject) -> Path:
    """Install the project's packages and parse it; needs no server and no network. Returns the manifest's path.

    Raises:
        AnalyticsError: dbt refused the project.
    """
    dbt = dbtRunner()
    folders = ["--project-dir", str(project.project_dir), "--profiles-dir", str(project.profiles_dir)]
    for command in (["deps"], ["parse"]):
        result = dbt.invoke(["--quiet", *command, *folders])
        if not result.success:
            reason = result.exception or "see the lines above"
            raise AnalyticsError(f"dbt {command[0]} failed in {project.project_dir}: {reason}")
    return project.manifest_path


def read_manifest(project: DbtProject) -> Mapping[str, Any]:
    """What dbt knows of the project: its models, tests and sources.

    Raises:
        NotPreparedError: the project was not parsed yet.
    """
    try:
        manifest: dict[str, Any] = json.loads(project.manifest_path.read_bytes())
    except FileNotFoundError:
        raise NotPreparedError(
            f"There is no {project.manifest_path}: run `{_PREPARE_COMMAND}`, which parses the dbt project."
        ) from None
    return manifest
