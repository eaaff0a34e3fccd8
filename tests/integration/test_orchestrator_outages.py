"""What the orchestrator does while something they need is away, and with events that are out of the ordinary."""

import json
import signal
import socket
import time
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest
from kit.kafka import AvroDecoder, Consumer, RegistryClient
from operations.merchants.register import Register
from operations.merchants.terms import next_version
from payments_contracts.schemas import schema
from payments_contracts.topics import VALIDATION_DLQ
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from tests.integration.orchestration import Deployment, Passage, events, exactly_once, wait_for
from tests.processes import free_port

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]


def test_a_consumer_outwaits_temporal_and_then_skips_nothing(deployment: Deployment, stack: Mapping[str, str]) -> None:
    host, port = stack["TEMPORAL_ADDRESS"].split(":")
    passage = Passage((host, int(port)))
    address = f"127.0.0.1:{passage.port}"
    deployment.start("worker", "committer")
    consumer = deployment.start("consumer", TEMPORAL_ADDRESS=address, MAX_STARTS_IN_FLIGHT="5")
    sent = events(12)
    deployment.produce(sent)
    wait_for("the consumer to notice", lambda: "Temporal" in deployment.log("consumer"))
    assert deployment.lag() == 12
    passage.open()
    deployment.wait_for_rows(12)
    passage.close()
    more = events(12)
    deployment.produce(more)
    time.sleep(3)
    passage.open()
    deployment.wait_for_rows(24)
    wait_for("all offsets", lambda: deployment.lag() == 0)
    assert deployment.counts() == exactly_once([*sent, *more])
    consumer.send_signal(signal.SIGTERM)
    assert consumer.wait(30) == 0
    passage.close()


def test_a_consumer_can_be_stopped_while_temporal_is_away(deployment: Deployment) -> None:
    consumer = deployment.start("consumer", TEMPORAL_ADDRESS="127.0.0.1:9")
    deployment.produce(events(3))
    wait_for("the consumer to notice", lambda: "Temporal" in deployment.log("consumer"))
    consumer.send_signal(signal.SIGTERM)
    assert consumer.wait(40) == 0
    assert deployment.lag() == 3


def metric(port: str, name: str) -> float:
    families = text_string_to_metric_families(httpx.get(f"http://127.0.0.1:{port}/metrics").text)
    return sum(sample.value for family in families for sample in family.samples if sample.name == name)


def test_while_the_lake_is_away_rows_wait_and_the_backlog_stays_in_kafka(
    deployment: Deployment, stack: Mapping[str, str]
) -> None:
    catalog = httpx.URL(stack["CATALOG_URI"])
    assert catalog.port is not None
    passage = Passage((catalog.host, catalog.port))
    passage.open()
    port = str(free_port())
    deployment.start(CATALOG_URI=f"http://127.0.0.1:{passage.port}", METRICS_PORT=port, MAX_OPEN_WORKFLOWS="10")
    before, during = events(5), events(60)
    deployment.produce(before)
    deployment.wait_for_rows(5)
    passage.close()
    deployment.produce(during)
    wait_for(
        "the process to notice", lambda: httpx.get(f"http://127.0.0.1:{port}/readyz").json()["checks"]["lake"] != "ok"
    )
    begun = metric(port, "orchestrator_workflow_starts_total")
    time.sleep(12)
    # Those that had begun wait, longer than they wait beside the workflow; no other has begun.
    assert metric(port, "orchestrator_workflow_starts_total") == begun < 40
    assert deployment.lag() > 20
    passage.open()
    deployment.wait_for_rows(65)
    assert deployment.counts() == exactly_once([*before, *during])
    passage.close()


def test_rows_carry_the_fallback_while_the_models_are_away(deployment: Deployment) -> None:
    deployment.start(INFERENCE_URL="http://127.0.0.1:9")
    deployment.produce(events(1, status="failed"))
    deployment.wait_for_rows(1)
    (row,) = deployment.rows()
    assert (row["fraud_score"], row["fraud_score_source"]) == (0.5, "fallback")
    # The table of the contract, for a first attempt, as the model would start from it.
    assert row["retry_strategy"] == {"should_retry": True, "delay_seconds": 86_400, "max_attempts": 4}
    assert (row["retry_strategy_source"], row["retry_action"]) == ("fallback", "retry")
    assert (row["attempt"], row["attempt_source"]) == (1, "history")


def test_a_model_that_hangs_is_left_alone_after_a_few_events(deployment: Deployment) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = str(free_port())
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        deployment.start(INFERENCE_URL=url, METRICS_PORT=port, INFERENCE_TIMEOUT_SECONDS="0.5")
        sent = events(60)
        deployment.produce(sent)
        deployment.wait_for_rows(60)
        assert metric(port, "orchestrator_inference_circuit_open") == 1
        assert metric(port, "orchestrator_fallbacks_total") == 60
    assert deployment.counts() == exactly_once(sent)


