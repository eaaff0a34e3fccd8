"""The archive in the lake as a source of events: the tables of raw records and of dead letters."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from kit.errors import Rejected, Transient
from kit.kafka import Message
from payments_contracts.pins.operations import ProviderEvent
from payments_contracts.records import QuarantinedEventV1 as QuarantinedEvent
from payments_contracts.tables import BRONZE_PROVIDER_EVENTS, BRONZE_QUARANTINE
from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import NoSuchTableError, RESTError
from pyiceberg.expressions import (
    AlwaysTrue,
    And,
    BooleanExpression,
    EqualTo,
    GreaterThanOrEqual,
    In,
    LessThan,
    NotEqualTo,
    Reference,
)
from pyiceberg.expressions.literals import literal
from requests import RequestException

from operations.recovery.events import NOT_READ, Failure, Position, RawEvent
from operations.recovery.filters import Filter
from operations.recovery.rows import read_rows
from operations.recovery.topics import DELAY, SKEW, Decoder, Decoders, quarantined, raw_event, refused

# Files are passed over by the least and greatest id in them only while the list of ids is no longer than this.
_IDS = 200
# The version in rows whose record the archiver could not read: `payload` holds the record's bytes.
_UNREADABLE = 0
_VERSION = Reference("schema_version")
# What stands for the columns of a dead letter that are not read.
_BODY: Mapping[str, Any] = MappingProxyType({"payload": b"", "headers": {}})

Row = Mapping[str, Any]


class LakeSource:
    """Reads events from the archive's tables; where one does not exist it holds nothing.

    It connects when it is first asked: topics that hold all make it unnecessary. The tables are partitioned by the day
    on which a webhook was read; bound the filter's times to read few of them.

    Rows whose record the archiver could not read are read again: the registry may know its schema now.

    Args:
        connect: Makes a client of the catalog.
        raw: Name of the table of raw records; `quarantine` of that of dead letters.
        decoders: Read the records that the archiver could not; without them these stay unreadable.
    """

    def __init__(
        self,
        connect: Callable[[], Catalog],
        *,
        raw: str = BRONZE_PROVIDER_EVENTS.identifier,
        quarantine: str = BRONZE_QUARANTINE.identifier,
        decoders: Decoders | None = None,
    ) -> None:
        self._connect = connect
        self._decoders = decoders
        self._catalog: Catalog | None = None
        self._raw_table, self._quarantine_table = raw, quarantine
        self.unreadable = 0

    def raw(self, which: Filter) -> Iterator[RawEvent]:
        """Yield the raw events that a filter covers.

        Raises:
            Transient: The catalog or the object store does not answer.
        """
        for row in self._rows(self._raw_table, which):
            if which.covers(event := _raw_event(row)):
                yield event
        for row in self._scan(self._raw_table, _unread(which, which.providers)):
            if (read := self._read_again(row)) is not None and which.covers(read):
                yield read

    def failures(self, which: Filter, *, bodies: bool = True) -> Iterator[Failure]:
        """Yield the dead letters that a filter covers; without `bodies` those columns are not read.

        Raises:
            Transient: The catalog or the object store does not answer.
        """
        for row in self._rows(self._quarantine_table, which, () if bodies else _BODY):
            if which.covers(failure := _failure(row)):
                yield failure
        # A dead letter may have been written long after the webhook was read, and nothing tells whose it is.
        for row in self._scan(self._quarantine_table, _unread(replace(which, until=None), ())):
            if (read := self._read_letter_again(row)) is not None and which.covers(read):
                yield read if bodies else read.bare()

    def at(self, places: Collection[Position], within: Filter) -> Iterator[RawEvent]:
        """Yield the raw events that were archived from some places; days outside `within` are not read.

        Raises:
            Transient: The catalog or the object store does not answer.
        """
        for row in self._at(self._raw_table, places, within):
            event = self._read_again(row) if row["schema_version"] == _UNREADABLE else _raw_event(row)
            if event is not None:
                yield event

    def letters(self, failures: Sequence[Failure]) -> Iterator[Failure]:
        """Yield some dead letters with their bodies.

        Raises:
            Transient: The catalog or the object store does not answer.
        """
        if not failures:
            return
        # One that could not be read has the time at which it was written for that at which the webhook was read.
        within = Filter(
            since=min(failure.received_at for failure in failures),
            until=max(max(failure.received_at, failure.recorded_at) for failure in failures) + timedelta(seconds=1),
        )
        for row in self._at(self._quarantine_table, [failure.position for failure in failures], within):
            failure = self._read_letter_again(row) if row["schema_version"] == _UNREADABLE else _failure(row)
            if failure is not None:
                yield failure

    def _at(self, table: str, places: Collection[Position], within: Filter) -> Iterator[Row]:
        wanted = sorted(set(places))
        for start in range(0, len(wanted), _IDS):
            batch = frozenset(wanted[start : start + _IDS])
            among = And(
                _bounds(within),
                _among("kafka_topic", {place.topic for place in batch}),
                _among("kafka_offset", {place.offset for place in batch}),
            )
            yield from (row for row in self._scan(table, among) if _place(row) in batch)

    def _read_again(self, row: Row) -> RawEvent | None:
        record = self._decoded(None if self._decoders is None else self._decoders.raw, row)
        return None if record is None else replace(raw_event(_message(row), record), origin="archive")

    def _read_letter_again(self, row: Row) -> Failure | None:
        decoders, of_gateway = self._decoders, row["source"] == "ingestion"
        decoder = None if decoders is None else decoders.ingestion if of_gateway else decoders.validation
        record = self._decoded(decoder, row)
        if record is None:
            return None
        return replace((refused if of_gateway else quarantined)(_message(row), record), origin="archive")

    def _decoded(self, decoder: Decoder | None, row: Row) -> dict[str, Any] | None:
        try:
            if decoder is not None:
                return decoder.decode(row["payload"])
        except Rejected:
            pass
        self.unreadable += 1
        return None

    def _rows(self, table: str, which: Filter, without: Collection[str] = ()) -> Iterator[Row]:
        bounds = And(_bounds(which), NotEqualTo(term=_VERSION, value=literal(_UNREADABLE)))
        if not which.event_ids:
            yield from self._scan(table, bounds, without)
            return
        ids = sorted(which.event_ids)
        for start in range(0, len(ids), _IDS):
            yield from self._scan(table, And(bounds, _among("event_id", ids[start : start + _IDS])), without)

    def _scan(self, table: str, among: BooleanExpression, without: Collection[str] = ()) -> Iterator[Row]:
        try:
            if self._catalog is None:
                self._catalog = self._connect()
            loaded = self._catalog.load_table(table)
        except NoSuchTableError:
            return
        except (RequestException, RESTError) as error:
            raise Transient(f"the catalog does not answer for {table}: {type(error).__name__}") from error
        try:
            yield from read_rows(loaded, among, without)
        except (OSError, RequestException, RESTError) as error:
            raise Transient(f"{table} cannot be read now: {type(error).__name__}") from error


def _raw_event(row: Row) -> RawEvent:
    record = ProviderEvent.model_validate({name: row[name] for name in ProviderEvent.model_fields})
    return RawEvent(record, "archive", _place(row))


def _failure(row: Row) -> Failure:
    left_out = None if "payload" in row else NOT_READ
    values = {**_BODY, **row}
    record = QuarantinedEvent.model_validate({name: values[name] for name in QuarantinedEvent.model_fields})
    return Failure(record, "archive", left_out)


def _place(row: Row) -> Position:
    return Position(row["kafka_topic"], row["kafka_partition"], row["kafka_offset"])


def _message(row: Row) -> Message:
    """Return the message of Kafka that a row was made of; its key is not kept."""
    milliseconds = int(row["kafka_timestamp"].timestamp() * 1000)
    place = _place(row)
    return Message(place.topic, place.partition, place.offset, milliseconds, None, row["payload"])


def _unread(which: Filter, providers: Collection[str]) -> BooleanExpression:
    """Return what finds the rows without content among which there may be events that a filter covers.

    They have the time at which their record was written in place of that at which the webhook was read.
    """
    written = Filter(
        providers=frozenset(providers),
        since=None if which.since is None else which.since - SKEW,
        until=None if which.until is None else which.until + DELAY,
        quarantined_since=which.quarantined_since,
    )
    return And(_bounds(written), EqualTo(term=_VERSION, value=literal(_UNREADABLE)))


def _bounds(which: Filter) -> BooleanExpression:
    among: BooleanExpression = AlwaysTrue()
    if which.since is not None:
        among = And(among, GreaterThanOrEqual(term=Reference("received_at"), value=literal(which.since.isoformat())))
    if which.until is not None:
        among = And(among, LessThan(term=Reference("received_at"), value=literal(which.until.isoformat())))
    if (written := which.quarantined_since) is not None:
        among = And(among, GreaterThanOrEqual(term=Reference("kafka_timestamp"), value=literal(written.isoformat())))
    for column, values in (("provider", which.providers), ("merchant_id", which.merchants)):
        if values:
            among = And(among, _among(column, values))
    if which.contract_version is not None:
        among = And(among, EqualTo(term=_VERSION, value=literal(which.contract_version)))
    return among


def _among(column: str, values: Collection[str] | Collection[int]) -> In:
    return In(term=Reference(column), literals={literal(value) for value in values})
