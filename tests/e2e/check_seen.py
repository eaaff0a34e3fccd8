"""What pages promise is shown, and what nobody may see is nowhere: on the whole stack, after all kinds of traffic."""

from __future__ import annotations

import os
import random
import subprocess
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx
import psycopg
import pytest
from codegen.loader import load
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]  # it exports them late
from payments_contracts.topics import STRIPE_RAW
from stack.ports import Ports
from stack.shutdown import stop_services
from stack.supervision import Supervisor

from tests.conftest import ROOT, places, run_stack
from tests.e2e import leaks
from tests.e2e.collector import Collector
from tests.e2e.marks import Marks
from tests.e2e.panels import Asked, Prometheus, asked
from tests.e2e.webhooks import Sender
from tests.integration.orchestration import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1500)]
BIN = ROOT / ".venv" / "bin"
PROVIDERS = ("stripe", "square")
MARKS = 500
# What may have nothing to show after all that this module does. One that has data fails: its line has to go.
EMPTY: Final[Mapping[tuple[str, str, str], str]] = {}


@dataclass
class World:
    """The running stack, what watches it, and what was sent through it."""

    stack: Mapping[str, str]
    state: Path
    prometheus: Prometheus
    collector: Collector
    marks: Marks
    began: datetime

    @contextmanager
    def without(self, service: str) -> Iterator[None]:
        """Stop a service for a while."""
        stop_services(Supervisor(places()), [service])
        try:
            yield
        finally:
            run_stack("up", service)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(BIN / command[0]), *command[1:]],
            env=os.environ | self.stack,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def simulate(self, provider: str, count: int, rate: float, *options: str) -> None:
        sent = self.run(
            "simulator", "send", "--provider", provider, "--count", str(count), "--rate", str(rate), *options
        )
        assert sent.returncode == 0, sent.stdout


@pytest.fixture(scope="module")
def world(stack: Mapping[str, str]) -> Iterator[World]:
    """Start everything, with a collector of spans, and send traffic of all kinds."""
    with pytest.MonkeyPatch.context() as patch, closing(Collector()) as collector:
        patch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        run_stack("up")
        port = Ports.with_offset(int(stack["PAYMENTS_PORT_OFFSET"])).prometheus
        with closing(Prometheus(port)) as prometheus:
            state = Path(stack["PAYMENTS_STATE_DIR"])
            marks = Marks(f"{random.SystemRandom().randrange(10**6):06d}")
            made = World(stack, state, prometheus, collector, marks, datetime.now(UTC))
            send_all_kinds(made)
            yield made
    # The tests after these have no collector.
    run_stack("up")


def send_all_kinds(world: World) -> None:
    """Send good, failing, repeated, broken and unsupported webhooks, marked ones among them; build, and audit."""
    tag = f"seen{os.getpid()}"
    for turn in ("a", "b"):
        if turn == "b":
            with world.without("inference"):
                world.simulate("stripe", 60, 6, "--run", f"{tag}x", "--mix", "accepted=1")
                send_marked(world)
                wait_for(
                    "the breaker to open",
                    lambda: (world.prometheus.value("max(orchestrator_inference_circuit_open)") or 0) > 0,
                )
        world.simulate("stripe", 150, 10, "--run", f"{tag}{turn}", "--repeats", "0.2")
        world.simulate("square", 50, 10, "--run", f"{tag}{turn}", "--repeats", "0.2")
    ledger = world.state / "seen.jsonl"
    world.simulate("stripe", 40, 10, "--run", f"{tag}v", "--ledger", str(ledger))
    verified = world.run("payments", "verify", "--refresh", "--patience", "180", "--ledger", str(ledger))
    assert verified.returncode == 0, verified.stdout
    audited = world.run("payments", "audit")
    assert audited.returncode in {0, 1}, audited.stdout
    # They end when all is in Bronze: nothing of the marked webhooks is under way then.
    wait_for("the end of all workflows", lambda: world.prometheus.value("orchestrator_open_workflows") == 0)


def send_marked(world: World) -> None:
    """Send at least so many marks by every way."""
    catalog = load(ROOT / "contracts")
    senders = [Sender(name, world.stack, catalog, world.marks) for name in PROVIDERS]
    for sender in senders:
        for bodies in (sender.accepted(), sender.quarantined(), sender.unsupported()):
            statuses = [sender.send(body) for body in bodies]
            assert statuses
            assert set(statuses) == {HTTPStatus.OK}
        sender.fail()
        sender.close()
    producer = Producer({"bootstrap.servers": world.stack["KAFKA_BOOTSTRAP_SERVERS"]})
    # What is not a record at all: the normalizer passes its bytes on to the dead letters.
    producer.produce(STRIPE_RAW.name, world.marks.take().encode(), b"merch_local", headers={"leak": world.marks.take()})
    assert producer.flush(30) == 0
    assert len(world.marks.given) >= MARKS


def empty(world: World) -> list[Asked]:
    """Return the queries that draw nothing over the time of this module."""
    until = datetime.now(UTC)
    return [each for each in asked() if not world.prometheus.range(each.expr, world.began, until)]


