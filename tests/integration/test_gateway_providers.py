"""What is the same for every provider's gateway, as a process of its own on the real Kafka; and Square's own rules."""

import json
import os
import random
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from gateway.secrets import EndpointSecret
from gateway.signature import Authentic, verifier
from payments_contracts.examples import EXAMPLES
from payments_contracts.providers import PROVIDERS, Provider
from payments_contracts.topics import SQUARE_RAW, Topic, raw_topic
from pydantic import SecretStr
from simulator.signing import Signer
from simulator.variation import vary

from tests.integration.gateways import running
from tests.processes import Process
from tests.tail import Tail

pytestmark = [pytest.mark.integration]

SECRET = {"id": "it", "secret": "0123456789abcdef", "merchant_id": "merch_endpoint"}
URL = "https://payments.example/webhooks"
MERCHANT = "merch_it"


@dataclass(frozen=True)
class Endpoint:
    """A running gateway, and a sender that has its secret."""

    provider: Provider
    process: Process

    def post(self, body: bytes, secret: str = SECRET["secret"]) -> httpx.Response:
        contract = self.provider.signature
        signer = Signer(contract, SecretStr(secret), URL, self.provider.envelope.items)
        signed = signer.deliver(body, int(time.time()))
        url = f"{self.process.url}/webhooks/{self.provider.name}"
        return httpx.post(url, content=signed.body, headers=dict(signed.headers), timeout=30)

    def body(self, kind: str = "accepted", age_seconds: float = 60) -> bytes:
        """Return a body like one of the contract's examples, of an event that happened so long ago."""
        example = next(each for each in EXAMPLES if (each.provider, each.kind) == (self.provider.name, kind))
        created = int(time.time() - age_seconds)
        places = self.provider.envelope
        dice = random.Random(uuid.uuid4().hex)  # noqa: S311  # not for secrets
        made = vary(
            example,
            created=created,
            created_at=places.created_at,
            owner=None if kind == "malformed" else places.account,
            account=MERCHANT,
            dice=dice,
        )
        return made.body


@pytest.fixture(scope="module")
def endpoint_of(stack: Mapping[str, str]) -> Iterator[Callable[[str], Endpoint]]:
    """Start a provider's gateway, once."""
    opened: dict[str, tuple[Endpoint, Callable[[], object]]] = {}

    def start(name: str) -> Endpoint:
        if name not in opened:
            context = running(stack, GATEWAY_PROVIDER=name, WEBHOOK_SECRETS=json.dumps([SECRET]), NOTIFICATION_URL=URL)
            process = context.__enter__()
            opened[name] = Endpoint(PROVIDERS[name], process), lambda: context.__exit__(None, None, None)
            process.wait_until(200)
        return opened[name][0]

    yield start
    for _, close in opened.values():
        close()


@pytest.fixture
def square(endpoint_of: Callable[[str], Endpoint]) -> Endpoint:
    return endpoint_of("square")


@pytest.fixture
def square_raw(tail_of: Callable[[Topic], Tail]) -> Tail:
    return tail_of(SQUARE_RAW)


@pytest.mark.parametrize("provider", ["stripe", "square"])
def test_the_stored_record_verifies_again(
    endpoint_of: Callable[[str], Endpoint], tail_of: Callable[[Topic], Tail], provider: str
) -> None:
    endpoint, tail = endpoint_of(provider), tail_of(raw_topic(provider))
    body = endpoint.body()
    assert endpoint.post(body).status_code == 200
    [(_, record)] = tail.of(body)
    contract = endpoint.provider.signature
    judge = verifier(contract, [EndpointSecret.model_validate(SECRET)], URL)
    signed = record["headers"][str(contract.header).lower()]
    verdict = judge.verify([signed], record["payload"], record["received_at"].timestamp())
    assert verdict == Authentic(SECRET["id"], SECRET["merchant_id"])


def test_squares_event_is_on_its_topic_once_it_is_answered(
    square: Endpoint, square_raw: Tail, dead_letters: Tail
) -> None:
    body = square.body()
    answer = square.post(body)
    assert answer.status_code == 200
    [(key, record)] = square_raw.of(body)
    assert (key.decode(), record["merchant_id"], record["provider"]) == (MERCHANT, MERCHANT, "square")
    assert record["event_id"] == answer.json()["event_id"]
    assert record["provider_event_id"] == json.loads(body)["event_id"]
    assert dead_letters.records() == []


def test_squares_forged_webhook_leaves_no_trace(square: Endpoint, square_raw: Tail, dead_letters: Tail) -> None:
    answer = square.post(square.body(), secret="another")
    assert (answer.status_code, answer.json()["reason_code"]) == (401, "signature_mismatch")
    assert (square_raw.records(), dead_letters.records()) == ([], [])


def test_squares_event_of_long_ago_leaves_no_trace(square: Endpoint, square_raw: Tail, dead_letters: Tail) -> None:
    oldest = square.provider.envelope.max_event_age_seconds
    assert oldest is not None
    answer = square.post(square.body(age_seconds=oldest + 60))
    assert (answer.status_code, answer.json()["reason_code"]) == (403, "event_too_old")
    assert square.post(square.body(age_seconds=oldest - 600)).status_code == 200
    assert (len(square_raw.records()), dead_letters.records()) == (1, [])


def test_squares_malformed_webhook_is_one_dead_letter(square: Endpoint, square_raw: Tail, dead_letters: Tail) -> None:
    body = square.body("malformed")
    answer = square.post(body)
    assert answer.status_code == 422
    [(key, record)] = dead_letters.of(body)
    assert key.decode() == record["event_id"] == answer.json()["event_id"]
    assert (record["provider"], record["reason_code"]) == ("square", answer.json()["reason_code"])
    assert square_raw.records() == []


def test_what_the_simulator_sends_as_square_is_answered_as_it_has_to_be(
    square: Endpoint, stack: Mapping[str, str], square_raw: Tail, dead_letters: Tail, tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger.jsonl"
    options = ["--provider", "square", "--count", "100", "--rate", "0", "--url", square.process.url, "--days", "2"]
    options += ["--mix", "accepted=40,rejected=20,malformed=20,unsupported=10,forged=10", "--ledger", str(ledger)]
    settings = {"GATEWAY_SQUARE_SECRETS": json.dumps([SECRET]), "GATEWAY_SQUARE_NOTIFICATION_URL": URL}
    finished = subprocess.run(
        [sys.executable, "-m", "simulator", "send", *options],
        env=os.environ | dict(stack) | settings,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    lines = [json.loads(line) for line in ledger.read_text(encoding="utf-8").splitlines()]
    ids = {kind: sorted(line["event_id"] for line in lines if line["kind"] == kind) for kind in ("malformed", "forged")}
    events = sorted(line["event_id"] for line in lines if line["kind"] in {"accepted", "rejected", "unsupported"})
    assert (len(events), len(ids["malformed"]), len(ids["forged"])) == (70, 20, 10)
    assert sorted(record["event_id"] for _, record in square_raw.records()) == events
    assert sorted(record["event_id"] for _, record in dead_letters.records()) == ids["malformed"]
