"""Fixtures that several modules of integration tests share."""

from tests.integration.analytics import bronze, dbt, environment, merchant, query
from tests.integration.gateways import dead_letters, raw, tail_of
from tests.integration.normalization import job_name, program, program_of, state, stream, topics
from tests.integration.orchestration import catalog, deployment, inference_url
from tests.integration.workflows import orchestrator

__all__ = [
    "bronze",
    "catalog",
    "dbt",
    "dead_letters",
    "deployment",
    "environment",
    "inference_url",
    "job_name",
    "merchant",
    "orchestrator",
    "program",
    "program_of",
    "query",
    "raw",
    "state",
    "stream",
    "tail_of",
    "topics",
]
