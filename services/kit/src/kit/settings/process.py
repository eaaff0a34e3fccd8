"""Where a program listens, how much it logs, and how many unusable records it lets pass."""

from typing import Literal

from pydantic import Field

from kit.poison import Tolerance
from kit.settings.environment import EnvironmentSettings

Port = Field(ge=1, le=65535)


class PoisonSettings(EnvironmentSettings):
    """How many records of a stream may be unusable; see `kit.poison`."""

    poison_max_count: int = Field(
        default=20, ge=0, description="Records that cannot be used, within the window; one more stops the stream."
    )
    poison_count_ratio: float = Field(
        default=0.01, ge=0, le=1, description="Up to this share of all records of the window more than that may be."
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
            count_ratio=self.poison_count_ratio,
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
