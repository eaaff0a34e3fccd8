"""Where the code location finds its dbt project, and Trino."""

from pathlib import Path

from kit.settings import EnvironmentSettings
from pydantic import Field

_REPOSITORY = Path(__file__).resolve().parents[4]


class TrinoSettings(EnvironmentSettings):
    """How to reach Trino; the variables and what they are unless set are those of dbt/profiles.yml."""

    trino_host: str = "127.0.0.1"
    trino_port: int = Field(default=18080, ge=1, le=65535)
    trino_user: str = "payments"
    trino_catalog: str = Field(default="lake", pattern=r"^[a-z][a-z0-9_]*$", description="Catalog of the layers.")


class AnalyticsSettings(TrinoSettings):
    """Folders of the dbt project and its profiles, and Trino."""

    dbt_project_dir: Path = Field(default=_REPOSITORY / "dbt", description="Folder of dbt_project.yml.")
    dbt_profiles_dir: Path | None = Field(default=None, description="Folder of profiles.yml; the project's unless set.")
