"""The Flink options of the job."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from kit.connection import Endpoint, Tls
from kit.settings.registry import REGISTRY_TLS
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from normalizer.script import Script
from normalizer.settings import NormalizerSettings

FINGERPRINT = "normalizer.fingerprint"
FUNCTION = "normalizer.function"
"""The option that carries the settings of the job's function, as JSON."""
PASSWORD = "normalizer.registry.password"  # noqa: S105  # the name of an option
"""The option that carries the registry's password; Flink shows no value of a name with this word."""
# Shorter than a checkpoint may take, so that the job fails for the registry and not for a checkpoint.
_REGISTRY_PATIENCE_S = 20.0


class FunctionSettings(BaseModel):
    """What the job's function has to know, in the worker that runs it."""

    model_config = ConfigDict(frozen=True)

    provider: str
    registry_url: str
    registry_user: str | None = None
    registry_password: SecretStr | None = Field(default=None, exclude=True)
    registry_ca_file: Path | None = None
    registry_patience_s: float
    merchant_keys: Mapping[str, tuple[str, ...]]
    unusable_count: int
    unusable_share: float
    unusable_window_s: float
    rejected_count: int
    rejected_share: float
    rejected_window_s: float

    @property
    def registry(self) -> Endpoint:
        """Where the registry is, with what the function needs to come in."""
        tls = Tls(REGISTRY_TLS, self.registry_ca_file)
        return Endpoint(self.registry_url, tls, self.registry_user, self.registry_password)


def job_options(settings: NormalizerSettings, *, python: str) -> dict[str, str]:
    """Return the options that define the job; `python` is the interpreter that runs its function.

    https://nightlies.apache.org/flink/flink-docs-release-2.3/docs/deployment/config/
    """
    flink = urlsplit(settings.flink_url)
    password = settings.schema_registry_password
    return {
        "execution.target": "remote",
        "execution.attached": "false",
        "rest.address": flink.hostname or "",
        "rest.port": str(flink.port or 80),
        "pipeline.name": settings.job_name,
        "parallelism.default": str(settings.normalizer_parallelism),
        # Operator ids that do not move when an operator joins or leaves a chain keep old savepoints readable.
        "table.exec.uid.generation": "ALWAYS",
        "table.local-time-zone": "UTC",
        "execution.checkpointing.mode": "EXACTLY_ONCE",
        "execution.checkpointing.interval": f"{settings.normalizer_checkpoint_interval_ms} ms",
        "execution.checkpointing.timeout": "60 s",
        "execution.checkpointing.dir": settings.checkpoint_dir,
        "execution.checkpointing.savepoint-dir": settings.savepoint_dir,
        "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
        # One checkpoint is enough to recover; the others are for a store that lost its newest object.
        "execution.checkpointing.num-retained": "3",
        "state.backend.type": "hashmap",
        "execution.buffer-timeout.interval": f"{settings.normalizer_buffer_timeout_ms} ms",
        # A broker or task manager that is away is worth waiting for, closely: each attempt fails at once while there is
        # no free slot, and the pause after it delays the recovery. What fails for ten minutes needs a person.
        "restart-strategy.type": "exponential-delay",
        "restart-strategy.exponential-delay.initial-backoff": "500 ms",
        "restart-strategy.exponential-delay.max-backoff": "3 s",
        "restart-strategy.exponential-delay.backoff-multiplier": "2.0",
        "restart-strategy.exponential-delay.reset-backoff-threshold": "2 min",
        "restart-strategy.exponential-delay.attempts-before-reset-backoff": "200",
        "python.execution-mode": "process",
        "python.executable": python,
        "python.client.executable": python,
        "python.fn-execution.bundle.size": str(settings.normalizer_bundle_size),
        "python.fn-execution.bundle.time": str(settings.normalizer_bundle_ms),
        FUNCTION: _function(settings).model_dump_json(),
        **({} if password is None else {PASSWORD: password.get_secret_value()}),
    }


def function_settings(options: Mapping[str, str]) -> FunctionSettings:
    """Return the settings of the job's function from the options that it was submitted with."""
    found = FunctionSettings.model_validate_json(options[FUNCTION])
    password = options.get(PASSWORD)
    return found if password is None else found.model_copy(update={"registry_password": SecretStr(password)})


def _function(settings: NormalizerSettings) -> FunctionSettings:
    keys = settings.normalizer_merchant_metadata_keys
    return FunctionSettings(
        provider=settings.normalizer_provider,
        registry_url=settings.schema_registry_url,
        registry_user=settings.schema_registry_username,
        registry_ca_file=settings.schema_registry_tls_ca_file,
        registry_patience_s=_REGISTRY_PATIENCE_S,
        # Sorted: the same settings have to make the same fingerprint.
        merchant_keys={merchant: tuple(sorted(keys[merchant])) for merchant in sorted(keys)},
        unusable_count=settings.normalizer_unusable_count,
        unusable_share=settings.normalizer_unusable_share,
        unusable_window_s=settings.normalizer_unusable_window_s,
        rejected_count=settings.normalizer_rejected_count,
        rejected_share=settings.normalizer_rejected_share,
        rejected_window_s=settings.normalizer_rejected_window_s,
    )


def recovery_options(path: str | None, *, ignore_unclaimed_state: bool = False) -> dict[str, str]:
    """Return the options that make a job go on from `path`, or none for a first start.

    Flink takes ownership of what it recovers from and deletes it when newer checkpoints replace it. State that fits
    no operator is refused unless it may be ignored.
    """
    if path is None:
        return {}
    return {
        "execution.state-recovery.path": path,
        "execution.state-recovery.claim-mode": "CLAIM",
        "execution.state-recovery.ignore-unclaimed-state": str(ignore_unclaimed_state).lower(),
    }


def fingerprint(script: Script, options: Mapping[str, str], sources: Iterable[Path]) -> str:
    """Return a digest of all that makes the job what it is: SQL, options and the Python files that run in it."""
    digest = hashlib.sha256(script.model_dump_json().encode())
    for name, value in sorted(options.items()):
        digest.update(f"\0{name}={value}".encode())
    for path in sorted(sources):
        digest.update(b"\0" + path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]
