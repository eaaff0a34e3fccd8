"""What is generated, against the libraries that will read it."""

from __future__ import annotations

import hashlib
import io
import json
import uuid
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fastavro
import pytest
from codegen.envelope import Found, found_in
from codegen.loader import load
from codegen.text import literal
from hypothesis import given, settings
from hypothesis import strategies as st
from payments_contracts import flink, identity, records, schemas, tables, topics
from payments_contracts.examples import EXAMPLES, Example
from payments_contracts.normalize import Normalized, Rejection, normalize
from payments_contracts.pins import operations
from payments_contracts.pins.normalizer import PaymentEvent
from pydantic import ValidationError
from pyiceberg.partitioning import PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table.sorting import SortOrder

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from codegen.avro import Record
    from codegen.model import Catalog
    from codegen.webhooks import Envelope

    Rows = Callable[[Record], st.SearchStrategy[dict[str, Any]]]

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 1, 5, 10, 0, 0, 123000, tzinfo=UTC)


def there_and_back(text: str, row: dict[str, Any]) -> dict[str, Any]:
    schema = fastavro.parse_schema(json.loads(text))
    wire = io.BytesIO()
    fastavro.schemaless_writer(wire, schema, row)
    wire.seek(0)
    read = fastavro.schemaless_reader(wire, schema, None)
    assert isinstance(read, dict)
    return read


@settings(max_examples=60, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize(
    "name", ["ingestion_failure", "payment_event", "provider_event", "scored_payment", "validation_failure"]
)
def test_a_record_survives_model_and_wire(project: Catalog, rows: Rows, name: str, data: st.DataObject) -> None:
    version = project.record(name, 1)
    model = records.RECORDS[name, 1]
    row = data.draw(rows(version.record))
    schema = schemas.schema(name, 1)
    written = model.model_validate(row)
    assert written.model_dump() == row
    assert model.model_validate(there_and_back(schema, written.model_dump())) == written
    assert model.model_validate_json(written.model_dump_json()) == written


def test_the_small_contracts_records_survive_too(acme: Catalog, generated: Callable[[str], ModuleType]) -> None:
    models, texts = generated("records"), generated("schemas")
    row = {
        "event_id": "e",
        "amount_cents": 1,
        "flags": ["a", "b"],
        "advice": {"retry": True, "delay_seconds": None},
        "stored_at": NOW,
    }
    written = models.StoredPaymentV1.model_validate(row)
    schema = texts.schema("stored_payment", 1)
    assert models.StoredPaymentV1.model_validate(there_and_back(schema, written.model_dump())) == written
    assert written.advice == models.Advice(retry=True)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"status": "gone"}, "literal_error"),
        ({"amount_cents": "1"}, "int_type"),
        ({"amount_cents": 2**63}, "less_than_equal"),
        ({"provider_created_at": datetime(2026, 1, 1)}, "timezone_aware"),  # noqa: DTZ001 - that is the point
        ({"surprise": 1}, "extra_forbidden"),
        ({"currency": None}, "string_type"),
    ],
)
def test_a_model_refuses_what_its_contract_does_not_allow(change: dict[str, Any], error: str) -> None:
    with pytest.raises(ValidationError) as caught:
        PaymentEvent.model_validate(payment_event() | change)
    assert [each["type"] for each in caught.value.errors()] == [error]


@cache
def envelopes() -> dict[str, Envelope]:
    return {provider.name: provider.envelope for provider in load(ROOT / "contracts").providers}


def found(example: Example) -> Found:
    """Return what a gateway finds of the event; nothing where it would not take it."""
    try:
        return found_in(envelopes()[example.provider], json.loads(example.body), example.headers, example.received_at)
    except ValueError:
        return Found()


