"""One amount that is made wrong at one place of the path, and what the balance of a run then finds."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg
import trino
from confluent_kafka import Producer
from kit.kafka import AvroDecoder, AvroEncoder, RegistryClient
from operations.assembly import open_census
from operations.ledger import Entry, final_payments, is_accepted, told_merchants
from operations.reconciliation import Hop, reconcile
from operations.records import TopicReader, Undecodable
from operations.settings import OperationsSettings
from payments_contracts.database import PAYMENT_EVENTS
from payments_contracts.schemas import schema
from payments_contracts.tables import (
    BRONZE_PAYMENT_EVENTS,
    GOLD_DAILY_PAYMENT_METRICS,
    SILVER_PAYMENTS,
    SILVER_PAYMENTS_CLEANED,
)
from payments_contracts.topics import NORMALIZED


@dataclass(frozen=True)
class Finding:
    """What a hop says that differs: ids, and by measure and currency how much more was found than expected."""

    differing: tuple[str, ...]
    duplicated: tuple[str, ...]
    more: Mapping[tuple[str, str], int]


def balance(settings: OperationsSettings, entries: Sequence[Entry]) -> dict[str, Finding]:
    """Return what differs, by hop, once everything has arrived."""
    with open_census(settings, entries, _since(entries), Undecodable()) as census:
        hops = reconcile(entries, census.arrivals())
    return {hop.name: _finding(hop) for hop in hops if not hop.agrees}


def _finding(hop: Hop) -> Finding:
    assert (hop.missing, hop.unexpected) == ((), ())
    more = {(each.measure, each.currency): each.found - each.expected for each in hop.sums if not each.agrees}
    return Finding(hop.differing, hop.duplicated, more)


def an_event(entries: Sequence[Entry]) -> tuple[str, str, int]:
    """Return id, currency and amount of an event of the run."""
    return next(
        (each.event_id, each.expected_currency, each.expected_amount_cents)
        for each in entries
        if is_accepted(each) and each.expected_amount_cents and each.expected_currency is not None
    )


def a_payment(entries: Sequence[Entry]) -> tuple[str, str, str]:
    """Return provider, id and currency of a live payment with money received, of a merchant who is all known."""
    told = told_merchants(entries)
    owners = {
        (each.provider, each.payment.payment_id): each.merchant_id for each in entries if each.payment is not None
    }
    return next(
        (*key, payment.currency)
        for key, payment in sorted(final_payments(entries).items())
        if payment.livemode and payment.captured_minor and owners[key] in told
    )


Change = Callable[[OperationsSettings, Sequence[Entry], int], None]
"""Adds a number of minor units to one amount of a run at one place."""


def change_bronze(settings: OperationsSettings, entries: Sequence[Entry], more: int) -> None:
    _lake(settings, BRONZE_PAYMENT_EVENTS.identifier, "amount_cents", more, event_id=an_event(entries)[0])


def change_silver(settings: OperationsSettings, entries: Sequence[Entry], more: int) -> None:
    _lake(settings, SILVER_PAYMENTS_CLEANED, "amount_minor", more, event_id=an_event(entries)[0])


def change_payment(settings: OperationsSettings, entries: Sequence[Entry], more: int) -> None:
    provider, payment_id, _ = a_payment(entries)
    _lake(settings, SILVER_PAYMENTS, "captured_minor", more, provider=provider, payment_id=payment_id)


def change_gold(settings: OperationsSettings, entries: Sequence[Entry], more: int) -> None:
    provider, payment_id, currency = a_payment(entries)
    (merchant,) = {
        each.merchant_id
        for each in entries
        if each.payment is not None and (each.provider, each.payment.payment_id) == (provider, payment_id)
    }
    rows = _rows(
        settings,
        f"select cast(event_date as varchar), status from {GOLD_DAILY_PAYMENT_METRICS} "  # noqa: S608  # constants and marks
        "where provider = ? and merchant_id = ? and currency = ? order by captured_minor desc, 1, 2",
        (provider, merchant, currency),
    )
    day, status = (str(value) for value in rows[0])
    where = {"provider": provider, "merchant_id": merchant, "currency": currency, "status": status}
    _lake(settings, GOLD_DAILY_PAYMENT_METRICS, "captured_minor", more, **where, **{"cast(event_date as varchar)": day})


def change_database(settings: OperationsSettings, entries: Sequence[Entry], more: int) -> None:
    assert settings.postgres_dsn is not None
    with psycopg.connect(settings.postgres_dsn.get_secret_value(), autocommit=True) as connection:
        changed = connection.execute(
            f'UPDATE "{PAYMENT_EVENTS.name}" SET amount_cents = amount_cents + %s WHERE event_id = %s'.encode(),  # noqa: S608  # a constant
            [more, an_event(entries)[0]],
        )
    assert changed.rowcount == 1


def write_normalized(settings: OperationsSettings, entries: Sequence[Entry], more: int) -> None:
    """Write the record of an event once more, with another amount."""
    wanted = an_event(entries)[0]
    contract = schema(NORMALIZED.record, NORMALIZED.version)
    with RegistryClient(settings.schema_registry_url) as registry:
        decode = AvroDecoder(registry, contract).decode
        since, kafka = _since(entries), settings.kafka_bootstrap_servers
        reader = TopicReader(kafka, NORMALIZED.name, since, decode, Undecodable())
        with closing(reader):
            record = next(each for each in reader.read_new() if each["event_id"] == wanted)
        encoder = AvroEncoder(contract, registry.lookup(NORMALIZED.subject, NORMALIZED.version, contract).id)
    encoded = encoder.encode({**record, "amount_cents": record["amount_cents"] + more})
    producer = Producer({"bootstrap.servers": settings.kafka_bootstrap_servers, "acks": "all"})
    producer.produce(NORMALIZED.name, encoded, record["merchant_id"].encode())
    assert producer.flush(30) == 0


@contextmanager
def changed(change: Change, settings: OperationsSettings, entries: Sequence[Entry], more: int) -> Iterator[None]:
    """Make an amount wrong for as long as the context lasts."""
    change(settings, entries, more)
    try:
        yield
    finally:
        change(settings, entries, -more)


def _since(entries: Sequence[Entry]) -> datetime:
    return min(entry.sent_at for entry in entries) - timedelta(minutes=1)


def _lake(settings: OperationsSettings, table: str, column: str, more: int, **key: str) -> None:
    where = " and ".join(f"{name} = ?" for name in key)
    statement = f"update {table} set {column} = {column} + {more} where {where}"  # noqa: S608  # constants, a number and marks
    assert _rows(settings, statement, tuple(key.values())) == [[1]]
    # PyIceberg, by which later tests look at the table, cannot read the deletes that Trino writes beside a file.
    _rows(settings, f"alter table {table} execute optimize(file_size_threshold => '1kB')", ())


def _rows(settings: OperationsSettings, statement: str, parameters: Sequence[str]) -> list[list[object]]:
    connection = trino.dbapi.connect(  # type: ignore[no-untyped-call]  # the library has no types here
        host=settings.trino_host, port=settings.trino_port, user=settings.trino_user, catalog=settings.trino_catalog
    )
    with closing(connection), closing(connection.cursor()) as cursor:
        cursor.execute(statement, list(parameters))
        return [list(row) for row in cursor.fetchall()]
