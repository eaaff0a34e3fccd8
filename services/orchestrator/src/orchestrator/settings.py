"""What the environment says to each role."""

from datetime import timedelta
from typing import Annotated

from kit.lake import GroupPolicy
from kit.settings import (
    KafkaSettings,
    LakeSettings,
    LogSettings,
    MetricsSettings,
    PoisonSettings,
    RegistrySettings,
    TemporalSecuritySettings,
)
from kit.tracing import TracingSettings
from payments_contracts.business import REVIEW_LIMITS
from payments_contracts.tables import BRONZE_PAYMENT_EVENTS
from payments_contracts.topics import NORMALIZED
from pydantic import Field, SecretStr

from orchestrator.rules import RuleBook


class TemporalSettings(TemporalSecuritySettings):
    """Where Temporal is, and how to come in."""

    temporal_address: str = Field(min_length=1, description="host:port of the frontend.")
    temporal_namespace: str = Field(min_length=1)


class ProgramSettings(TemporalSettings, MetricsSettings, LogSettings, TracingSettings):
    """Settings of the process, whatever its roles: where Temporal is, and which queues are used there."""

    task_queue_suffix: str = Field(default="", description="Sets a second deployment, as a test's, apart.")
    temporal_metrics_port: int | None = Field(default=None, ge=1, le=65535, description="Where the SDK's metrics are.")


class ConsumerSettings(KafkaSettings, RegistrySettings, PoisonSettings):
    """Settings of the consumer."""

    consumer_group: str = Field(default="orchestrator", min_length=1)
    source_topic: str = Field(default=NORMALIZED.name, description="Or another topic of the same record.")
    max_starts_in_flight: int = Field(default=100, ge=1, description="Records read whose workflow is not started yet.")
    max_open_workflows: int = Field(
        default=100, ge=1, description="Workflows under way in a process that has all roles; the rest stays in Kafka."
    )
    max_workflows_before_commit: int = Field(
        default=30, ge=1, description="As many of them may have a row that the committer does not have yet."
    )
    max_waiting_tasks: int = Field(
        default=1_000, ge=1, description="Tasks that may wait in Temporal for workers in other processes."
    )


class WorkerSettings(KafkaSettings, RegistrySettings):
    """Settings of the worker. It writes to Kafka only what can have no row."""

    inference_url: str = Field(pattern=r"^https?://")
    inference_timeout_seconds: float = Field(default=2.0, gt=0)
    inference_circuit_failures: int = Field(
        default=5, ge=1, description="Failures in a row after which a model is not asked for a while."
    )
    inference_circuit_seconds: float = Field(default=15.0, gt=0, description="How long it is not asked.")

    postgres_dsn: SecretStr | None = Field(default=None, description="Without it, no operational database is written.")
    database_enabled: bool = True

    max_workflow_tasks: int = Field(
        default=100,
        ge=2,
        description="Workflows that a worker advances at once; those that wait for a commit included.",
    )
    max_activities: int = Field(default=100, ge=1)

    rules_review_limits: dict[str, Annotated[int, Field(ge=0)]] = Field(
        default={}, description="By currency, in its minor unit, in the place of the contract's."
    )
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
            review_limits={**REVIEW_LIMITS, **self.rules_review_limits},
            blocked_merchants=self.rules_blocked_merchants,
            known_merchants=self.rules_known_merchants,
            clock_tolerance=timedelta(seconds=self.rules_clock_tolerance_seconds),
        )


class CommitterSettings(LakeSettings):
    """Settings of the committer."""

    lake_table: str = Field(default=BRONZE_PAYMENT_EVENTS.identifier, description="Or another of the same columns.")
    commit_max_rows: int = Field(default=500, ge=1)
    commit_max_wait_seconds: float = Field(default=0.85, ge=0)
    commit_keep_snapshots: int = Field(default=10, ge=1)

    @property
    def group_policy(self) -> GroupPolicy:
        """When rows are committed together."""
        return GroupPolicy(
            max_rows=self.commit_max_rows,
            max_wait_seconds=self.commit_max_wait_seconds,
            waiting_rows=10 * self.commit_max_rows,
        )
