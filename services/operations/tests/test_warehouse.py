"""What Trino answers, as the family of errors that tells what to do about it; over HTTP, with its own client."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from kit.settings import TrinoSettings
from operations.errors import DeploymentError, UnavailableError
from operations.warehouse import Warehouse


@contextmanager
def answering(status: int, body: str) -> Iterator[Warehouse]:
    """Ask a server that answers every request alike."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the library's name
            del format, args

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield Warehouse(TrinoSettings(trino_port=server.server_port, trino_user="tester").trino, "lake")
        finally:
            server.shutdown()
            thread.join()


def failed(kind: str, name: str) -> str:
    error = {"message": "the reason", "errorCode": 1, "errorName": name, "errorType": kind}
    return json.dumps({"id": "1", "infoUri": "http://x", "stats": {"state": "FAILED"}, "error": error})


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("EXTERNAL", "ICEBERG_CATALOG_ERROR"),
        ("INTERNAL_ERROR", "GENERIC_INTERNAL_ERROR"),
        ("INSUFFICIENT_RESOURCES", "CLUSTER_OUT_OF_MEMORY"),
    ],
)
def test_a_lake_that_is_away_is_unavailable_and_says_what_trino_said(kind: str, name: str) -> None:
    with answering(200, failed(kind, name)) as warehouse, pytest.raises(UnavailableError, match=f"{name}: the reason"):
        warehouse.query("select 1", [])


@pytest.mark.parametrize(("status", "body"), [(500, "no"), (200, "")])
def test_a_server_that_answers_with_no_answer_is_away(status: int, body: str) -> None:
    with answering(status, body) as warehouse, pytest.raises(UnavailableError, match="does not answer"):
        warehouse.query("select 1", [])


def test_nobody_at_the_address_is_away() -> None:
    with answering(200, "") as warehouse:
        pass
    with pytest.raises(UnavailableError, match="does not answer"):
        warehouse.query("select 1", [])


def test_a_statement_that_is_refused_is_a_fault_of_the_deployment() -> None:
    refusal = failed("USER_ERROR", "COLUMN_NOT_FOUND")
    with answering(200, refusal) as warehouse, pytest.raises(DeploymentError, match="COLUMN_NOT_FOUND: the reason"):
        warehouse.query("select 1", [])


def test_a_table_that_does_not_exist_yet_has_no_rows() -> None:
    with answering(200, failed("USER_ERROR", "TABLE_NOT_FOUND")) as warehouse:
        assert warehouse.query("select 1", []) == []
        assert warehouse.records("select 1", []) == []