def raw_event(example: Example) -> dict[str, Any]:
    """Return the record that a gateway writes, as it is read from the topic."""
    said = found(example)
    received_at, created_at = (
        None if each is None else datetime.fromtimestamp(each / 1000, UTC)
        for each in (said.received_at, said.created_at)
    )
    return {
        "event_id": f"id of {example.name}",
        "provider": example.provider,
        "provider_event_id": said.event_id,
        "provider_event_type": said.event_type,
        "merchant_id": example.merchant_id,
        "payload": example.body,
        "provider_created_at": created_at,
        "received_at": received_at or NOW,
        "livemode": said.livemode,
    }


def payment_event() -> dict[str, Any]:
    example = next(each for each in EXAMPLES if each.kind == "accepted")
    outcome = normalize(example.provider, example.body, example.merchant_id, *found(example))
    assert isinstance(outcome, Normalized)
    return {**outcome.event, "event_id": "e", "processed_at": NOW, "schema_version": 2}


def test_a_model_is_frozen_and_cuts_times_to_milliseconds() -> None:
    local = datetime(2026, 1, 5, 12, 0, 0, 123999, tzinfo=timezone(timedelta(hours=2)))
    event = PaymentEvent.model_validate(payment_event() | {"processed_at": local})
    assert event.processed_at == NOW
    with pytest.raises(ValidationError):
        event.status = "failed"  # type: ignore[misc]  # that is the point


def test_every_accepted_example_is_a_valid_record() -> None:
    schema = schemas.schema("payment_event", topics.NORMALIZED.version)
    for example in EXAMPLES:
        outcome = normalize(example.provider, example.body, example.merchant_id, *found(example))
        if isinstance(outcome, Normalized):
            row = {**outcome.event, "event_id": "e", "processed_at": NOW, "schema_version": topics.NORMALIZED.version}
            assert there_and_back(schema, PaymentEvent.model_validate(row).model_dump()) == row
        assert isinstance(outcome, Normalized) == (example.kind == "accepted") or example.kind == "malformed"


def test_what_is_inside_a_record_and_has_changed_has_a_name_without_a_version() -> None:
    former: object = records.LedgerEntryV1ExpectedPayment
    assert former is not operations.ExpectedPayment
    assert operations.LedgerEntry.model_fields["payment"].annotation == operations.ExpectedPayment | None


def test_ids_depend_on_the_event_alone() -> None:
    first = identity.event_id("stripe", None, "evt_1")
    assert first == identity.event_id("stripe", None, "evt_1")
    assert uuid.UUID(first).version == 5
    others = {
        identity.event_id("stripe", "acct_1", "evt_1"),
        identity.event_id("stripe", "", "evt_1"),
        identity.event_id("square", None, "evt_1"),
        identity.event_id("stripe", None, "evt_2"),
        identity.malformed_event_id(b'["stripe",null,"evt_1"]'),
    }
    assert len(others | {first}) == 6
    assert first == str(uuid.uuid5(identity.EVENT_NAMESPACE, '["stripe",null,"evt_1"]'))


@settings(deadline=None)
@given(st.text(), st.none() | st.text(), st.text())
def test_an_id_is_the_name_based_uuid_of_the_array_of_the_three(
    provider: str, account: str | None, provider_event_id: str
) -> None:
    name = json.dumps([provider, account, provider_event_id], separators=(",", ":"), ensure_ascii=False)
    found = identity.event_id(provider, account, provider_event_id)
    assert found == str(uuid.uuid5(identity.EVENT_NAMESPACE, name))


@settings(deadline=None)
@given(st.binary())
def test_the_id_of_a_malformed_body_is_the_name_based_uuid_of_its_bytes(body: bytes) -> None:
    # The standard library takes texts alone for names.
    digest = hashlib.sha1(identity.BODY_NAMESPACE.bytes + body, usedforsecurity=False).digest()
    assert identity.malformed_event_id(body) == str(uuid.UUID(bytes=digest[:16], version=5))


