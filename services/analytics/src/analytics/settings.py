"""Where the code location finds its dbt project."""

from pathlib import Path

from kit.settings import EnvironmentSettings
from pydantic import Field

_REPOSITORY = Path(__file__).resolve().parents[4]


class AnalyticsSettings(EnvironmentSettings):
    """Folders of the dbt project and its profiles. How to reach Trino, dbt reads itself (dbt/profiles.yml)."""

    dbt_project_dir: Path = Field(default=_REPOSITORY / "dbt", description="Folder of dbt_project.yml.")
    dbt_profiles_dir: Path | None = Field(default=None, description="Folder of profiles.yml; the project's unless set.")
