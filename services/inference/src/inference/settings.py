"""What the environment says to the inference service."""

from kit.settings import HttpSettings, LogSettings
from pydantic import Field, field_validator

from inference.latency import Latency


class Settings(HttpSettings, LogSettings):
    """Settings of the inference service."""

    inference_latency_ms: str = Field(default="0", description="Simulated latency, as 0, 80 or 50-200 milliseconds.")

    @field_validator("inference_latency_ms")
    @classmethod
    def _is_latency(cls, text: str) -> str:
        Latency.parse(text)
        return text

    @property
    def latency(self) -> Latency:
        """The simulated latency."""
        return Latency.parse(self.inference_latency_ms)
