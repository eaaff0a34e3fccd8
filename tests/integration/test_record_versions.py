"""All versions of payment_event on the topic at once: each event becomes a row of Bronze and of the database.

The table begins as the first version's, with a row, and evolves while the orchestrator runs.
"""

import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import Any

import psycopg
import pytest
from kit.kafka import AvroEncoder, RegistryClient
from operations.evolution import columns_up_to
from operations.tables import apply_tables
from payments_contracts.pins.orchestrator import PaymentEvent
from payments_contracts.records import PaymentEventV1, PaymentEventV2, PaymentEventV3
from payments_contracts.schemas import schema
from payments_contracts.tables import BRONZE_PAYMENT_EVENTS, Table
from payments_contracts.topics import NORMALIZED
from psycopg.rows import dict_row
from pyarrow import Table as Rows
from pyiceberg.catalog import Catalog
from pyiceberg.schema import Schema

from tests.integration.orchestration import NAMESPACE, Deployment, events, wait_for

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

ADDED = ("currency_exponent", "provider_object_id", "attempt_number", "related_payment_id")


@pytest.fixture
def table(catalog: Catalog) -> Iterator[Table]:
    table = replace(BRONZE_PAYMENT_EVENTS, namespace=NAMESPACE, name=f"v_{uuid.uuid4().hex[:12]}")
    yield table
    catalog.drop_table((table.namespace, table.name))


@pytest.fixture
def first_table(table: Table) -> Table:
    """The table as the first version of its contract has it."""
    columns = columns_up_to(Schema.model_validate_json(table.schema_json), table.last_ids[0])
    return replace(table, schema_json=columns.model_dump_json(), last_ids=table.last_ids[:1], version=1)


def first_version(event: PaymentEvent) -> PaymentEventV1:
    known = event.model_dump(include=set(PaymentEventV1.model_fields))
    return PaymentEventV1.model_validate(known | {"schema_version": 1})


def second_version(event: PaymentEvent) -> PaymentEventV2:
    known = event.model_dump(include=set(PaymentEventV2.model_fields))
    return PaymentEventV2.model_validate(known | {"schema_version": 2})


def third_version(event: PaymentEvent) -> PaymentEventV3:
    known = event.model_dump(include=set(PaymentEventV3.model_fields))
    return PaymentEventV3.model_validate(known | {"schema_version": 3})


def encoder(registry: RegistryClient, version: int) -> AvroEncoder:
    text = schema(NORMALIZED.record, version)
    return AvroEncoder(text, registry.lookup(NORMALIZED.subject, version, text).id)


def stored(deployment: Deployment, event_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    with psycopg.connect(deployment.environment["POSTGRES_DSN"], row_factory=dict_row) as connection:
        found = connection.execute("SELECT * FROM payment_events WHERE event_id = ANY(%s)", [list(event_ids)])
        return {row["event_id"]: row for row in found}


def row_from_before(deployment: Deployment) -> dict[str, Any]:
    lake = deployment.catalog.load_table(deployment.table)
    row = first_version(events(1)[0]).model_dump() | {
        "rule_violations": [],
        "fraud_score": 0.25,
        "fraud_risk_level": "low",
        "fraud_score_source": "model",
    }
    row["scored_at"] = row["processed_at"]
    lake.append(Rows.from_pylist([row], schema=lake.schema().as_arrow()))
    return row


def test_all_versions_reach_bronze_while_the_table_evolves(
    table: Table, first_table: Table, deployment: Deployment
) -> None:
    list(apply_tables(deployment.catalog, [first_table]))
    deployment = replace(
        deployment,
        table=(table.namespace, table.name),
        environment={**deployment.environment, "LAKE_TABLE": table.identifier},
    )
    before = row_from_before(deployment)
    deployment.start()

    old = [first_version(event) for event in [*events(5), *events(5, status="failed")]]
    middle = [second_version(event) for event in events(5, status="failed", attempt_number=2)]
    former = [third_version(event) for event in events(5, status="failed", attempt_number=4)]
    new = [
        *events(5, provider_object_id="pi_new"),
        *events(5, status="failed", attempt_number=4),
        *events(1, status="failed"),
        *events(2, event_type="refund.succeeded", provider_object_id="re_1", related_payment_id="pi_1"),
        *events(2, event_type="reversal.succeeded", provider_object_id="rv_1", related_payment_id="pi_1"),
        *events(2, event_type="payout.failed", failure_code="account_closed"),
    ]
    with RegistryClient(deployment.environment["SCHEMA_REGISTRY_URL"]) as registry:
        first, second, third, fourth = (
            replace(deployment, encoder=encoder(registry, version)) for version in (1, 2, 3, NORMALIZED.version)
        )
    for version_1, version_2, version_3, newest in zip_longest(old, middle, former, new):
        first.produce_records([version_1.model_dump()] if version_1 else [])
        second.produce_records([version_2.model_dump()] if version_2 else [])
        third.produce_records([version_3.model_dump()] if version_3 else [])
        fourth.produce([newest] if newest else [])
    wait_for("all starts", lambda: deployment.lag() == 0)
    # Rows with values for columns that the table has not wait for it; those of the first version need none.
    deployment.wait_for_rows(1 + len(old))
    assert deployment.counts() == Counter([before["event_id"], *(event.event_id for event in old)])

    list(apply_tables(deployment.catalog, [table]))
    deployment.wait_for_rows(1 + len(old) + len(middle) + len(former) + len(new))
    later: list[PaymentEventV2 | PaymentEventV3 | PaymentEvent] = [*middle, *former, *new]
    ids = [before["event_id"], *(event.event_id for event in old), *(event.event_id for event in later)]
    assert deployment.counts() == Counter(ids)

    rows = {row["event_id"]: row for row in deployment.rows()}
    assert [rows[before["event_id"]][name] for name in ADDED] == [None] * 4
    for event in old:
        row = rows[event.event_id]
        assert {name: row[name] for name in event.model_dump()} == event.model_dump()
        assert [row[name] for name in ADDED] == [None] * 4
        assert row["fraud_score_source"] == "model"
    for event_later in later:
        row = rows[event_later.event_id]
        assert {name: row[name] for name in event_later.model_dump()} == event_later.model_dump()
        is_payment = event_later.event_type.startswith("payment.")
        assert (row["fraud_score_source"], row["fraud_score"] > 0) == (
            ("model", True) if is_payment else ("not_scored", False)
        )
    # Earlier versions have no reason that all providers share. Four attempts at a card without funds are enough.
    advice = {
        (row["schema_version"], row["attempt"], row["attempt_source"]): row["retry_strategy"]["should_retry"]
        for row in rows.values()
        if row["retry_strategy"] is not None
    }
    assert advice == {
        (1, None, None): False,
        (2, None, None): False,
        (3, 4, "provider"): False,
        (4, 4, "provider"): False,
        (4, 1, "history"): True,
    }

    wait_for("the database", lambda: len(stored(deployment, ids)) == len(ids) - 1)
    for event_id, row in stored(deployment, ids).items():
        assert {name: row[name] for name in ADDED} == {name: rows[event_id][name] for name in ADDED}