def test_every_panel_shows_data(world: World) -> None:
    questions = list(asked())
    assert len(questions) > 100
    deadline = time.monotonic() + 120
    # Rules and `payments watch` look every quarter of a minute.
    while (left := {(each.page, each.panel, each.legend) for each in empty(world)}) != set(EMPTY):
        assert time.monotonic() < deadline, f"without data: {sorted(left - set(EMPTY))}; with: {set(EMPTY) - left}"
        time.sleep(5)


def test_money_per_minute_is_what_came_in(world: World) -> None:
    (question,) = (each for each in asked() if each.panel == "Money per minute")
    drawn = world.prometheus.range(question.expr, world.began, datetime.now(UTC))
    assert len(drawn) >= 3
    assert all(max(values) > 0 for _, values in drawn)


def test_a_query_of_what_is_not_there_draws_nothing(world: World) -> None:
    since = datetime.now(UTC) - timedelta(minutes=5)
    assert not world.prometheus.range("rate(gateway_webhoks_total[1m])", since, datetime.now(UTC))


def test_no_log_has_what_a_webhook_held(world: World) -> None:
    assert leaks.of_files(world.state, world.marks) == {}


def test_no_metric_has_what_a_webhook_held(world: World) -> None:
    assert leaks.of_metrics(world.prometheus, world.marks) == {}


def test_no_span_has_what_a_webhook_held(world: World) -> None:
    assert {"webhook", "normalize", "start workflow"} <= world.collector.names
    assert leaks.of_spans(world.collector, world.marks) == {}


def test_only_topics_that_keep_bodies_have_what_a_webhook_held(world: World) -> None:
    found = leaks.of_topics(world.stack["KAFKA_BOOTSTRAP_SERVERS"], world.marks)
    assert set(found) - leaks.RAW_TOPICS == set()
    # The search works: each topic of bodies has many of them.
    assert {name for name, marks in found.items() if len(marks) > 5} >= {
        "payments.stripe.raw", "payments.square.raw", "payments.ingestion.dlq", "payments.validation.dlq",
    }  # fmt: skip


def test_no_workflow_has_what_a_webhook_held(world: World) -> None:
    count, found = leaks.of_workflows(world.stack, world.began, world.marks)
    assert count > 300
    assert found == {}


def test_no_database_has_what_a_webhook_held(world: World) -> None:
    assert leaks.of_databases(world.stack["POSTGRES_DSN"], world.marks) == {}


def test_only_the_archive_and_the_quarantine_have_what_a_webhook_held(world: World) -> None:
    archived = "sum(archive_consumer_lag_records) + sum(lake_waiting_rows)"
    wait_for("the archive", lambda: world.prometheus.value(archived) == 0)
    found = leaks.of_tables(world.stack, world.marks)
    assert set(found) == leaks.RAW_TABLES
    assert all(len(marks) > 20 for marks in found.values())


def test_a_leak_is_found_wherever_it_is(world: World) -> None:
    mark = world.marks.take()
    log = world.state / "logs" / "planted.log"
    log.write_text(f'{{"event": "planted", "card": "{mark}"}}\n')
    try:
        assert leaks.of_files(world.state, world.marks) == {"logs/planted.log": {mark}}
    finally:
        log.unlink()

    servers, topic = world.stack["KAFKA_BOOTSTRAP_SERVERS"], f"planted-{os.getpid()}"
    admin = AdminClient({"bootstrap.servers": servers})
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(20)
    try:
        producer = Producer({"bootstrap.servers": servers})
        producer.produce(topic, b"x", headers={"planted": mark})
        assert producer.flush(20) == 0
        assert leaks.of_topics(servers, world.marks)[topic] == {mark}
    finally:
        admin.delete_topics([topic])[topic].result(20)

    with psycopg.connect(world.stack["POSTGRES_DSN"], autocommit=True) as connection:
        connection.execute("CREATE TABLE planted AS SELECT %s::bytea AS content", [mark.encode()])
        try:
            assert leaks.of_databases(world.stack["POSTGRES_DSN"], world.marks) == {"payments: public.planted": {mark}}
        finally:
            connection.execute("DROP TABLE planted")


def test_a_flood_of_refused_webhooks_is_a_few_lines(world: World) -> None:
    count = 2000
    url = f"{world.stack['GATEWAY_STRIPE_URL']}/webhooks/stripe"
    log = world.state / "logs" / "gateway-stripe.log"
    before, began = log.read_bytes().count(b"\n"), time.monotonic()
    with httpx.Client(timeout=30, trust_env=False) as client:
        for number in range(count):
            headers = {"stripe-signature": f"t={int(time.time())},v1={number:064x}"}
            answer = client.post(url, content=f'{{"card": "{world.marks.take()}"}}', headers=headers)
            assert answer.status_code == HTTPStatus.UNAUTHORIZED
    # Twenty of a kind in each ten seconds, and one kind is all that is sent; the rest is told as a number.
    windows = (time.monotonic() - began) / 10 + 2
    lines = log.read_bytes()[-1_000_000:].count(b'"signature_mismatch"')
    assert log.read_bytes().count(b"\n") - before <= 20 * windows
    assert lines > 0
    assert leaks.of_files(world.state, world.marks) == {}
