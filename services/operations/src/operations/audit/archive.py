"""Asks Trino for the archive's records: raw ones and dead letters, by their places in Kafka and when they came."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from payments_contracts.normalize import Unsupported
from payments_contracts.tables import BRONZE_PROVIDER_EVENTS, BRONZE_QUARANTINE
from payments_contracts.topics import NORMALIZED

from operations.audit.hops import Event, Events, Place, Window
from operations.audit.stream import outcome_of
from operations.stretches import Offsets
from operations.warehouse import Warehouse

_RECEIVED: Final = "received_at >= from_iso8601_timestamp(?) and received_at < from_iso8601_timestamp(?)"
_PLACE: Final = "kafka_topic, kafka_partition, kafka_offset"
# What came an hour before a window by the gateway's clock may be in it by Kafka's.
_MARGIN: Final = timedelta(hours=1)
_BATCH: Final = 500
_RAW: Final = BRONZE_PROVIDER_EVENTS.identifier


class ArchiveRows:
    """Records of the archive, by the partition of the day on which they came."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    def archived(self, table: str, places: Mapping[Place, Event]) -> set[Place]:
        """Return which records a table of the archive has, of records with the time at which they were received.

        Raises:
            UnavailableError: Trino does not answer.
        """
        found: set[Place] = set()
        ordered = sorted((event.processed_at or event.since, place) for place, event in places.items())
        for run in _close(ordered):
            window = Window(run[0][0], run[-1][0] + timedelta(milliseconds=1))
            statement = f"select {_PLACE} from {table} where {_RECEIVED}"  # noqa: S608  # constants of ours
            found |= {Place(*row) for row in self._warehouse.query(statement, _parameters(window))} & places.keys()
        return found

    def raw_before(self, window: Window, cut: Mapping[str, Offsets]) -> Events:
        """Return the raw events of a window that topics no longer hold.

        Args:
            window: When they came, by Kafka's time.
            cut: The first offset that is left of each partition, by topic.

        Raises:
            UnavailableError: Trino does not answer.
        """
        statement = f"select event_id, provider, received_at, kafka_timestamp, {_PLACE} from {_RAW} where {_RECEIVED}"  # noqa: S608  # constants of ours
        wide = Window(window.since - _MARGIN, window.until + _MARGIN)
        found: dict[str, Event] = {}
        for event_id, provider, received_at, at, *where in self._warehouse.query(statement, _parameters(wide)):
            place = Place(*where)
            if window.since <= at < window.until and place.offset < cut.get(place.topic, {}).get(place.partition, 0):
                found.setdefault(event_id, Event(event_id, at, provider, None, received_at, place))
        return found

    def gone_before(self, window: Window) -> tuple[set[str], set[str]]:
        """Return the ids of a window that the normalizer quarantined, and those that the orchestrator gave up.

        Raises:
            UnavailableError: Trino does not answer.
        """
        # What a gateway refused may have come again, and have been lost then: the same id excuses nothing.
        statement = (
            f"select event_id, source_topic from {BRONZE_QUARANTINE.identifier} "  # noqa: S608  # constants of ours
            f"where source <> 'ingestion' and {_RECEIVED}"
        )
        wide = Window(window.since - _MARGIN, window.until + _MARGIN)
        rows = self._warehouse.query(statement, _parameters(wide))
        dead = {event_id for event_id, source in rows if source == NORMALIZED.name}
        return {event_id for event_id, source in rows if source != NORMALIZED.name}, dead

    def unsupported(self, events: Events) -> set[str]:
        """Return which raw events of the archive have no mapping today; their payloads are read for it.

        Raises:
            UnavailableError: Trino does not answer.
        """
        found: set[str] = set()
        ordered = sorted((event.processed_at or event.since, event.event_id) for event in events.values())
        for start in range(0, len(ordered), _BATCH):
            batch = ordered[start : start + _BATCH]
            window = Window(batch[0][0], batch[-1][0] + timedelta(milliseconds=1))
            statement = f"select * from {_RAW} where {_RECEIVED} and event_id in ({', '.join('?' * len(batch))})"  # noqa: S608  # constants of ours
            parameters = [*_parameters(window), *(event_id for _, event_id in batch)]
            for row in self._warehouse.records(statement, parameters):
                if isinstance(outcome_of(row["provider"], row), Unsupported):
                    found.add(row["event_id"])
        return found


def _parameters(window: Window) -> list[str]:
    return [moment.astimezone(UTC).isoformat() for moment in window]


def _close(ordered: list[tuple[datetime, Place]]) -> Iterator[list[tuple[datetime, Place]]]:
    """Yield times in groups without a gap of an hour, so that few hours are read of which nothing is asked."""
    group: list[tuple[datetime, Place]] = []
    for each in ordered:
        if group and each[0] - group[-1][0] > timedelta(hours=1):
            yield group
            group = []
        group.append(each)
    if group:
        yield group
