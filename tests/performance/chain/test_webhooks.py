import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from payments_contracts.providers import PROVIDERS

from tests.performance.chain.sender import Task
from tests.performance.chain.webhooks import Sending, prepare

SECRETS = json.dumps([{"id": "bench", "secret": "whsec_bench", "merchant_id": "merch_bench"}])
SLOW, REFUSED, CUT = 3, 5, 7
"""What the gateway below does with some of the webhooks, counted as they arrive."""


class Gateway(BaseHTTPRequestHandler):
    """Answers each webhook with 200, but a few in other ways."""

    protocol_version = "HTTP/1.1"
    seen: list[tuple[str, bytes]]
    lock: threading.Lock

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.lock:
            self.seen.append((self.headers[str(PROVIDERS["stripe"].signature.header)], body))
            number = len(self.seen)
        if number == SLOW:
            time.sleep(1)
        if number == CUT:
            self.close_connection = True
            return
        self.send_response(503 if number == REFUSED else 200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  # the library's name
        pass


@pytest.fixture
def gateway() -> Iterator[ThreadingHTTPServer]:
    handler = type("Handler", (Gateway,), {"seen": [], "lock": threading.Lock()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_late_answer_holds_nothing_up_and_every_answer_is_reported(
    gateway: ThreadingHTTPServer, tmp_path: Path
) -> None:
    stack = {
        "GATEWAY_STRIPE_URL": f"http://127.0.0.1:{gateway.server_port}",
        "GATEWAY_STRIPE_SECRETS": SECRETS,
    }
    webhooks = prepare(stack, ["stripe"], 20, "test", tmp_path)
    sending = Sending(webhooks, 40, 4)
    outcome = sending.outcome()
    assert len(set(webhooks.event_ids)) == 20
    assert Counter(outcome.statuses) == {200: 18, 503: 1, 0: 1}
    assert len(outcome.accepted(webhooks.event_ids)) == 18
    # The others did not wait for the slow one.
    assert sum(seconds >= 1 for seconds in outcome.latencies) == 1
    seen = gateway.RequestHandlerClass.seen  # type: ignore[attr-defined]
    assert len(seen) == 20
    assert all(signature.startswith("t=") for signature, _ in seen)
    assert sending.sent == sending.answered == 20


def test_a_sender_that_fails_is_reported(tmp_path: Path) -> None:
    stack = {"GATEWAY_STRIPE_URL": "http://127.0.0.1:9", "GATEWAY_STRIPE_SECRETS": SECRETS}
    webhooks = prepare(stack, ["stripe"], 3, "test", tmp_path)
    Path(webhooks.endpoints[0].bodies).unlink()
    with pytest.raises(RuntimeError, match="The sender ended with 1"):
        Sending(webhooks, 40, 4).outcome()


def test_nobody_answers_where_nobody_listens(tmp_path: Path) -> None:
    stack = {"GATEWAY_STRIPE_URL": "http://127.0.0.1:9", "GATEWAY_STRIPE_SECRETS": SECRETS}
    outcome = Sending(prepare(stack, ["stripe"], 3, "test", tmp_path), 40, 4).outcome()
    assert outcome.statuses == [0, 0, 0]


def test_a_sender_ends_when_nobody_reads_what_it_says(gateway: ThreadingHTTPServer, tmp_path: Path) -> None:
    stack = {
        "GATEWAY_STRIPE_URL": f"http://127.0.0.1:{gateway.server_port}",
        "GATEWAY_STRIPE_SECRETS": SECRETS,
    }
    webhooks = prepare(stack, ["stripe"], 100, "test", tmp_path)
    task = Task(webhooks.endpoints, 100, 0.1, 1)
    with subprocess.Popen(
        [sys.executable, "-m", "tests.performance.chain.sender"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as sender:
        assert sender.stdin is not None
        assert sender.stdout is not None
        sender.stdin.write(json.dumps(asdict(task)))
        sender.stdin.close()
        assert json.loads(sender.stdout.readline())["sent"] >= 0
        sender.stdout.close()
        # It has webhooks for a quarter of an hour.
        assert sender.wait(60) == 1
