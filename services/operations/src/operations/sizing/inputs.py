"""What sizing computes with: measured figures, assumptions and prices, from a file."""

import tomllib
from collections.abc import Mapping
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from operations.errors import SizingError

Positive = Annotated[float, Field(gt=0)]


class _Inputs(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Cost(_Inputs):
    """CPU milliseconds an event at a rate of events a second, beyond what idling takes."""

    rate: Positive
    cpu_ms: Positive


class Storage(_Inputs):
    """What an event costs stores, beside CPU."""

    wal_bytes_per_workflow: Positive
    commit_seconds: Positive


class Measured(_Inputs):
    """Figures of a bench: `parts` are CPU milliseconds an event at the low rate, by part."""

    on: date
    machine: str
    idle_cores: Positive
    drain_rate: Positive
    drain_cores: Positive
    low: Cost
    high: Cost
    parts: Mapping[str, Positive]
    storage: Storage

    @model_validator(mode="after")
    def _falls(self) -> Self:
        if not (self.low.rate < self.high.rate and self.low.cpu_ms >= self.high.cpu_ms):
            raise ValueError("`high` has to be a higher rate than `low`, at which an event costs no more")
        if sum(self.parts.values()) > self.low.cpu_ms:
            raise ValueError("the parts cost more than the whole at the low rate")
        return self


class Assumed(_Inputs):
    """What nobody has measured: sizes in bytes, and what machines are planned to carry."""

    raw_bytes: Positive
    unified_bytes: Positive
    row_bytes: Positive
    archived_bytes: Positive
    operational_bytes: Positive
    history_bytes: Positive
    days_in_temporal: Positive
    silver_bytes: Positive
    gold_bytes: Positive
    utilization: float = Field(gt=0, le=1)
    gib_per_core: Positive
    broker_cores: Positive
    broker_mb_per_second: Positive
    transitions_per_event: Positive
    transitions_per_shard: Positive
    postgres_cores: Positive
    postgres_wal_mb_per_second: Positive
    orchestrator_rate: Positive
    commit_wait_seconds: Positive
    commit_rows: Positive
    archive_wait_seconds: Positive
    archive_rows: Positive
    file_mb: Positive
    months_in_lake: Positive
    months_in_database: Positive


class Prices(_Inputs):
    """Prices in one currency, as of a day."""

    on: date
    currency: str
    core_hour: Positive
    disk_gb_month: Positive
    object_gb_month: Positive
    object_thousand_writes: Positive


class Inputs(_Inputs):
    """All that sizing computes with."""

    measured: Measured
    assumed: Assumed
    prices: Prices


def read(path: Path | None = None) -> Inputs:
    """Return the inputs of a file, or those that come with the program.

    Raises:
        SizingError: The file cannot be read, or something in it is absent or makes no sense.
    """
    name = str(path) if path else "inputs.toml"
    try:
        text = (path or files("operations.sizing").joinpath("inputs.toml")).read_text(encoding="utf-8")
        return Inputs.model_validate(tomllib.loads(text))
    except OSError as error:
        raise SizingError(f"{name} cannot be read: {error.strerror}.") from error
    except tomllib.TOMLDecodeError as error:
        raise SizingError(f"{name} is not TOML: {error}.") from error
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in problem["loc"])
        raise SizingError(f"{name}: {where}: {problem['msg'].removeprefix('Value error, ')}.") from error
