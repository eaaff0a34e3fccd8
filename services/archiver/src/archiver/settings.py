"""What the environment says."""

from kit.settings import KafkaSettings, LakeSettings, LogSettings, MetricsSettings, PoisonSettings, RegistrySettings
from pydantic import Field

from archiver.batch import Policy


class Settings(KafkaSettings, RegistrySettings, LakeSettings, PoisonSettings, MetricsSettings, LogSettings):
    """Settings of the archiver."""

    archive_max_rows: int = Field(default=5_000, ge=1, description="Rows of a commit, of each table.")
    archive_max_bytes: int = Field(default=16_777_216, ge=1, description="Bytes of Kafka records of a commit.")
    archive_max_seconds: float = Field(
        default=15.0, ge=0, description="How long the first record of a commit waits for others."
    )
    archive_keep_snapshots: int = Field(default=10, ge=1, description="Newest snapshots that a commit leaves.")
    archive_group_suffix: str = Field(
        default="", description="Sets a second archiver's consumer groups, as a test's, apart."
    )

    @property
    def policy(self) -> Policy:
        """When what was read is committed."""
        return Policy(self.archive_max_rows, self.archive_max_bytes, self.archive_max_seconds)
