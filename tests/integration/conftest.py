"""Fixtures that several modules of integration tests share."""

from tests.integration.analytics import bronze, bronze_namespace, dbt, environment, location, query, run_job
from tests.integration.gateways import dead_letters, raw, tail_of
from tests.integration.normalization import job_name, program, program_of, state, stream, topics
from tests.integration.orchestration import catalog, deployment, inference_url
from tests.integration.workflows import orchestrator

__all__ = [
    "bronze",
    "bronze_namespace",
    "catalog",
    "dbt",
    "dead_letters",
    "deployment",
    "environment",
    "inference_url",
    "job_name",
    "location",
    "orchestrator",
    "program",
    "program_of",
    "query",
    "raw",
    "run_job",
    "state",
    "stream",
    "tail_of",
    "topics",
]
