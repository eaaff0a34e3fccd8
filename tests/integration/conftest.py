"""Fixtures that several modules of integration tests share."""

import pytest

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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of a module together where several workers run them; some modules share what is one.

    Trino has memory for one of them, Flink slots for one, and of the pipeline's own topics some count what is in them.
    """
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))
