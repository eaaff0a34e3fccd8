"""What the environment says to the consumer and to the worker."""

from datetime import timedelta

from kit.lake import GroupPolicy
from kit.settings import (
    EnvironmentSettings,
    KafkaSettings,
    LakeSettings,
    LogSettings,
    MetricsSettings,
    RegistrySettings,
)
from payments_contracts.tables import BRONZE_PAYMENT_EVENTS
from payments_contracts.topics import NORMALIZED
from pydantic import Field, SecretStr

from orchestrator.rules import RuleBook


class TemporalSettings(EnvironmentSettings):
    """Where Temporal is, and which queues are used there."""

    temporal_address: str = Field(min_length=1, description="host:port of the frontend.")
    temporal_namespace: str = Field(min_length=1)
    task_queue_suffix: str = Field(default="", description="Sets a second deployment, as a test's, apart.")


class ConsumerSettings(KafkaSettings, RegistrySettings, TemporalSettings, MetricsSettings, LogSettings):
    """Settings of the consumer."""

    consumer_group: str = Field(default="orchestrator", min_length=1)
    source_topic: str = Field(default=NORMALIZED.name, description="Or another topic of the same record.")
    max_starts_in_flight: int = Field(default=200, ge=1, description="Records read whose workflow is not started yet.")


class WorkerSettings(LakeSettings, TemporalSettings, MetricsSettings, LogSettings):
    """Settings of the worker."""

    inference_url: str = Field(pattern=r"^https?://")
    inference_timeout_seconds: float = Field(default=2.0, gt=0)

    postgres_dsn: SecretStr | None = Field(default=None, description="Without it, no operational database is written.")
    database_enabled: bool = True

    lake_table: str = Field(default=BRONZE_PAYMENT_EVENTS.identifier, description="Or another of the same columns.")
    commit_max_rows: int = Field(default=500, ge=1)
    commit_max_wait_seconds: float = Field(default=0.5, ge=0)
    commit_expire_every: int = Field(default=1, ge=1)
    commit_keep_snapshots: int = Field(default=10, ge=1)

    max_workflow_tasks: int = Field(default=100, ge=2)
    max_activities: int = Field(default=100, ge=1)
    temporal_metrics_port: int | None = Field(default=None, ge=1, le=65535, description="Where the SDK's metrics are.")

    rules_review_limit: int = Field(default=10_000, ge=0, description="In the currency's major unit.")
    rules_blocked_merchants: frozenset[str] = frozenset()
    rules_known_merchants: frozenset[str] = Field(default=frozenset(), description="Empty: every merchant is known.")
    rules_clock_tolerance_seconds: int = Field(default=300, ge=0)

    @property
    def database_dsn(self) -> SecretStr | None:
        """Where to write operational rows, if at all."""
        return self.postgres_dsn if self.database_enabled else None

    @property
    def rule_book(self) -> RuleBook:
        """What the business rules compare with."""
        return RuleBook(
            review_limit=self.rules_review_limit,
            blocked_merchants=self.rules_blocked_merchants,
            known_merchants=self.rules_known_merchants,
            clock_tolerance=timedelta(seconds=self.rules_clock_tolerance_seconds),
        )

    @property
    def group_policy(self) -> GroupPolicy:
        """When rows are committed together."""
        return GroupPolicy(
            max_rows=self.commit_max_rows,
            max_wait_seconds=self.commit_max_wait_seconds,
            waiting_rows=10 * self.commit_max_rows,
        )
