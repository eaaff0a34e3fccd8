"""The names under which Prometheus scrapes the pipeline, in every deployment; others may be in the same Prometheus."""

from typing import Final

# One for each provider, role or part; and those that there is one of.
_MANY = ("gateway", "normalizer", "orchestrator", "flink")
_ONE = (
    *("inference", "archiver", "orchestrator", "watch", "console"),
    *("temporal", "object-store", "registry", "prometheus", "alertmanager"),
)
JOBS: Final = f"({'|'.join(_MANY)})-.+|{'|'.join(_ONE)}"
"""As a pattern of Prometheus, which matches whole names."""

EVERYWHERE: Final = ("gateway-.+", "normalizer-.+", "flink-.+", "orchestrator(-.+)?", "inference", "archiver")
"""Patterns of which every deployment has at least one job, whatever its providers, roles and neighbours are."""
