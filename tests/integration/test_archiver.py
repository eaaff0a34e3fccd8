"""Raw records and dead letters on the real Kafka become rows of the real lake, each once, whatever happens between."""

import random
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from analytics.maintenance.lake import Lake
from analytics.maintenance.work import compact, expire, forget
from confluent_kafka import TopicPartition
from gateway.secrets import EndpointSecret
from gateway.signature import Authentic, verifier
from kit.settings import TrinoSettings
from payments_contracts.maintenance import Maintenance
from payments_contracts.providers import PROVIDERS
from payments_contracts.topics import INGESTION_DLQ, VALIDATION_DLQ, raw_topic

from tests.integration.archiving import QUARANTINE, RAW, Archiving, archiving, raw_records
from tests.integration.gateways import SECRET, event, sign
from tests.integration.orchestration import wait_for

__all__ = ["archiving"]
pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

STRIPE = raw_topic("stripe")
NOON = datetime(2025, 3, 1, 12, 0, 0, 7_000, tzinfo=UTC)


def places(rows: list[dict[str, Any]]) -> Counter[tuple[str, int, int]]:
    return Counter((row["kafka_topic"], row["kafka_partition"], row["kafka_offset"]) for row in rows)


def each_once(archiving: Archiving, name: str, event_ids: list[str]) -> bool:
    rows = archiving.rows(name)
    once = Counter(row["event_id"] for row in rows) == Counter(event_ids)
    return once and max(places(rows).values()) == 1


@pytest.fixture
def lake(stack: Mapping[str, str], archiving: Archiving) -> Iterator[Lake]:
    settings = TrinoSettings.model_validate({name.lower(): value for name, value in stack.items()})
    lake = Lake(settings, statement_seconds=200, open_catalog=lambda: archiving.catalog)
    yield lake
    lake.close()


def maintained(archiving: Archiving, name: str, retention_days: int | None = None) -> Maintenance:
    namespace, table = archiving.table(name)
    return Maintenance(
        namespace=namespace,
        name=table,
        writer="archiver",
        partition=(("received_at", "day"),),
        small_file_mib=32,
        small_files=2,
        manifests=5,
        keep_snapshots_hours=0,
        keep_orphans_hours=0,
        retention_days=retention_days,
    )


def test_rows_are_the_records_with_their_places(archiving: Archiving) -> None:
    stripe, square = raw_records(20), raw_records(10, provider="square")
    _, body = event()
    signature = {name.lower(): value for name, value in sign(body).items()}
    stripe += raw_records(1, payload=body, headers=signature, at=datetime.now(UTC))
    archiving.produce(STRIPE, stripe)
    archiving.produce(raw_topic("square"), square)
    refused = {
        "event_id": "refused",
        "provider": "stripe",
        "merchant_id": None,
        "stage": "decode",
        "reason_code": "invalid_json",
        "reason": "The body is not JSON.",
        "headers": {"stripe-signature": "t=1"},
        "payload": b"{",
        "received_at": NOON,
        "schema_version": 1,
    }
    failed = {
        "event_id": "failed",
        "provider": "stripe",
        "provider_event_id": "evt_1",
        "provider_event_type": "charge.succeeded",
        "merchant_id": "merch_1",
        "reason_codes": ["missing", "out_of_range"],
        "reasons": ["currency: is missing", "amount_cents: is negative"],
        "payload": b"{}",
        "source_topic": STRIPE.name,
        "source_partition": 3,
        "source_offset": 77,
        "received_at": NOON,
        "failed_at": NOON + timedelta(seconds=1),
        "schema_version": 1,
    }
    archiving.produce(INGESTION_DLQ, [refused])
    archiving.produce(VALIDATION_DLQ, [failed])
    archiving.produce_bytes(STRIPE, [b"\x00\x00\x00\x00\x00nothing that anybody wrote"])
    process = archiving.start()
    archiving.wait_for_rows(RAW, 32)
    archiving.wait_for_rows(QUARANTINE, 2)
    rows = {row["event_id"]: row for row in archiving.rows(RAW)}
    for record in (*stripe, *square):
        row = rows[record["event_id"]]
        assert {name: row[name] for name in record} == record
        assert row["kafka_topic"] == archiving.topic(raw_topic(record["provider"]))
        assert abs(row["kafka_timestamp"] - datetime.now(UTC)) < timedelta(minutes=5)
    kept = rows[stripe[-1]["event_id"]]
    secret = EndpointSecret.model_validate({"id": "it", "secret": SECRET, "merchant_id": "merch_endpoint"})
    judge = verifier(PROVIDERS["stripe"].signature, [secret])
    header, at = kept["headers"]["stripe-signature"], kept["received_at"].timestamp()
    assert judge.verify([header], kept["payload"], at) == Authentic("it", "merch_endpoint")
    assert judge.verify([header], kept["payload"] + b" ", at) != Authentic("it", "merch_endpoint")
    (unreadable,) = (row for row in rows.values() if row["schema_version"] == 0)
    assert unreadable["payload"] == b"\x00\x00\x00\x00\x00nothing that anybody wrote"
    dead = {row["event_id"]: row for row in archiving.rows(QUARANTINE)}
    assert {dead["refused"][name] for name in ("source", "stage")} == {"ingestion", "decode"}
    assert dead["refused"]["reason_codes"] == ["invalid_json"]
    assert dead["refused"]["headers"] == refused["headers"]
    assert {name: dead["failed"][name] for name in failed} == failed
    assert dead["failed"]["source"] == "validation"
    assert f'archive_rows_total{{table="{archiving.table(RAW)[0]}.{archiving.table(RAW)[1]}"' in archiving.metrics()
    assert archiving.stop(process) == 0


