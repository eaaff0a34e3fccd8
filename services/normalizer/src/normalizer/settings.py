"""The normalizer's settings, from environment variables."""

from pathlib import Path

from kit.settings import EnvironmentSettings, KafkaSettings, LogSettings, MetricsSettings, RegistrySettings
from payments_contracts.providers import PROVIDERS
from pydantic import Field, SecretStr, field_validator

FORMER_JOB = "normalizer"
"""The job that read all providers' topics before each had its own."""


class StateSettings(EnvironmentSettings):
    """Where Flink keeps checkpoints and savepoints, and the credentials to list them."""

    s3_endpoint: str = Field(pattern=r"^https?://")
    s3_access_key_id: str = Field(min_length=1)
    s3_secret_access_key: SecretStr = Field(min_length=1)
    s3_region: str = Field(min_length=1)
    normalizer_state_dir: str = Field(
        default="s3://flink",
        pattern=r"^(s3://.|file:///)",
        description="Parent of checkpoints/ and savepoints/: in the object store, or as file:///path on a disk that "
        "job manager, task managers and this program share.",
    )
    normalizer_provider: str = Field(
        description="Whose webhooks are normalized: a provider of the contracts. Each has a program and a job."
    )
    normalizer_job_name: str = Field(
        default="",
        pattern=r"^[A-Za-z0-9._-]*$",
        description="The job's name on the cluster; at most one job has it, and its state lies under it. Empty for "
        "normalizer-PROVIDER.",
    )

    @field_validator("normalizer_provider")
    @classmethod
    def _is_known(cls, name: str) -> str:
        if name not in PROVIDERS:
            raise ValueError(f"the contracts know no provider {name!r}; they know {', '.join(sorted(PROVIDERS))}")
        return name

    @property
    def job_name(self) -> str:
        """The job's name on the cluster."""
        return self.normalizer_job_name or f"{FORMER_JOB}-{self.normalizer_provider}"

    @property
    def checkpoint_dir(self) -> str:
        """Directory of this job's checkpoints."""
        return f"{self.normalizer_state_dir.rstrip('/')}/checkpoints/{self.job_name}"

    @property
    def savepoint_dir(self) -> str:
        """Directory of this job's savepoints."""
        return f"{self.normalizer_state_dir.rstrip('/')}/savepoints/{self.job_name}"


class NormalizerSettings(StateSettings, KafkaSettings, RegistrySettings, MetricsSettings, LogSettings):
    """Everything that a deployment may set; the environment variables have the same names in capitals."""

    flink_url: str = Field(pattern=r"^https?://", description="REST address of the job manager.")
    flink_home: Path = Field(description="Flink distribution whose lib/ holds the Kafka and Avro connectors.")
    normalizer_sql_dir: Path = Field(description="Folder of the generated Flink SQL.")
    normalizer_merchant_metadata_keys: dict[str, frozenset[str]] = Field(
        default={},
        description="Keys of a merchant's own metadata that are kept beside those of the contract, in JSON: "
        '{"merch_1": ["campaign"]}. All others stay in the raw event.',
    )
    normalizer_group_id: str = Field(
        default="normalizer",
        description="Kafka consumer group under which a job notes how far it has come. Jobs may share one: it holds "
        "offsets of topics, nobody joins it, and each job has a topic of its own.",
    )
    normalizer_transactional_id_prefix: str = Field(
        default="",
        description="Two jobs that share one fence each other's transactions off. Empty for the job's name.",
    )
    normalizer_transaction_timeout_s: int = Field(
        default=3 * 24 * 60 * 60,
        gt=0,
        description="Longer than any time for which nothing may run, as a weekend: what a checkpoint holds and nobody "
        "has committed is lost when it is over. At most the broker's transaction.max.timeout.ms.",
    )
    normalizer_unusable_count: int = Field(
        default=20,
        ge=0,
        description="So many messages may be unusable (unreadable, too large, or a defect of ours) within the window; "
        "more of them stop the job, if they are also more than the share.",
    )
    normalizer_unusable_share: float = Field(
        default=0.01, ge=0, lt=1, description="The part of the window's messages that may be unusable."
    )
    normalizer_unusable_window_s: float = Field(default=600, gt=0, description="Seconds of that window.")
    normalizer_parallelism: int = Field(default=1, gt=0, description="Task slots that the job takes.")
    normalizer_checkpoint_spacing_ms: int = Field(
        default=80,
        ge=10,
        description="Readers see an event when the checkpoint after it is complete. One is asked for as soon as an "
        "event has been written, but not sooner than so long after the one before.",
    )
    normalizer_checkpoint_interval_ms: int = Field(
        default=2000, ge=10, description="A checkpoint comes so often by itself, with news or without."
    )
    normalizer_ignore_unclaimed_state: bool = Field(
        default=False,
        description="Start even if saved state fits no operator, as after a change of the job's graph; the sources "
        "then go on from the consumer group's offsets, which may be a checkpoint behind: events can come twice.",
    )
    normalizer_bundle_size: int = Field(default=200, gt=0, description="Events handed to Python at once, at most.")
    normalizer_bundle_ms: int = Field(default=10, gt=0, description="Milliseconds that a bundle waits to be filled.")
    normalizer_buffer_timeout_ms: int = Field(default=5, ge=0, description="Milliseconds between operators.")
    normalizer_start_timeout_s: float = Field(default=180, gt=0, description="Longest wait for the cluster.")
    normalizer_stop_timeout_s: float = Field(default=20, gt=0, description="Longest wait for the last savepoint.")
    normalizer_checkpoint_stall_s: float = Field(
        default=30, gt=0, description="Without a checkpoint for so long, the job counts as not ready."
    )

    def placeholders(self) -> dict[str, str]:
        """Return the values of the placeholders in the generated SQL."""
        return {
            "bootstrap_servers": self.kafka_bootstrap_servers,
            "schema_registry_url": self.schema_registry_url,
            "group_id": self.normalizer_group_id,
            "transactional_id_prefix": self.normalizer_transactional_id_prefix or self.job_name,
            "transaction_timeout_ms": str(self.normalizer_transaction_timeout_s * 1000),
            "job_name": self.job_name,
        }
