"""Settings that several services read from the environment. A service combines those it needs:

class Settings(KafkaSettings, RegistrySettings, LogSettings): ...
settings = load(Settings)     # in __main__ only
"""  # noqa: D415  # ends with an example

import re
import sys
from collections.abc import Iterator
from typing import Literal, TypeVar

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from kit.poison import Tolerance

S = TypeVar("S", bound=BaseSettings)

_FIELD = re.compile(r'field "(\w+)"')

Port = Field(ge=1, le=65535)


class EnvironmentSettings(BaseSettings):
    """Base of all settings: read from environment variables of the same name, in capitals."""

    # Input is hidden, since a value may be a secret.
    model_config = SettingsConfigDict(frozen=True, hide_input_in_errors=True, extra="ignore")


class KafkaSettings(EnvironmentSettings):
    """Where Kafka is."""

    kafka_bootstrap_servers: str = Field(min_length=1, description="Comma-separated host:port list.")


class RegistrySettings(EnvironmentSettings):
    """Where the Schema Registry is."""

    schema_registry_url: str = Field(pattern=r"^https?://", description="Base URL of the Confluent API.")


class LakeSettings(EnvironmentSettings):
    """Where the Iceberg REST catalog and the object store are."""

    catalog_uri: str = Field(pattern=r"^https?://")
    catalog_warehouse: str = Field(
        min_length=1, description="As the catalog calls it: s3://bucket/prefix, or with Polaris the catalog's name."
    )
    catalog_credential: SecretStr | None = Field(
        default=None, description="id:secret of an OAuth 2 client; without it the catalog is asked without a token."
    )
    catalog_scope: str = Field(default="catalog", min_length=1, description="With Polaris PRINCIPAL_ROLE:ALL.")
    catalog_token_url: str | None = Field(
        default=None, pattern=r"^https?://", description="The catalog's own endpoint, /v1/oauth/tokens, unless set."
    )
    s3_endpoint: str = Field(pattern=r"^https?://")
    s3_access_key_id: SecretStr = Field(min_length=1)
    s3_secret_access_key: SecretStr = Field(min_length=1)
    s3_region: str = Field(min_length=1)

    @field_validator("catalog_credential")
    @classmethod
    def _has_two_parts(cls, credential: SecretStr | None) -> SecretStr | None:
        if credential is not None and not all(credential.get_secret_value().partition(":")):
            raise ValueError("it is an OAuth 2 client's id, a colon, and the client's secret")
        return credential

    @property
    def token_url(self) -> str:
        """Where tokens come from, for a catalog that demands them."""
        return self.catalog_token_url or f"{self.catalog_uri.rstrip('/')}/v1/oauth/tokens"


class PoisonSettings(EnvironmentSettings):
    """How many records of a stream may be unusable; see `kit.poison`."""

    poison_max_count: int = Field(
        default=20, ge=0, description="Records that cannot be used, within the window; one more stops the stream."
    )
    poison_max_ratio: float = Field(
        default=0.5, ge=0, le=1, description="Their largest share of all records of the window."
    )
    poison_spared: int = Field(default=5, ge=0, description="So many are never too many, whatever their share is.")
    poison_window_seconds: float = Field(default=60.0, gt=0)

    @property
    def tolerance(self) -> Tolerance:
        """How many records that cannot be used pass by before the stream stops."""
        return Tolerance(
            max_count=self.poison_max_count,
            max_ratio=self.poison_max_ratio,
            spared=self.poison_spared,
            window_seconds=self.poison_window_seconds,
        )


class HttpSettings(EnvironmentSettings):
    """Where a server listens."""

    http_host: str = "127.0.0.1"
    http_port: int = Port


class MetricsSettings(EnvironmentSettings):
    """Where a worker serves its health and metrics."""

    metrics_host: str = "127.0.0.1"
    metrics_port: int = Port


class LogSettings(EnvironmentSettings):
    """How much is logged, and in which form."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"
    log_format: Literal["json", "console"] = "json"


def load(kind: type[S], prefix: str = "") -> S:
    """Read settings from the environment variables of their names, each with `prefix` before it.

    Where they are incomplete or wrong, write one sentence per variable to standard error and exit with code 2.
    """
    try:
        return kind(_env_prefix=prefix)
    except ValidationError as error:
        for sentence in _sentences(error, prefix):
            sys.stderr.write(f"{sentence}\n")
    except SettingsError as error:
        # Raised where a structured setting is not JSON; it names the field, and not the value.
        field = _FIELD.search(str(error))
        variable = f"{prefix}{field.group(1)}".upper() if field else "The environment"
        sys.stderr.write(f"{variable} is wrong: it is not JSON.\n")
    raise SystemExit(2)


def _sentences(error: ValidationError, prefix: str) -> Iterator[str]:
    told: set[str] = set()
    for problem in error.errors(include_input=False, include_url=False):
        field, *inside = (str(part) for part in problem["loc"] or ("the environment",))
        variable = f"{prefix}{field}".upper()
        # What comes after a variable's first problem is often only its consequence.
        if variable in told:
            continue
        told.add(variable)
        where = f" at {'.'.join(inside)}" if inside else ""
        if problem["type"] == "missing" and not inside:
            yield f"{variable} is not set; set it in the environment (`stack env` prints every setting)."
        else:
            yield f"{variable} is wrong{where}: {problem['msg'].removeprefix('Value error, ')}."
