"""What is seen of the pipeline from outside, under load that fails in every way: all of it, and nothing else.

One load serves both: panels of dashboards have to show data, and marked card numbers, secrets and addresses must be
in the raw events alone.
"""

from __future__ import annotations

import itertools
import json
import math
import os
import signal
import subprocess
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import psycopg
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext
from kit.kafka import RegistryClient
from kit.lake import load_catalog
from kit.settings import LakeSettings
from monitoring.dashboards.model import INTERVAL, PROVIDER, Panel
from monitoring.dashboards.pages import DASHBOARDS
from payments_contracts.schemas import schema
from payments_contracts.topics import INGESTION_DLQ, NORMALIZED, TOPICS, VALIDATION_DLQ, raw_topic
from psycopg import sql
from stack.ports import Ports
from temporalio.client import Client

from tests.conftest import ROOT, run_stack
from tests.e2e.marks import COUNT, Bodies, Door, make_marks
from tests.integration.orchestration import wait_for
from tests.supervised import pid_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]
BIN = ROOT / ".venv" / "bin"
PORTS = Ports.with_offset(int(os.environ.get("PAYMENTS_TEST_PORT_OFFSET", "5000")))
PROMETHEUS = f"http://127.0.0.1:{PORTS.prometheus}"


@dataclass
class Run:
    """What was sent: the marks, and the events in which they are, by what became of them."""

    marks: list[str]
    merchant: str
    began: float = field(default_factory=time.time)
    accepted: list[str] = field(default_factory=list)
    rejected: list[str] = field(default_factory=list)

    def found(self, text: bytes | str) -> set[str]:
        """Return the marks that are in a text."""
        content = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
        return {mark for mark in self.marks if mark in content}


