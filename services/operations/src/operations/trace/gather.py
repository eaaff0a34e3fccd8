"""Asks each part for what it knows of one event, by the times that are known of it."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from payments_contracts.providers import PROVIDERS
from payments_contracts.tables import (
    BRONZE_PAYMENT_EVENTS,
    BRONZE_PROVIDER_EVENTS,
    BRONZE_QUARANTINE,
    GOLD_DAILY_PAYMENT_METRICS,
    GOLD_TEST_PAYMENT_METRICS,
    SILVER_PAYMENTS,
    SILVER_PAYMENTS_CLEANED,
)
from payments_contracts.topics import NORMALIZED, VALIDATION_DLQ, Topic, raw_topic
from pyiceberg.expressions import And, BooleanExpression, EqualTo, GreaterThanOrEqual, LessThan, Reference
from pyiceberg.expressions.literals import literal

from operations.audit.hops import Place
from operations.errors import DeploymentError
from operations.trace.facts import Facts, Letter, Row, Seen, Stored
from operations.trace.ports import Rows
from operations.trace.records import EventRecords
from operations.trace.tables import EventTables

# A record is written once its webhook has been read; clocks of gateway and broker may differ by so much.
_BEFORE: Final = timedelta(seconds=5)
_WRITTEN: Final = timedelta(seconds=15)
"""The gateway gives up before."""
_SENT_AGAIN: Final = timedelta(hours=1)
_NORMALIZED: Final = timedelta(seconds=60)
_TICK: Final = timedelta(milliseconds=1)
_PART_OF: Final = timedelta(days=120)
"""How long before its refund or dispute a payment may have been made, to be looked for."""

_KNOWN_ROW: Final = ("event_id", "schema_version")
"""What is read of a row in Bronze whose content the operational database has told."""
_SILVER_ROW: Final = ("event_id", "amount_major", "currency", "status", "bronze_rows")
_GOLD_KEY: Final = ("event_date", "merchant_id", "provider", "currency", "status")
_GOLD_ROW: Final = (*_GOLD_KEY, "payment_count", "amount_major")
_MONEY: Final = ("captured_major", "refunded_major", "disputed_major", "reversed_major")
_PAYMENT: Final = (*_GOLD_KEY, *_MONEY, "payment_id", "livemode", "is_told", "event_count")


def equal(column: str, value: Any) -> BooleanExpression:
    """Return what finds the rows whose column has a value."""
    return EqualTo(term=Reference(column), value=literal(_plain(value)))


def between(column: str, since: datetime | date, until: datetime | date) -> BooleanExpression:
    """Return what finds the rows from one time on and before another."""
    return And(
        GreaterThanOrEqual(term=Reference(column), value=literal(_plain(since))),
        LessThan(term=Reference(column), value=literal(_plain(until))),
    )


def from_tables(facts: Facts, tables: EventTables, now: datetime) -> None:
    """Fill in what the lake has: archive, dead letters, Bronze, Silver and Gold.

    Raises:
        UnavailableError: The lake does not answer.
    """
    event = equal("event_id", facts.event_id)
    received = facts.known("received_at") or facts.known("processed_at")
    if received is not None:
        if not facts.archived:
            close = between("received_at", received - _BEFORE, received + _SENT_AGAIN)
            facts.archived = tables.find(BRONZE_PROVIDER_EVENTS.identifier, And(event, close))
        if not facts.archived_letters:
            close = between("received_at", received - _SENT_AGAIN, now)
            rows = tables.find(BRONZE_QUARANTINE.identifier, And(event, close))
            facts.archived_letters = [letter_of_row(each) for each in rows]
    processed = facts.known("processed_at") or received
    if processed is not None:
        # Both are the moment at which the webhook had been read; of old rows only the second is known.
        close = between("processed_at", processed, processed + timedelta(milliseconds=1))
        columns = None if facts.row is None else _KNOWN_ROW
        facts.bronze = tables.find(BRONZE_PAYMENT_EVENTS.identifier, And(event, close), columns)
    if facts.scored is not None:
        day = facts.scored["provider_created_at"].date()
        scored = facts.scored["scored_at"]
        # Rows came to Silver in the order in which they were scored, so few of its files hold that moment.
        near = {"scored_at": between("scored_at", scored - _TICK, scored + _TICK)}
        found = tables.find(SILVER_PAYMENTS_CLEANED, And(event, equal("event_date", day)), _SILVER_ROW, near)
        facts.silver = next(iter(found), None)


def payment_from_tables(events: Sequence[Facts], tables: EventTables) -> None:
    """Fill in the payment of some events of one in Silver, and the row of Gold that counts it.

    Raises:
        UnavailableError: The lake does not answer.
    """
    scored, payment_id = events[0].scored, events[0].payment_id
    payment = None if scored is None or payment_id is None else _payment(tables, scored, payment_id)
    if payment is None:
        return
    table = GOLD_DAILY_PAYMENT_METRICS if payment.row["livemode"] else GOLD_TEST_PAYMENT_METRICS
    among: BooleanExpression = equal(_GOLD_KEY[0], payment.row[_GOLD_KEY[0]])
    for name in _GOLD_KEY[1:]:
        among = And(among, equal(name, payment.row[name]))
    gold = next(iter(tables.find(table, among, _GOLD_ROW)), None)
    for facts in events:
        facts.payment, facts.gold = payment, gold


def _payment(tables: EventTables, scored: Row, payment_id: str) -> Stored | None:
    among = And(equal("provider", scored["provider"]), equal("payment_id", payment_id))
    days = {scored[name].date() for name in ("provider_created_at", "object_created_at") if scored.get(name)}
    latest, earliest = max(days) + timedelta(days=1), min(days)
    # A payment is most often of the month of its events: one partition.
    for since, until in ((earliest.replace(day=1), latest), (earliest - _PART_OF, earliest.replace(day=1))):
        found = tables.find(SILVER_PAYMENTS, And(among, between("event_date", since, until)), _PAYMENT)
        if found:
            return found[0]
    return None


def from_records(facts: Facts, records: EventRecords) -> None:
    """Fill in what the topics hold: by times, and by the place that the workflow knows.

    Raises:
        Transient: Kafka does not answer.
        DeploymentError: A topic does not exist.
    """
    received: datetime | None = facts.known("received_at") or facts.known("processed_at")
    provider = facts.known("provider")
    if received is not None and provider in PROVIDERS and not facts.raw:
        facts.raw = _within(facts, records, raw_topic(provider), received - _BEFORE, received + _WRITTEN)
    place = None if facts.workflow is None else facts.workflow.place
    if place is not None and place.topic == NORMALIZED.name:
        facts.normalized = records.at(NORMALIZED, [place], facts.event_id)
    elif received is not None:
        # Until it was scored, where it was; else it may be on its way, or have waited for the normalizer.
        scored = facts.known("scored_at")
        until = None if scored is None else min(scored + _BEFORE, received + _NORMALIZED)
        facts.normalized = _within(facts, records, NORMALIZED, received - _BEFORE, until)
    if received is not None and facts.scored is None:
        found = _within(facts, records, VALIDATION_DLQ, received - _BEFORE)
        facts.letters = [letter_of(each) for each in found]


def _within(
    facts: Facts, records: EventRecords, topic: Topic, since: datetime, until: datetime | None = None
) -> list[Seen]:
    found = records.between(topic, {facts.event_id}, since, until)
    if not found.is_whole:
        facts.cut.add(topic.name)
    return found.seen


def archived_places(facts: Facts, records: EventRecords) -> None:
    """Fill in the raw records by the places that archive and dead letters name, where their times did not find them.

    Raises:
        Transient: Kafka does not answer.
    """
    provider = facts.known("provider")
    if facts.raw or provider not in PROVIDERS:
        return
    topic = raw_topic(provider)
    told = [*(place_of(each.row) for each in facts.archived), *(each.source for each in facts.dead_letters)]
    places = {each for each in told if each is not None and each.topic == topic.name}
    facts.raw = records.at(topic, places, facts.event_id)


def progress(facts: Facts, records: EventRecords, normalizer: str, orchestrator: str) -> None:
    """Fill in how far the readers of topics are, where nothing came of the event.

    Raises:
        Transient: Kafka does not answer.
    """
    if facts.scored is not None or facts.workflow is not None or facts.dead_letters:
        return
    if facts.normalized:
        facts.behind["orchestrator"] = records.behind(orchestrator, facts.normalized[-1].place)
    elif facts.raw:
        facts.behind["normalizer"] = records.behind(normalizer, facts.raw[-1].place)


def payment_of(row: Row, rows: Rows | None) -> str | None:
    """Return what the payment is called that an event is about, as Silver calls it; None of what is of no payment."""
    family = str(row["event_type"]).partition(".")[0]
    own = row.get("provider_object_id") or row["event_id"]
    match family:
        case "payment":
            return str(own)
        case "charge":
            return str(row.get("related_payment_id") or own)
        case "refund" | "dispute" | "reversal":
            if row.get("related_payment_id"):
                return str(row["related_payment_id"])
            charge = row.get("related_charge_id")
            if charge is None:
                return str(own)
            return (None if rows is None else rows.payment_of_charge(row["provider"], charge)) or str(charge)
    return None


def place_of(row: Row, prefix: str = "kafka") -> Place | None:
    """Return the place in Kafka that a row of the archive tells, None where it tells none."""
    topic, partition, offset = (row[f"{prefix}_{name}"] for name in ("topic", "partition", "offset"))
    return None if topic is None else Place(topic, partition, offset)


def letter_of_row(stored: Stored) -> Letter:
    """Return a dead letter of the archive."""
    row = stored.row
    place = place_of(row)
    if place is None:
        raise DeploymentError(f"{stored.table} has a row without its place in Kafka")
    source = None if row["source"] == "ingestion" else place_of(row, "source")
    codes, reasons = tuple(row["reason_codes"]), tuple(row["reasons"])
    return Letter(_stage(source), place, row["kafka_timestamp"], codes, reasons, source, row, stored.snapshot_id)


def letter_of(seen: Seen) -> Letter:
    """Return a dead letter of a topic."""
    record = seen.record
    source = place_of(record, "source") if record.get("source_topic") else None
    codes = record.get("reason_codes") or [record.get("reason_code", "unreadable")]
    reasons = record.get("reasons") or [record.get("reason", "")]
    return Letter(_stage(source), seen.place, seen.at, tuple(codes), tuple(reasons), source, record)


def _stage(source: Place | None) -> str:
    if source is None:
        return "gateway"
    return "orchestrator" if source.topic == NORMALIZED.name else "normalizer"


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime | date) else value
