"""`payments schemas`, against a server on a socket."""

import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from operations.__main__ import main
from operations.testing import MemoryRegistry, record
from payments_contracts.schemas import VERSIONS


@dataclass
class Ended:
    """A command that has ended."""

    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Ended]


@pytest.fixture
def url() -> Iterator[str]:
    memory = MemoryRegistry()

    class Handler(BaseHTTPRequestHandler):
        def handle_one_request(self) -> None:
            self.raw_requestline = self.rfile.readline()
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answer = memory.handle(httpx.Request(self.command, f"http://registry{self.path}", content=body))
            self.send_response(answer.status_code)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class names it so
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def payments(url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: str, registry: str = url) -> Ended:
        monkeypatch.setenv("SCHEMA_REGISTRY_URL", registry)
        monkeypatch.setattr(sys, "argv", ["payments", "schemas", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return Ended(int(ended.value.code or 0), captured.out, captured.err)

    return run


def test_check_reports_an_empty_registry_and_agrees_once_it_is_registered(payments: Run) -> None:
    before = payments("check")
    assert (before.returncode, before.stdout) == (1, "")
    newest = max(VERSIONS["payment_event"])
    assert (
        f"the registry does not have it; the contracts have versions 1 to {newest} [subject_missing]" in before.stderr
    )
    assert payments("register").returncode == 0
    after = payments("check")
    assert (after.returncode, after.stderr) == (0, "")
    assert after.stdout.startswith("the registry and the contracts agree: ")


def test_check_prints_one_object_for_machines(payments: Run) -> None:
    payments("register")
    agreeing = payments("check", "--json")
    assert (agreeing.returncode, json.loads(agreeing.stdout)["agrees"]) == (0, True)


def test_a_conflict_is_refused_with_the_reason_and_shown_to_machines(payments: Run, url: str) -> None:
    httpx.post(f"{url}/subjects/payments.normalized-value/versions", json={"schema": record()}).raise_for_status()
    refused = payments("register")
    assert refused.returncode == 1
    assert "nothing was changed" in refused.stderr
    found = payments("check", "--json")
    drift = {each["kind"]: each for each in json.loads(found.stdout)["drift"] if "normalized" in each["subject"]}
    assert found.returncode == 1
    assert drift["schema_different"]["version"] == 1


@pytest.mark.parametrize("command", [["register"], ["check"], ["check", "--json"]])
def test_a_registry_that_is_away_is_one_sentence_and_a_code_of_its_own(payments: Run, command: list[str]) -> None:
    away = payments(*command, registry="http://127.0.0.1:9")
    assert (away.returncode, away.stdout) == (os.EX_UNAVAILABLE, "")
    assert away.stderr.startswith("error: The schema registry at http://127.0.0.1:9 does not answer (ConnectError).")
