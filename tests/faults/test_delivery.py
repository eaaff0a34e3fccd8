import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from payments_contracts.examples import EXAMPLES
from payments_contracts.providers import PROVIDERS
from pydantic import SecretStr
from simulator.mix import Kind
from simulator.settings import EndpointSecret
from simulator.webhooks import Plan, Webhook, compose

from tests.faults.delivery import Delivery

NO_ANSWER = 0


@dataclass
class Answers:
    """What each webhook is answered with, the first time and later; counts how often each body came."""

    statuses: list[int]
    tries: Counter[bytes] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next(self, body: bytes) -> int:
        with self.lock:
            self.tries[body] += 1
            return self.statuses[min(self.tries[body], len(self.statuses)) - 1]


@pytest.fixture
def answers() -> Answers:
    return Answers([200])


@pytest.fixture
def delivery(answers: Answers) -> Iterator[Delivery]:
    class Gateway(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            status = answers.next(self.rfile.read(int(self.headers["Content-Length"])))
            if status == NO_ANSWER:
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  # the library's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Gateway)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    delivery = Delivery({"stripe": f"http://127.0.0.1:{server.server_port}"}, 60)
    yield delivery
    delivery.close()
    server.shutdown()
    server.server_close()


def webhooks(number: int) -> list[tuple[str, Webhook]]:
    secret = EndpointSecret(id="test", secret=SecretStr("whsec_test"), merchant_id="merch_test")
    plan = Plan("test", number, 1, 2, 1, {Kind.ACCEPTED: 1.0})
    made = compose(plan, PROVIDERS["stripe"], EXAMPLES, secret, datetime.now(UTC), notification_url="")
    return [("stripe", webhook) for webhook in made]


@pytest.mark.parametrize("first", [NO_ANSWER, 500, 503])
def test_what_is_not_answered_is_sent_until_it_is_acknowledged(
    delivery: Delivery, answers: Answers, first: int
) -> None:
    answers.statuses = [first, 200]
    sent = webhooks(3)
    delivery.send(sent, 100).result(60)
    assert delivery.acknowledged.keys() == {webhook.event_id for _, webhook in sent}
    assert Counter({webhook.body: 2 for _, webhook in sent}) == answers.tries
    assert set(delivery.tries.values()) == {2}


def test_what_is_refused_for_good_is_not_sent_again(delivery: Delivery, answers: Answers) -> None:
    answers.statuses = [401]
    sent = webhooks(1)
    delivery.send(sent, 100).result(60)
    assert not delivery.acknowledged
    assert delivery.refused == {sent[0][1].event_id: 401}
    assert answers.tries.total() == 1