def run(stack: Mapping[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env=os.environ | stack, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def applications(stack: Mapping[str, str]) -> Mapping[str, str]:
    run_stack("up")
    return stack


@pytest.fixture(scope="module")
def sent(applications: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Send the marks by every way, beside ordinary traffic, and wait until all has arrived where it ends."""
    ledger = tmp_path_factory.mktemp("seen") / "ledger.jsonl"
    traffic = subprocess.Popen(
        [
            str(BIN / "simulator"),
            *("send", "--provider", "stripe", "--count", "150", "--rate", "10", "--run", f"seen{os.getpid()}"),
            *("--ledger", str(ledger)),
        ],
        env=os.environ | applications,
        stdout=subprocess.DEVNULL,
    )
    made = send_marks(applications)
    assert traffic.wait(120) == 0
    with psycopg.connect(applications["POSTGRES_DSN"], autocommit=True) as connection:
        question = "SELECT count(*) FROM payment_events WHERE event_id = ANY(%s)"

        def arrived() -> bool:
            row = connection.execute(question, [made.accepted]).fetchone()
            return row == (len(made.accepted),)

        wait_for("the marked events", arrived, 120)
    wait_for(
        "the marked dead letters",
        lambda: set(made.rejected) <= {key["event_id"] for key in letters(applications, made)},
        60,
    )
    # Builds Silver and Gold, and holds what is in them against what was sent.
    verified = run(applications, str(BIN / "payments"), "verify", "--refresh", "--ledger", str(ledger))
    assert verified.returncode == 0, verified.stdout + verified.stderr
    audited = run(applications, str(BIN / "payments"), "audit", "--grace", "0", "--silver-grace", "0", "--json")
    assert audited.returncode in {0, 1}, audited.stderr
    return made


def send_marks(stack: Mapping[str, str]) -> Run:
    """Send webhooks with marks, right ones and wrong ones."""
    run_id = uuid.uuid4().hex[:8]
    made = Run(make_marks(run_id), f"acct_marks{run_id}")
    good, bad = made.marks[:400], itertools.cycle(made.marks[400:])
    bodies, door = Bodies(run_id, good), Door(stack)

    def accept(provider: str) -> None:
        answer = door.send(provider, json.dumps(bodies.accepted(provider)).encode())
        assert answer.status == 200
        made.accepted.append(answer.event_id)

    providers = itertools.cycle(("stripe", "stripe", "square"))
    while bodies.waiting:
        accept(next(providers))
    model = pid_of("inference", Path(stack["PAYMENTS_STATE_DIR"]))
    os.kill(model, signal.SIGSTOP)
    try:
        for _ in range(6):
            accept("stripe")
        wait_for("a fallback", lambda: bool(value('sum(orchestrator_fallbacks_total{verdict="fraud_score"}) > 0')), 180)
    finally:
        os.kill(model, signal.SIGCONT)

    charge = {"object": "charge", "id": f"ch_{run_id}", "amount": 100, "currency": "usd", "livemode": True}
    for place in ("amount", "currency", "created"):
        # The mark is what cannot be used: it is all too easily quoted.
        body = {"type": "charge.failed", "data": {"object": charge | {place: next(bad)}}, "livemode": True}
        answer = door.send("stripe", json.dumps(bodies.fresh("stripe", body)).encode())
        assert answer.status == 200
        made.rejected.append(answer.event_id)
    for text in (f'{{"id": "evt_1", "card": "{next(bad)}"', f'{{"id": {{"secret": "{next(bad)}"}}}}', next(bad)):
        assert door.send("stripe", text.encode()).status == 422
    forged = json.dumps(bodies.unmapped("charge.failed")).encode()
    for header in (f"t=1,v1={next(bad)}", next(bad).replace(",", "")):
        told = {"authorization": f"Bearer {next(bad)}", "cookie": next(bad), "user_agent": next(bad)}
        answer = door.send("stripe", forged, query=f"?token={next(bad)}", stripe_signature=header, **told)
        assert answer.status == 401
    assert door.knock(f"webhooks/{next(bad)}", referer=next(bad)) == 404
    assert door.send("stripe", b'{"id":"' + next(bad).encode() * 40_000 + b'"}').status == 413
    for kind in ("topup.succeeded", f"card_{next(bad)}", next(each for each in bad if each.isdigit())):
        assert door.send("stripe", json.dumps(bodies.unmapped(kind)).encode()).status == 200

    # What somebody else writes to the normalized topic: no Avro, a schema that nobody knows, a record cut short.
    producer = Producer({"bootstrap.servers": stack["KAFKA_BOOTSTRAP_SERVERS"]})
    with RegistryClient(stack["SCHEMA_REGISTRY_URL"]) as registry:
        known = registry.lookup(
            NORMALIZED.subject, NORMALIZED.version, schema(NORMALIZED.record, NORMALIZED.version)
        ).id
    for value_ in (b"", b"\x00\x00\x00\x00\x63", b"\x00" + known.to_bytes(4, "big") + b"\x50"):
        producer.produce(NORMALIZED.name, value_ + next(bad).encode(), made.merchant.encode())
    assert producer.flush(30) == 0
    assert len(set(made.marks)) == COUNT
    return made


def messages(stack: Mapping[str, str], made: Run, topic: str) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Yield key, value and headers of each record of a topic since the run began."""
    consumer = Consumer(
        {
            "bootstrap.servers": stack["KAFKA_BOOTSTRAP_SERVERS"],
            "group.id": "seen",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
        }
    )
    try:
        partitions = consumer.list_topics(topic, timeout=20).topics[topic].partitions
        since = [TopicPartition(topic, number, int(made.began * 1000)) for number in partitions]
        consumer.assign(consumer.offsets_for_times(since, timeout=20))
        left = set(partitions)
        while left:
            message = consumer.poll(20)
            assert message is not None, f"{topic} cannot be read"
            if message.error() is not None:
                left.discard(message.partition())
                continue
            yield message.key() or b"", message.value() or b"", repr(message.headers()).encode()
    finally:
        consumer.close()


def letters(stack: Mapping[str, str], made: Run) -> list[dict[str, Any]]:
    """Return the dead letters of both topics since the run began, without the payloads that they are there to keep."""
    found = []
    with SchemaRegistryClient({"url": stack["SCHEMA_REGISTRY_URL"]}) as registry:
        deserialize = AvroDeserializer(registry)
        for topic in (INGESTION_DLQ.name, VALIDATION_DLQ.name):
            for key, value_, headers in messages(stack, made, topic):
                record = deserialize(value_, SerializationContext(topic, MessageField.VALUE))
                assert record.pop("payload") is not None
                found.append({**record, "key": key, "headers": headers})
    return found


def value(query: str) -> list[float]:
    """Return the values that a query has now, those that are none left out."""
    answer = httpx.get(f"{PROMETHEUS}/api/v1/query", params={"query": query}, timeout=20, trust_env=False)
    assert answer.status_code == 200, f"{query}: {answer.text}"
    found = [float(each["value"][1]) for each in answer.json()["data"]["result"]]
    return [each for each in found if not math.isnan(each)]


@pytest.fixture
def load(applications: Mapping[str, str], sent: Run) -> Iterator[None]:
    """Send webhooks of all providers of the stack meanwhile."""
    senders = [
        subprocess.Popen(
            [
                str(BIN / "simulator"),
                *("send", "--provider", provider, "--count", "2000", "--rate", "4", "--run", f"load{os.getpid()}"),
                *("--ledger", os.devnull),
            ],
            env=os.environ | applications,
            stdout=subprocess.DEVNULL,
        )
        for provider in ("stripe", "square")
    ]
    yield
    for sender in senders:
        sender.terminate()
        sender.wait(30)


def shows(panel: Panel) -> bool:
    """Tell whether each query of a panel has data, as Grafana would ask with all providers chosen."""
    asked = (query.expr.replace(PROVIDER, ".*").replace(INTERVAL, "1m") for query in panel.queries)
    return all(value(query) for query in asked)


def test_each_panel_shows_data_under_load(load: None) -> None:
    panels = [(dashboard.name, panel) for dashboard in DASHBOARDS for panel in dashboard.panels]
    assert len(panels) > 60
    deadline = time.monotonic() + 150
    while (empty := [each for each in panels if not shows(each[1])]) and time.monotonic() < deadline:
        time.sleep(5)
    assert not [f"{name}: {panel.title}" for name, panel in empty]


def test_the_marks_are_in_the_raw_events(applications: Mapping[str, str], sent: Run) -> None:
    # Else none of what follows would say anything.
    found: set[str] = set()
    for provider in ("stripe", "square"):
        for _, value_, _ in messages(applications, sent, raw_topic(provider).name):
            found |= sent.found(value_)
    assert set(sent.marks[:400]) <= found


def test_no_mark_is_on_another_topic(applications: Mapping[str, str], sent: Run) -> None:
    mine = sent.merchant.encode()
    seen = 0
    for topic in TOPICS:
        if topic.name.endswith(".raw") or topic in {INGESTION_DLQ, VALIDATION_DLQ}:
            continue
        for key, value_, headers in messages(applications, sent, topic.name):
            # The marked ones that this test wrote there itself have the merchant as a key, and are no events.
            if key == mine and mine not in value_:
                continue
            seen += 1
            assert not sent.found(b" ".join((key, value_, headers))), topic.name
    assert seen > len(sent.accepted)


def test_no_mark_is_in_a_dead_letter_beside_its_payload(applications: Mapping[str, str], sent: Run) -> None:
    told = letters(applications, sent)
    assert {code for letter in told for code in letter.get("reason_codes", ())} >= {"wire_format", "schema_unknown"}
    assert not [(letter, found) for letter in told if (found := sent.found(repr(letter)))]


def test_no_mark_is_in_a_log(applications: Mapping[str, str], sent: Run) -> None:
    state = Path(applications["PAYMENTS_STATE_DIR"])
    places = [*(state / "logs").rglob("*"), *state.glob("data/*/logs/**/*"), *state.glob("data/dagster/**/*")]
    read = [path for path in places if path.is_file()]
    assert {"gateway-stripe.log", "orchestrator.log", "flink-taskmanager.log"} <= {path.name for path in read}
    assert not {path.name: found for path in read if (found := sent.found(path.read_bytes()))}


def test_each_line_of_a_service_is_an_object_with_a_name(applications: Mapping[str, str], sent: Run) -> None:
    logs = Path(applications["PAYMENTS_STATE_DIR"]) / "logs"
    began = datetime.fromtimestamp(sent.began, UTC).isoformat()
    said = 0
    for service in (
        "gateway-stripe",
        "gateway-square",
        "normalizer-stripe",
        "orchestrator",
        "archiver",
        "watch",
        "inference",
    ):
        for line in (logs / f"{service}.log").read_text(encoding="utf-8").splitlines():
            told = json.loads(line)
            if told["timestamp"] < began:
                # Of an earlier start, maybe of another version.
                continue
            assert {"event", "service", "level", "timestamp"} <= told.keys(), line
            assert " " not in told["event"], line
            said += 1
    assert said > 10


def test_no_mark_is_on_a_page_of_metrics(sent: Run) -> None:
    targets = httpx.get(f"{PROMETHEUS}/api/v1/targets", trust_env=False).json()["data"]["activeTargets"]
    assert len(targets) > 10
    for target in targets:
        page = httpx.get(target["scrapeUrl"], trust_env=False, timeout=30)
        assert not sent.found(page.text), target["scrapeUrl"]


def test_no_mark_is_in_a_trace(applications: Mapping[str, str], sent: Run) -> None:
    for event_id in (sent.accepted[0], sent.accepted[-1], *sent.rejected[:1]):
        traced = run(applications, str(BIN / "payments"), "trace", event_id, "--json")
        assert event_id in traced.stdout, traced.stderr
        assert not sent.found(traced.stdout + traced.stderr)


async def test_no_mark_is_in_the_history_of_a_workflow(applications: Mapping[str, str], sent: Run) -> None:
    client = await Client.connect(applications["TEMPORAL_ADDRESS"], namespace=applications["TEMPORAL_NAMESPACE"])
    for event_id in sent.accepted:
        history = await client.get_workflow_handle(event_id).fetch_history()
        text = b"".join(event.SerializeToString() for event in history.events)
        assert event_id.encode() in text
        assert not sent.found(text), event_id


def test_no_mark_is_in_the_operational_database(applications: Mapping[str, str], sent: Run) -> None:
    with psycopg.connect(applications["POSTGRES_DSN"]) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        assert ("payment_events",) in tables
        for (table,) in tables:
            for (row,) in connection.execute(sql.SQL("SELECT t::text FROM {} AS t").format(sql.Identifier(table))):
                assert not sent.found(row), table


def test_no_mark_is_in_silver_or_gold_or_among_the_events_of_bronze(applications: Mapping[str, str], sent: Run) -> None:
    settings = LakeSettings.model_validate({name.lower(): text for name, text in applications.items()})
    catalog = load_catalog(settings)
    tables = [name for layer in ("silver", "gold") for name in catalog.list_tables(layer)]
    assert len(tables) > 5
    events = 0
    for name in [("bronze", "payment_events"), *tables]:
        rows = catalog.load_table(name).scan().to_arrow().to_pylist()
        mine = [text for row in rows if sent.merchant in (text := repr(row))]
        events += len(mine)
        assert not sent.found("\n".join(map(repr, rows))), name
    assert events > 2 * len(sent.accepted)
