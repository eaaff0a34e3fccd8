"""What a user can set, by environment variables that start with PAYMENTS_; and OBJECT_STORE."""

import enum
import os
from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from stack.places import FIRST, Places, brokers_of

HIGHEST_OFFSET = 40000


class ObjectStore(enum.StrEnum):
    """The object stores that the stack can run; each has a module of its own among the servers."""

    SEAWEEDFS = "seaweedfs"
    MINIO = "minio"


def _default_cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "payment-pipeline"


def _repository() -> Path:
    return Path(__file__).resolve().parents[4]


class Settings(BaseSettings):
    """The settings of the local stack; made once, in `__main__`."""

    model_config = SettingsConfigDict(env_prefix="PAYMENTS_", extra="ignore")

    cache_dir: Path = Field(
        default_factory=_default_cache,
        description="Downloaded and built tools, shared by all clones.",
    )
    state_dir: Path | None = Field(default=None, description="Data, configuration and logs of the running stack.")
    port_offset: int = Field(default=0, ge=0, le=HIGHEST_OFFSET, description="Added to every port of the stack.")
    object_store: ObjectStore = Field(
        default=ObjectStore.SEAWEEDFS,
        validation_alias="OBJECT_STORE",
        description="Which server keeps the files of the lake.",
    )

    inference_latency_ms: str = Field(
        default="50-200",
        validation_alias="INFERENCE_LATENCY_MS",
        pattern=r"^\d{1,6}(-\d{1,6})?$",
        description="How many milliseconds the models take to answer, as a real one would: 0, 80 or 50-200.",
    )

    otlp_endpoint: str | None = Field(
        default=None,
        validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT",
        pattern=r"^https?://",
        description="Where gateways and orchestrator send spans; without it none are made.",
    )

    openlineage_url: str | None = Field(
        default=None,
        validation_alias="OPENLINEAGE_URL",
        pattern=r"^https?://",
        description="Whom Dagster tells of each run that ended; nobody without it.",
    )

    gateway_providers: str = Field(
        default=",".join(FIRST),
        validation_alias="GATEWAY_PROVIDERS",
        description="Whose webhooks are received: names with commas between them, each with a gateway of its own.",
    )

    kafka_brokers: Literal["1", "3"] | None = Field(
        default=None,
        validation_alias="KAFKA_BROKERS",
        description="Of how many brokers Kafka is made, 1 or 3; what it was made of stays. 1 unless set.",
    )

    def places(self) -> Places:
        """Return the directories that these settings name, as absolute paths."""
        repository = _repository()
        state = (self.state_dir or repository / ".state").expanduser().absolute()
        return Places(
            repository=repository,
            cache=self.cache_dir.expanduser().absolute(),
            state=state,
            providers=tuple(dict.fromkeys(name.strip() for name in self.gateway_providers.split(",") if name.strip())),
            brokers=brokers_of(state) or int(self.kafka_brokers or "1"),
        )
