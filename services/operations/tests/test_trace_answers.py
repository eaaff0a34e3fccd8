"""A part that answers something else than its API promises is away, and the others still tell."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from kit.answers import promised
from kit.errors import Fault, Transient
from operations.errors import UnavailableError
from operations.recovery.workflows import Workflows
from operations.trace.hops import follow
from operations.trace.rows import open_rows
from operations.trace.workflows import EventWorkflows
from payments_contracts.tables import BRONZE_PAYMENT_EVENTS
from pydantic import SecretStr

from .tracing import EVENT, NOW, Pipeline

RUNNING = {"workflowExecutionInfo": {"status": "WORKFLOW_EXECUTION_STATUS_RUNNING", "execution": {"runId": "r"}}}
GARBAGE: list[Mapping[str, Any]] = [
    {"html": "<h1>a proxy's page</h1>"},
    {"json": {"x": 1}},
    {"json": [1]},
    {"json": None},
    {"json": RUNNING},
    {"json": {"workflowExecutionInfo": {**RUNNING["workflowExecutionInfo"], "startTime": "noon"}}},
    {"content": b"no gzip", "headers": {"content-encoding": "gzip"}},
]


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    made = Pipeline(tmp_path)
    made.complete()
    return made


def answering(garbage: Mapping[str, Any]) -> httpx.MockTransport:
    """Answer each request so, from the wire: what cannot be decoded fails as it does there."""
    options = {name: value for name, value in garbage.items() if name != "content"}
    stream = httpx.ByteStream(garbage["content"]) if "content" in garbage else None
    return httpx.MockTransport(lambda _request: httpx.Response(200, stream=stream, **options))


@pytest.mark.parametrize("garbage", GARBAGE)
def test_temporal_that_answers_anything_is_away(
    pipeline: Pipeline, garbage: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = EventWorkflows("http://temporal", "payments", transport=answering(garbage))
    monkeypatch.setattr(pipeline.workflows, "find", client.find)
    (facts,) = pipeline.look().found
    assert list(facts.away) == ["Temporal"]
    assert follow(facts, NOW).arrived


@pytest.mark.parametrize("garbage", [GARBAGE[0], *GARBAGE[2:4], GARBAGE[-1]])
def test_the_recovery_is_told_so_too(garbage: Mapping[str, Any]) -> None:
    with (
        Workflows("http://temporal", "payments", transport=answering(garbage)) as workflows,
        pytest.raises(UnavailableError),
    ):
        workflows.restart(EVENT)


def test_a_file_of_the_lake_that_is_broken_leaves_the_others_parts(pipeline: Pipeline) -> None:
    for file in pipeline.catalog.load_table(BRONZE_PAYMENT_EVENTS.identifier).inspect.files().to_pylist():
        Path(file["file_path"].removeprefix("file://")).write_bytes(b"PAR1 is no file of Parquet PAR1")
    (facts,) = pipeline.look().found
    assert list(facts.away) == ["lake"]
    assert BRONZE_PAYMENT_EVENTS.identifier in facts.away["lake"]
    assert facts.workflow is not None


def test_a_list_of_files_that_is_broken_does_too(pipeline: Pipeline) -> None:
    snapshot = pipeline.catalog.load_table(BRONZE_PAYMENT_EVENTS.identifier).current_snapshot()
    assert snapshot is not None
    Path(snapshot.manifest_list.removeprefix("file://")).write_bytes(b"Obj\x01\x04")
    (facts,) = pipeline.look().found
    assert list(facts.away) == ["lake"]


@pytest.mark.parametrize("error", [psycopg.DataError, psycopg.errors.DataCorrupted, psycopg.errors.UndefinedColumn])
def test_rows_that_cannot_be_read_are_a_database_that_is_away(
    error: type[psycopg.Error], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Connection:
        def execute(self, statement: object, *_parameters: object) -> None:
            if not str(statement).startswith("SET"):
                raise error("Jane Roe")

    @contextmanager
    def connect(*_arguments: object, **_options: object) -> Iterator[Connection]:
        yield Connection()

    monkeypatch.setattr(psycopg, "connect", connect)
    with pytest.raises(UnavailableError) as refused, open_rows(SecretStr("dsn")) as rows:
        rows.find(EVENT, 1)
    assert "Jane" not in str(refused.value)


def test_what_was_answered_is_told_by_its_kind_alone() -> None:
    answer = httpx.Response(200, html="Jane Roe")
    told = r"^x answers .*promises \(200, text/html; charset=utf-8, ValueError\)$"
    with pytest.raises(Transient, match=told), promised("x", answer):
        int(answer.text)
    with pytest.raises(Fault, match=r"promises \(without 'schema'\)$"), promised("x", failure=Fault):
        answer.extensions["schema"]


def test_a_failure_that_has_a_name_already_keeps_it() -> None:
    with pytest.raises(Fault, match=r"^known$"), promised("x"):
        raise Fault("known")
