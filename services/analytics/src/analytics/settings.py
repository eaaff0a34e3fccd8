"""Where the code location finds its dbt project, and Trino."""

import sys
from pathlib import Path

from kit.connection import Brokers
from kit.settings import KafkaSecuritySettings, TrinoSettings
from pydantic import Field, SecretStr

_FOLDERS_ABOVE = 4


def _find_project() -> Path:
    """Return the dbt project of the repository that this file is in; an installation outside of one has to name its."""
    above = Path(__file__).resolve().parents
    return (above[_FOLDERS_ABOVE] if len(above) > _FOLDERS_ABOVE else Path.cwd()) / "dbt"


class ReportSettings(TrinoSettings):
    """Whose Gold the page shows."""

    dbt_project_dir: Path = Field(default=_find_project(), description="Folder of queries, the saved ones.")
    dbt_schema_suffix: str = Field(
        default="", pattern=r"^[a-z0-9_]*$", description="Of a build that is set apart: gold_ci7 has _ci7."
    )


class StreamSettings(KafkaSecuritySettings):
    """Where Kafka is, whose webhooks this installation receives, and the groups of its readers."""

    kafka_bootstrap_servers: str = Field(default="", description="Empty where Dagster is to look at no topic.")
    gateway_providers: str = Field(default="", description="Names with commas between them; empty for all.")
    normalizer_group_id: str = Field(default="normalizer", min_length=1)
    consumer_group: str = Field(default="orchestrator", min_length=1)
    archive_group_suffix: str = Field(default="", description="As the archiver has it.")

    @property
    def kafka(self) -> Brokers:
        """Where Kafka is, with what this client needs to come in."""
        return self.brokers(self.kafka_bootstrap_servers)


class AnalyticsSettings(TrinoSettings, StreamSettings):
    """Folders of the dbt project and its profiles, the audit's program, Trino, Kafka, and whom to tell what."""

    dbt_project_dir: Path = Field(default=_find_project(), description="Folder of dbt_project.yml.")
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
