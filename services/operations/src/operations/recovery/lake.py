"""The archive in the lake as a source of events: the tables of raw records and of dead letters."""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from kit.errors import Transient
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
    Reference,
)
from pyiceberg.expressions.literals import literal
from requests import RequestException

from operations.recovery.events import Failure, Position, RawEvent
from operations.recovery.filters import Filter

# Files are passed over by the least and greatest id in them only while the list of ids is no longer than this.
_IDS = 200

Row = Mapping[str, Any]


class LakeSource:
    """Reads events from the archive's tables; where one does not exist it holds nothing.

    It connects when it is first asked: topics that hold all make it unnecessary. The tables are partitioned by the day
    on which a webhook was read; bound the filter's times to read few of them.
    """

    def __init__(
        self,
        connect: Callable[[], Catalog],
        *,
        raw: str = BRONZE_PROVIDER_EVENTS.identifier,
        quarantine: str = BRONZE_QUARANTINE.identifier,
    ) -> None:
        self._connect = connect
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

    def failures(self, which: Filter) -> Iterator[Failure]:
        """Yield the dead letters that a filter covers.

        Raises:
            Transient: The catalog or the object store does not answer.
        """
        for row in self._rows(self._quarantine_table, which):
            if which.covers(failure := _failure(row)):
                yield failure

    def at(self, places: Collection[Position], within: Filter) -> Iterator[RawEvent]:
        """Yield the raw events that were archived from some places; days outside `within` are not read.

        Raises:
            Transient: The catalog or the object store does not answer.
        """
        wanted = sorted(set(places))
        for start in range(0, len(wanted), _IDS):
            batch = frozenset(wanted[start : start + _IDS])
            among = And(
                _bounds(within),
                _among("kafka_topic", {place.topic for place in batch}),
                _among("kafka_offset", {place.offset for place in batch}),
            )
            for row in self._scan(self._raw_table, among):
                event = _raw_event(row)
                if event.position in batch:
                    yield event

    def _rows(self, table: str, which: Filter) -> Iterator[Row]:
        bounds = _bounds(which)
        if not which.event_ids:
            yield from self._scan(table, bounds)
            return
        ids = sorted(which.event_ids)
        for start in range(0, len(ids), _IDS):
            yield from self._scan(table, And(bounds, _among("event_id", ids[start : start + _IDS])))

    def _scan(self, table: str, among: BooleanExpression) -> Iterator[Row]:
        try:
            if self._catalog is None:
                self._catalog = self._connect()
            loaded = self._catalog.load_table(table)
        except NoSuchTableError:
            return
        except (RequestException, RESTError) as error:
            raise Transient(f"the catalog does not answer for {table}: {type(error).__name__}") from error
        try:
            for batch in loaded.scan(row_filter=among).to_arrow_batch_reader():
                yield from batch.to_pylist(maps_as_pydicts="strict")
        except (OSError, RequestException, RESTError) as error:
            raise Transient(f"{table} cannot be read now: {type(error).__name__}") from error


def _raw_event(row: Row) -> RawEvent:
    record = ProviderEvent.model_validate({name: row[name] for name in ProviderEvent.model_fields})
    return RawEvent(record, "archive", Position(row["kafka_topic"], row["kafka_partition"], row["kafka_offset"]))


def _failure(row: Row) -> Failure:
    record = QuarantinedEvent.model_validate({name: row[name] for name in QuarantinedEvent.model_fields})
    return Failure(record, "archive")


def _bounds(which: Filter) -> BooleanExpression:
    among: BooleanExpression = AlwaysTrue()
    if which.since is not None:
        among = And(among, GreaterThanOrEqual(term=Reference("received_at"), value=literal(which.since.isoformat())))
    if which.until is not None:
        among = And(among, LessThan(term=Reference("received_at"), value=literal(which.until.isoformat())))
    for column, values in (("provider", which.providers), ("merchant_id", which.merchants)):
        if values:
            among = And(among, _among(column, values))
    if which.contract_version is not None:
        among = And(among, EqualTo(term=Reference("schema_version"), value=literal(which.contract_version)))
    return among


def _among(column: str, values: Collection[str] | Collection[int]) -> In:
    return In(term=Reference(column), literals={literal(value) for value in values})
