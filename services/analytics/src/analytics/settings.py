"""Where the code location finds its dbt project, and Trino."""

import sys
from pathlib import Path

from kit.settings import EnvironmentSettings
from pydantic import Field, SecretStr

_REPOSITORY = Path(__file__).resolve().parents[4]


class TrinoSettings(EnvironmentSettings):
    """How to reach Trino; the variables and what they are unless set are those of dbt/profiles.yml."""

    trino_host: str = "127.0.0.1"
    trino_port: int = Field(default=18080, ge=1, le=65535)
    trino_user: str = "payments"
    trino_catalog: str = Field(default="lake", pattern=r"^[a-z][a-z0-9_]*$", description="Catalog of the layers.")


class ReportSettings(TrinoSettings):
    """Whose Gold the page shows."""

    dbt_project_dir: Path = Field(default=_REPOSITORY / "dbt", description="Folder of queries, the saved ones.")
    dbt_schema_suffix: str = Field(
        default="", pattern=r"^[a-z0-9_]*$", description="Of a build that is set apart: gold_ci7 has _ci7."
    )


class AnalyticsSettings(TrinoSettings):
    """Folders of the dbt project and its profiles, the audit's program, and Trino."""

    dbt_project_dir: Path = Field(default=_REPOSITORY / "dbt", description="Folder of dbt_project.yml.")
    audit_command: str = Field(
        default=str(Path(sys.executable).with_name("payments")), description="The `payments` program, for the audit."
    )
    postgres_dsn: SecretStr | None = Field(
        default=None, description="Address of the operational database, by a role that may read its reference tables."
    )
    dbt_profiles_dir: Path | None = Field(default=None, description="Folder of profiles.yml; the project's unless set.")