def test_every_topic_has_its_schema() -> None:
    assert topics.raw_topic("stripe") is topics.STRIPE_RAW
    with pytest.raises(KeyError):
        topics.raw_topic("nobody")
    for topic in topics.TOPICS:
        parsed = json.loads(schemas.schema(topic.record, topic.version))
        assert topic.key in {field["name"] for field in parsed["fields"]}
        assert topic.subject == f"{topic.name}-value"
        assert max(schemas.VERSIONS[topic.record]) >= topic.version


@pytest.mark.parametrize("table", tables.TABLES, ids=lambda table: table.identifier)
def test_a_catalog_takes_a_table_as_it_is(table: tables.Table) -> None:
    schema = Schema.model_validate_json(table.schema_json)
    fields = {field.field_id for field in schema.fields}
    assert max(schema.field_ids) == table.last_ids[-1]
    assert {field.source_id for field in PartitionSpec.model_validate_json(table.partition_spec_json).fields} <= fields
    assert {field.source_id for field in SortOrder.model_validate_json(table.sort_order_json).fields} <= fields
    assert [schema.find_field(name).field_id for name in table.key] == schema.identifier_field_ids


def test_a_row_of_the_table_function_fits_its_columns() -> None:
    names = [name for name, _ in flink.COLUMNS]
    assert len(names) == len(set(names))
    assert names[0] == "outcome"
    seen = set()
    for example in EXAMPLES:
        event = raw_event(example)
        row = flink.row(event, flink.evaluate(event), NOW)
        named: dict[str, Any] = dict(zip(names, row, strict=True))
        seen.add(named["outcome"])
        rejected = named["outcome"] == "rejected"
        assert named["processed_at"] == (NOW if rejected else event["received_at"]).replace(tzinfo=None)
        assert named["raw_event_id"] == event["event_id"]
        if example.kind == "rejected":
            assert tuple(named["reason_codes"] or ()) == example.reason_codes
            assert all(": " in reason for reason in named["reasons"])
            kept = {name: named[f"raw_{name}"] for name in event.keys() - {"provider_created_at", "livemode"}}
            kept["received_at"] = kept["received_at"].replace(tzinfo=UTC)
            assert kept == {name: event[name] for name in kept}
        if example.kind == "accepted":
            assert named["currency"]
            assert named["provider_created_at"].tzinfo is None
            assert named["raw_payload"] is None
    assert seen == {"normalized", "rejected", "unsupported"}


def test_a_message_that_is_no_event_is_a_dead_letter_with_its_bytes() -> None:
    row = flink.unreadable(b"odd", "stripe", Rejection("wire_format", "", "It is odd."), NOW)
    named = dict(zip((name for name, _ in flink.COLUMNS), row, strict=True))
    assert {name: value for name, value in named.items() if value not in (None, "")} == {
        "outcome": "rejected",
        "processed_at": NOW.replace(tzinfo=None),
        "reason_codes": ["wire_format"],
        "reasons": ["It is odd."],
        "raw_event_id": identity.malformed_event_id(b"odd"),
        "raw_provider": "stripe",
        "raw_payload": b"odd",
    }


def test_a_unified_event_without_a_value_that_it_has_to_have_is_refused() -> None:
    example = next(each for each in EXAMPLES if each.kind == "accepted")
    event = raw_event(example)
    outcome = flink.evaluate(event)
    assert isinstance(outcome, Normalized)
    with pytest.raises(ValueError, match="currency has no value"):
        flink.row(event, Normalized({**outcome.event, "currency": None}), NOW)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        7,
        1.5,
        'it\'s "quoted"\n',
        b"\x00\xff",
        (1,),
        (),
        [1, "a" * 90],
        {"a": ("b" * 90,)},
        frozenset("ab"),
        frozenset(),
    ],
)
def test_a_literal_is_read_as_it_was(value: object) -> None:
    assert eval(literal(value)) == value  # noqa: S307 - it is ours


def test_there_is_no_literal_of_an_object() -> None:
    with pytest.raises(TypeError, match="no literal of object"):
        literal(object())
