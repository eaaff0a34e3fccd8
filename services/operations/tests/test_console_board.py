"""The board comes in at each server as the settings say."""

import base64
import time
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from kit.clock import utc_now
from operations.console.board import Board
from operations.console.parts import Part
from operations.console.settings import ConsoleSettings

from .test_console_access import SETTINGS

_LOGIN = "Basic " + base64.b64encode(b"reader:sesame").decode()


class _Registry(BaseHTTPRequestHandler):
    """A registry that tells its subjects to who says who he is."""

    def do_GET(self) -> None:
        self.send_response(200 if self.headers["Authorization"] == _LOGIN else 401)
        self.end_headers()
        self.wfile.write(b'["a", "b"]')

    def log_message(self, *_arguments: object) -> None:
        pass


@pytest.fixture
def registry() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Registry) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def told(board: Board, name: str) -> Part:
    until = time.monotonic() + 20
    while True:
        found = next(each for each in board.overview("1h").parts if each.name == name)
        if found.state != "asking" or time.monotonic() > until:
            return found


def test_a_registry_that_asks_who_comes_in_is_told(registry: str, monkeypatch: pytest.MonkeyPatch) -> None:
    login = {"SCHEMA_REGISTRY_USERNAME": "reader", "SCHEMA_REGISTRY_PASSWORD": "sesame"}
    for name, value in {**SETTINGS, **login, "SCHEMA_REGISTRY_URL": registry}.items():
        monkeypatch.setenv(name, value)
    with ExitStack() as resources:
        found = told(Board(ConsoleSettings(), resources, utc_now), "registry")
    assert (found.state, found.words) == ("up", "2 subjects")