def test_what_it_holds_when_it_is_told_to_stop_is_committed_first(archiving: Archiving) -> None:
    process = archiving.start(ARCHIVE_MAX_SECONDS="600")
    archiving.produce(STRIPE, raw_records(4))
    wait_for("it to be read", lambda: archiving.has_read(4), 60)
    assert archiving.rows(RAW) == []
    assert archiving.stop(process) == 0
    assert len(archiving.rows(RAW)) == 4


def test_being_killed_during_commits_loses_and_repeats_no_row(archiving: Archiving) -> None:
    sent: list[str] = []
    chance = random.Random(7)  # noqa: S311  # moments, not secrets
    for _ in range(8):
        records = raw_records(300)
        archiving.produce(STRIPE, records)
        sent += [record["event_id"] for record in records]
        process = archiving.start(ARCHIVE_MAX_ROWS="40", ARCHIVE_MAX_SECONDS="0.2", ARCHIVE_KEEP_SNAPSHOTS="3")
        archiving.wait_for_commits(1)
        time.sleep(chance.uniform(0.0, 1.0))
        process.kill()
        process.wait()
    archiving.start()
    archiving.wait_for_rows(RAW, len(sent))
    assert each_once(archiving, RAW, sent)


def test_compaction_and_expiry_between_lose_no_position(archiving: Archiving, lake: Lake) -> None:
    first, second = raw_records(60), raw_records(5)
    process = archiving.start(ARCHIVE_MAX_ROWS="10")
    archiving.produce(STRIPE, first)
    archiving.wait_for_rows(RAW, 60)
    assert archiving.stop(process) == 0
    before = archiving.positions(RAW)
    table = maintained(archiving, RAW)
    assert compact(lake, table, seconds=100).done
    assert archiving.positions(RAW) == before
    expire(lake, table)
    # Nothing but the compaction is left, which tells no position: that is what the table's property is for.
    assert len(archiving.catalog.load_table(archiving.table(RAW)).metadata.snapshots) == 1
    assert archiving.positions(RAW) == before
    archiving.start()
    archiving.produce(STRIPE, second)
    archiving.wait_for_rows(RAW, 65)
    assert each_once(archiving, RAW, [record["event_id"] for record in (*first, *second)])


def test_rows_older_than_the_contract_keeps_are_deleted_by_whole_days(archiving: Archiving, lake: Lake) -> None:
    now = datetime.now(UTC)
    old, kept = raw_records(3, at=now - timedelta(days=12)), raw_records(4, at=now - timedelta(days=9))
    archiving.produce(STRIPE, [*old, *kept])
    process = archiving.start()
    archiving.wait_for_rows(RAW, 7)
    before = archiving.positions(RAW)
    report = forget(lake, maintained(archiving, RAW, retention_days=10), now=lambda: now)
    assert report.done == {"deleted_rows": 3}
    assert each_once(archiving, RAW, [record["event_id"] for record in kept])
    assert archiving.positions(RAW) == before
    more = raw_records(2)
    archiving.produce(STRIPE, more)
    archiving.wait_for_rows(RAW, 6)
    assert each_once(archiving, RAW, [record["event_id"] for record in (*kept, *more)])
    assert archiving.stop(process) == 0


def test_what_retention_took_before_it_was_archived_is_named_and_the_rest_goes_on(archiving: Archiving) -> None:
    archiving.produce(STRIPE, raw_records(5), partition=0)
    process = archiving.start()
    archiving.wait_for_rows(RAW, 5)
    assert archiving.stop(process) == 0
    archiving.produce(STRIPE, raw_records(8), partition=0)
    truncated = archiving.admin.delete_records([TopicPartition(archiving.topic(STRIPE), 0, 9)])
    for each in truncated.values():
        each.result()
    archiving.start()
    archiving.wait_for_rows(RAW, 9)
    offsets = sorted(row["kafka_offset"] for row in archiving.rows(RAW))
    assert offsets == [0, 1, 2, 3, 4, 9, 10, 11, 12]
    assert "has lost offsets 5 to 8" in archiving.log.read_text()
    assert f'archive_lost_offsets_total{{topic="{archiving.topic(STRIPE)}"}} 4.0' in archiving.metrics()
