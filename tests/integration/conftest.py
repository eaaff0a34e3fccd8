"""Fixtures that several modules of integration tests share."""

from tests.integration.gateways import dead_letters, raw, tail_of
from tests.integration.normalization import job_name, program, state, stream, topics
from tests.integration.orchestration import catalog, deployment, inference_url
from tests.integration.workflows import orchestrator

__all__ = [
    "catalog",
    "dead_letters",
    "deployment",
    "inference_url",
    "job_name",
    "orchestrator",
    "program",
    "raw",
    "state",
    "stream",
    "tail_of",
    "topics",
]