def test_an_event_larger_than_temporal_takes_is_dead_lettered_and_the_rest_goes_on(
    deployment: Deployment, stack: Mapping[str, str]
) -> None:
    # Control characters are one byte in Avro and six in JSON.
    (large,) = events(1, metadata={"note": "\x01" * 900_000})
    around = events(4)
    deployment.start()
    deployment.produce([*around[:2], large, *around[2:]])
    deployment.wait_for_rows(4)
    wait_for("all offsets", lambda: deployment.lag() == 0)
    assert deployment.counts() == exactly_once(around)
    letters = dead_letters_of(stack, [large.event_id])
    assert [(letter["reason_codes"], letter["source_topic"]) for letter in letters] == [
        (["event_too_large"], deployment.topic)
    ]


def dead_letters_of(stack: Mapping[str, str], event_ids: Sequence[str]) -> list[Mapping[str, Any]]:
    """Return the dead letters of some events."""
    reader = schema(VALIDATION_DLQ.record, VALIDATION_DLQ.version)
    with RegistryClient(stack["SCHEMA_REGISTRY_URL"]) as registry:
        decoder = AvroDecoder(registry, reader)
        found: list[Mapping[str, Any]] = []
        with Consumer(
            stack["KAFKA_BOOTSTRAP_SERVERS"], f"test-{uuid.uuid4().hex}", [VALIDATION_DLQ.name], client_id="test"
        ) as consumer:
            deadline = time.monotonic() + 60
            while not found and time.monotonic() < deadline:
                for message in consumer.poll(500, 0.5):
                    assert message.value is not None
                    letter = decoder.decode(message.value)
                    found += [letter] if letter["event_id"] in event_ids else []
    return found


def test_business_rules_mark_an_event_by_what_is_known_around_it_and_keep_it(
    deployment: Deployment, stack: Mapping[str, str]
) -> None:
    merchant, stranger, customer = (uuid.uuid4().hex for _ in range(3))
    agreed = next_version(
        None, merchant, currencies=["EUR"], limits={"USD": 5_000}, at=datetime.now(UTC) - timedelta(hours=1), by="test"
    )
    assert agreed is not None
    assert Register(SecretStr(stack["POSTGRES_DSN"])).add(agreed)
    same: dict[str, Any] = {"merchant_id": merchant, "customer_id": customer}
    (paid,) = events(1, amount_cents=2_000_000, **same)
    of_paid: dict[str, Any] = {"merchant_id": merchant, "related_payment_id": paid.provider_object_id}
    (small,) = events(1, amount_cents=5_000, currency="EUR", **same)
    (unknown,) = events(1, merchant_id=stranger)
    (refund,) = events(1, event_type="refund.succeeded", amount_cents=2_000_001, **of_paid)
    (dispute,) = events(1, event_type="dispute.opened", status="needs_response", **of_paid)
    (lone,) = events(
        1, event_type="dispute.opened", status="lost", **(of_paid | {"related_payment_id": uuid.uuid4().hex})
    )
    deployment.start(RULES_BLOCKED_MERCHANTS=json.dumps([merchant]))
    deployment.produce([paid])
    wait_for("the payment in the database", lambda: is_stored(stack, paid.event_id))
    later = [small, unknown, refund, dispute, lone]
    deployment.produce(later)
    deployment.wait_for_rows(6)
    rows = {row["event_id"]: row for row in deployment.rows()}
    blocked, review = "merchant_blocked", "amount_above_review_limit"
    by_terms = ["merchant_not_active", "currency_not_allowed", "amount_above_merchant_limit"]
    assert [
        (rows[each.event_id]["rule_violations"], rows[each.event_id]["rules_undecided"]) for each in (paid, *later)
    ] == [
        ([review, blocked, "currency_not_allowed", "amount_above_merchant_limit"], []),
        ([blocked], []),
        ([], by_terms),
        ([review, blocked, "refund_above_charge"], []),
        ([blocked], []),
        ([blocked], ["dispute_of_unknown_payment"]),
    ]
    # Who has paid before, and disputed it: the real model was told so.
    (again,) = events(1, amount_cents=2_000_000, **same)
    deployment.produce([again])
    deployment.wait_for_rows(7)
    (score,) = (row["fraud_score"] for row in deployment.rows() if row["event_id"] == again.event_id)
    assert score == pytest.approx(rows[paid.event_id]["fraud_score"] - 0.1 + 0.3)


def is_stored(stack: Mapping[str, str], event_id: str) -> bool:
    with psycopg.connect(stack["POSTGRES_DSN"]) as connection:
        found = connection.execute("SELECT FROM payment_events WHERE event_id = %s", [event_id])
        return found.rowcount == 1


def test_rows_are_in_the_operational_database_too(deployment: Deployment, stack: Mapping[str, str]) -> None:
    deployment.start()
    (event,) = events(1, status="failed")
    deployment.produce([event])
    statement = "SELECT status, amount_cents, retry_strategy FROM payment_events WHERE event_id = %s"

    def stored() -> list[tuple[Any, ...]]:
        with psycopg.connect(stack["POSTGRES_DSN"]) as connection:
            try:
                return connection.execute(statement, [event.event_id]).fetchall()
            except psycopg.errors.UndefinedTable:
                return []

    wait_for("the row", lambda: bool(stored()))
    ((status, amount, advice),) = stored()
    assert (status, amount, advice["max_attempts"]) == ("failed", event.amount_cents, 4)
