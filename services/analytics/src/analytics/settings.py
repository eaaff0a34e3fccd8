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


class StreamSettings(EnvironmentSettings):
    """Where Kafka is, whose webhooks this installation receives, and the groups of its readers."""

    kafka_bootstrap_servers: str = Field(default="", description="Empty where Dagster is to look at no topic.")
    gateway_providers: str = Field(default="", description="Names with commas between them; empty for all.")
    normalizer_group_id: str = Field(default="normalizer", min_length=1)
    consumer_group: str = Field(default="orchestrator", min_length=1)
    archive_group_suffix: str = Field(default="", description="As the archiver has it.")


class AnalyticsSettings(TrinoSettings, StreamSettings):
    """Folders of the dbt project and its profiles, the audit's program, Trino, Kafka, and whom to tell what."""

    dbt_project_dir: Path = Field(default=_REPOSITORY / "dbt", description="Folder of dbt_project.yml.")
    audit_command: str = Field(
        default=str(Path(sys.executable).with_name("payments")), description="The `payments` program, for the audit."
    )
    postgres_dsn: SecretStr | None = Field(
        default=None, description="Address of the operational database, by a role that may read its reference tables."
    )
    alertmanager_url: str | None = Field(
        default=None, pattern=r"^https?://.*[^/]$", description="Where alerts go; only to the log unless set."
    )
    dagster_url: str = Field(default="", description="Address of Dagster's web server, for the links of alerts.")
    openlineage_url: str | None = Field(
        default=None, pattern=r"^https?://", description="Where runs are told as OpenLineage; nowhere unless set."
    )
    dbt_profiles_dir: Path | None = Field(default=None, description="Folder of profiles.yml; the project's unless set.")
