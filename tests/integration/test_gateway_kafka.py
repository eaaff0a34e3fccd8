"""The gateway as a process of its own, on the real Kafka and registry."""

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest
from kit.errors import Fault
from kit.kafka import RegistryClient
from payments_contracts.identity import event_id, malformed_event_id
from payments_contracts.schemas import schema
from payments_contracts.topics import STRIPE_RAW

from tests.integration.gateways import SECRETS, event, loaded, measured, post, running, sign
from tests.processes import Process
from tests.tail import Tail

pytestmark = [pytest.mark.integration]


@pytest.fixture(scope="module")
def gateway(stack: Mapping[str, str]) -> Iterator[Process]:
    with running(stack) as process:
        process.wait_until(200)
        yield process


def test_an_event_is_on_the_raw_topic_once_it_is_answered(gateway: Process, raw: Tail, dead_letters: Tail) -> None:
    provider_event_id, body = event()
    answer = post(gateway, body)
    expected = event_id("stripe", "acct_it", provider_event_id)
    assert (answer.status_code, answer.json()) == (200, {"event_id": expected, "status": "accepted"})
    [(key, record)] = raw.of(body)
    assert (key, record["event_id"], record["provider_event_id"]) == (b"acct_it", expected, provider_event_id)
    assert record["schema_version"] == STRIPE_RAW.version
    assert dead_letters.of(body) == []


def test_a_malformed_webhook_is_one_dead_letter(gateway: Process, raw: Tail, dead_letters: Tail) -> None:
    body = event()[1][:-20]
    answer = post(gateway, body)
    assert (answer.status_code, answer.json()["event_id"]) == (422, malformed_event_id(body))
    [(key, record)] = dead_letters.of(body)
    assert (key.decode(), record["event_id"]) == (malformed_event_id(body), malformed_event_id(body))
    assert (record["stage"], record["reason_code"], record["merchant_id"]) == ("decode", "not_json", "merch_endpoint")
    assert raw.of(body) == []


def test_a_forged_webhook_leaves_no_trace(gateway: Process, raw: Tail, dead_letters: Tail) -> None:
    _, body = event()
    for forged in (body, body[:-20]):
        assert post(gateway, forged, sign(forged, "whsec_other")).status_code == 401
        assert raw.of(forged) == []
        assert dead_letters.of(forged) == []


def test_a_body_over_the_limit_leaves_no_trace(gateway: Process, raw: Tail, dead_letters: Tail) -> None:
    body = event()[1] + b" " * 600_000
    assert post(gateway, body).status_code == 413
    assert raw.of(body) == []
    assert dead_letters.of(body) == []


async def test_a_flood_of_forgeries_leaves_no_trace_and_few_lines(
    stack: Mapping[str, str], raw: Tail, dead_letters: Tail
) -> None:
    with running(stack) as process:
        await asyncio.to_thread(process.wait_until, 200)
        before = len(process.log.splitlines())

        async with loaded(process, 20, lambda body: sign(body, "whsec_other")) as load:
            await load.more(3000)
        assert load.statuses == {401}
        written = process.log.splitlines()[before:]
        assert measured(process, "gateway_webhooks_total", "outcome")["forged"] >= 3000
    # One a second, and none of each.
    assert len(written) < 100
    assert not any("evt_" in line or "acct_it" in line for line in written)
    assert (raw.records(), dead_letters.records()) == ([], [])


def test_what_the_simulator_sends_arrives_as_its_ledger_says(
    gateway: Process, stack: Mapping[str, str], raw: Tail, dead_letters: Tail, tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger.jsonl"
    mix = "accepted=50,rejected=20,malformed=20,unsupported=5,forged=5"
    options = ["--count", "150", "--rate", "0", "--url", gateway.url, "--mix", mix, "--repeats", "0"]
    options += ["--ledger", str(ledger)]
    finished = subprocess.run(
        [sys.executable, "-m", "simulator", "send", *options],
        env=os.environ | dict(stack) | {"GATEWAY_STRIPE_SECRETS": SECRETS},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    lines = [json.loads(line) for line in ledger.read_text(encoding="utf-8").splitlines()]
    sent = {line["event_id"]: line for line in lines}
    assert len(sent) == len(lines) == 150
    raw_records = {record["event_id"]: (key.decode(), record) for key, record in raw.records()}
    dead = {record["event_id"]: record for _key, record in dead_letters.records()}
    for found, line in sent.items():
        is_event = line["kind"] in {"accepted", "rejected", "unsupported"}
        assert (found in raw_records, found in dead) == (is_event, line["kind"] == "malformed")
        if is_event:
            assert raw_records[found][0] == line["merchant_id"]
            assert raw_records[found][1]["provider_event_type"] == line["event_type"]
        if line["kind"] == "malformed":
            assert [dead[found]["reason_code"]] == line["expected_reason_codes"]
    counts = Counter(record["event_id"] for _key, record in (*raw.records(), *dead_letters.records()))
    assert {counts[found] for found in sent if sent[found]["kind"] != "forged"} == {1}


async def test_what_was_answered_before_the_end_is_on_the_topic(stack: Mapping[str, str], raw: Tail) -> None:
    with running(stack) as process:
        await asyncio.to_thread(process.wait_until, 200)
        bodies = [event(f"{number}_")[1] for number in range(300)]

        async with httpx.AsyncClient(timeout=30, limits=httpx.Limits(max_connections=20)) as client:

            async def send(number: int, body: bytes) -> int:
                if number == 150:
                    process.terminate()
                try:
                    answer = await client.post(f"{process.url}/webhooks/stripe", content=body, headers=sign(body))
                except httpx.TransportError:
                    return 0
                return answer.status_code

            statuses = await asyncio.gather(*(send(number, body) for number, body in enumerate(bodies)))
        assert (await asyncio.to_thread(process.end))[0] == 0
    assert set(statuses) <= {0, 200, 503}
    arrived = {record["payload"] for _key, record in raw.records()}
    assert {body for body, status in zip(bodies, statuses, strict=True) if status == 200} <= arrived


class _EmptyRegistry(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        content = json.dumps({"error_code": 40401, "message": "Subject not found."}).encode()
        self.send_response(404)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def test_does_not_start_where_its_schema_is_not_registered(stack: Mapping[str, str]) -> None:
    # A registry without any schema; the real one holds them for the whole session.
    server = HTTPServer(("127.0.0.1", 0), _EmptyRegistry)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        with running(stack, SCHEMA_REGISTRY_URL=f"http://127.0.0.1:{server.server_port}") as process:
            code, log = process.end()
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert code == 1
    assert f"The schema of {STRIPE_RAW.subject}, version {STRIPE_RAW.version}, is not registered" in log
    assert "make register" in log


def test_the_real_registry_knows_the_schemas_and_no_other(stack: Mapping[str, str]) -> None:
    text = schema(STRIPE_RAW.record, STRIPE_RAW.version)
    with RegistryClient(stack["SCHEMA_REGISTRY_URL"]) as registry:
        found = registry.lookup(STRIPE_RAW.subject, STRIPE_RAW.version, text)
        assert json.loads(registry.text(found.id)) == json.loads(text)
        with pytest.raises(Fault, match="make register"):
            registry.lookup(STRIPE_RAW.subject, STRIPE_RAW.version, text.replace("api_version", "other_version"))
        with pytest.raises(Fault, match="make register"):
            registry.lookup("no-such-subject", 1, text)
