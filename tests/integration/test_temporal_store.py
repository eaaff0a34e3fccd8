"""Temporal's own database, as the local stack has prepared it."""

from collections.abc import Mapping
from urllib.parse import urlsplit

import psycopg
import pytest

pytestmark = pytest.mark.integration


def test_only_indexes_that_are_used_are_kept_up_with_every_workflow(stack: Mapping[str, str]) -> None:
    visibility = urlsplit(stack["POSTGRES_DSN"])._replace(path="/temporal_visibility").geturl()
    with psycopg.connect(visibility) as connection:
        rows = connection.execute("SELECT indexname FROM pg_indexes WHERE tablename = 'executions_visibility'")
        names = {name for (name,) in rows}
    assert names == {
        "executions_visibility_pkey",
        "default_idx",
        "by_workflow_id",
        "by_workflow_type",
        "by_status",
        "by_task_queue",
        "by_keyword_01",
        "by_keyword_02",
        "by_keyword_03",
        "by_keyword_04",
    }
