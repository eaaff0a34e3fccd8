"""What consumer and worker do while something they need is away, and with events that are out of the ordinary."""

import signal
import time
from collections.abc import Mapping
from typing import Any

import httpx
import psycopg
import pytest

from tests.integration.orchestration import Deployment, Passage, events, exactly_once, wait_for

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]


def test_a_consumer_outwaits_temporal_and_then_skips_nothing(deployment: Deployment, stack: Mapping[str, str]) -> None:
    host, port = stack["TEMPORAL_ADDRESS"].split(":")
    passage = Passage((host, int(port)))
    address = f"127.0.0.1:{passage.port}"
    deployment.start("worker")
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


def test_rows_wait_while_the_catalog_is_away(deployment: Deployment, stack: Mapping[str, str]) -> None:
    catalog = httpx.URL(stack["CATALOG_URI"])
    assert catalog.port is not None
    passage = Passage((catalog.host, catalog.port))
    passage.open()
    deployment.start("worker", CATALOG_URI=f"http://127.0.0.1:{passage.port}")
    deployment.start("consumer")
    before, during = events(5), events(15)
    deployment.produce(before)
    deployment.wait_for_rows(5)
    passage.close()
    deployment.produce(during)
    wait_for("the worker to notice", lambda: "commit_failed" in deployment.log("worker"))
    passage.open()
    deployment.wait_for_rows(20)
    assert deployment.counts() == exactly_once([*before, *during])
    passage.close()


def test_rows_carry_the_fallback_while_the_models_are_away(deployment: Deployment) -> None:
    deployment.start("worker", INFERENCE_URL="http://127.0.0.1:9")
    deployment.start("consumer")
    deployment.produce(events(1, status="failed"))
    deployment.wait_for_rows(1)
    (row,) = deployment.rows()
    assert (row["fraud_score"], row["fraud_score_source"]) == (0.5, "fallback")
    assert (row["retry_strategy"]["should_retry"], row["retry_strategy_source"]) == (False, "fallback")


def test_business_rules_mark_an_event_and_keep_it(deployment: Deployment) -> None:
    deployment.start("worker", RULES_BLOCKED_MERCHANTS='["merch_0"]')
    deployment.start("consumer")
    deployment.produce(events(1, amount_cents=2_000_000))
    deployment.wait_for_rows(1)
    assert deployment.rows()[0]["rule_violations"] == ["amount_above_review_limit", "merchant_blocked"]


def test_rows_are_in_the_operational_database_too(deployment: Deployment, stack: Mapping[str, str]) -> None:
    deployment.start("worker")
    deployment.start("consumer")
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


def test_an_event_of_an_unknown_version_stops_the_consumer_and_is_not_skipped(deployment: Deployment) -> None:
    deployment.produce(events(1, schema_version=99))
    consumer = deployment.start("consumer", may_stop=True)
    assert consumer.wait(60) == 1
    assert "holds version 99 of payment_event; this consumer knows 1" in deployment.log("consumer")
    assert deployment.lag() == 1
