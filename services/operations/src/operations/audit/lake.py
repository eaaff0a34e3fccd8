"""Asks Trino for the events of a window, and for single events, at a cost that does not grow with the tables."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Final, TypeVar

from payments_contracts.tables import BRONZE_PAYMENT_EVENTS, SILVER_PAYMENTS_CLEANED

from operations.audit.hops import Event, Events, Money, Window, floor_hour
from operations.warehouse import Warehouse

_BATCH: Final = 500
_PROCESSED: Final = "processed_at >= from_iso8601_timestamp(?) and processed_at < from_iso8601_timestamp(?)"
_MADE: Final = "scored_at >= from_iso8601_timestamp(?)"
T = TypeVar("T")


class LakeRows:
    """Rows of Bronze and Silver as events."""

    def __init__(self, warehouse: Warehouse, schema_suffix: str = "") -> None:
        """`schema_suffix` is what dbt was told to put behind the names of its schemas."""
        self._warehouse = warehouse
        self._silver = SILVER_PAYMENTS_CLEANED.replace(".", f"{schema_suffix}.")

    def bronze_between(self, window: Window) -> Events:
        """Return the events of Bronze that were processed in a window; of one with several rows, the first.

        Raises:
            UnavailableError: Trino does not answer.
        """
        return self._bronze(_PROCESSED, _parameters(window))

    def bronze_of(
        self, events: Events, elsewhere: Mapping[str, datetime], again: Mapping[str, datetime] | None = None
    ) -> Events:
        """Look events up in Bronze: where their own `processed_at` says, then at another time, then everywhere.

        The last costs more the larger the table is, and is for what would be called lost otherwise. What has been
        looked for everywhere before is looked for in rows that were made since, in whose files alone these are.

        Args:
            events: What to look for.
            elsewhere: Times at which an event may have been processed, too: an event that was sent twice has two.
            again: Events that have been looked for everywhere, and from when on a row of them would be a new one.

        Raises:
            UnavailableError: Trino does not answer.
        """
        found = self._by_hours(events)
        own = {key: event.processed_at for key, event in events.items() if event.processed_at is not None}
        for times in (own, elsewhere):
            wanted = sorted((moment, key) for key, moment in times.items() if key in events and key not in found)
            for batch in _batches(wanted):
                window = Window(batch[0][0], batch[-1][0] + timedelta(milliseconds=1))
                keys = [key for _, key in batch]
                found |= self._bronze(f"event_id in ({_marks(keys)}) and {_PROCESSED}", [*keys, *_parameters(window)])
        missing, made_since = events.keys() - found.keys(), again or {}
        for keys in _batches(sorted(missing - made_since.keys())):
            found |= self._bronze(f"event_id in ({_marks(keys)})", keys)
        for batch in _batches(sorted((made_since[key], key) for key in missing & made_since.keys())):
            keys = [key for _, key in batch]
            condition = f"event_id in ({_marks(keys)}) and {_MADE}"
            found |= self._bronze(condition, [*keys, batch[0][0].astimezone(UTC).isoformat()])
        return found

    def _by_hours(self, events: Events) -> dict[str, Event]:
        """Find events whose hours have so many of them that reading the hours is cheaper than asking for each."""
        hours = Counter(floor_hour(event.processed_at) for event in events.values() if event.processed_at is not None)
        found: dict[str, Event] = {}
        for hour in (hour for hour, count in hours.items() if count > _BATCH):
            rows = self.bronze_between(Window(hour, hour + timedelta(hours=1)))
            found |= {key: row for key, row in rows.items() if key in events}
        return found

    def silver_of(self, events: Events, window: Window) -> Mapping[str, Money]:
        """Return what Silver says of these events of Bronze: those of a window at once, others by their ids.

        Rows that Bronze got after the newest that Silver has are not asked for one by one: Silver was not built since.

        Raises:
            UnavailableError: Trino does not answer.
        """
        found: dict[str, Money] = {}
        inside = [event.day for event in events.values() if event.day and _holds(window, event)]
        if inside:
            condition = f"{_PROCESSED} and event_date between date(?) and date(?)"
            rows = self._silver_rows(condition, [*_parameters(window), min(inside), max(inside)])
            found |= {key: money for key, money in rows.items() if key in events}
        built = max((events[key].since for key in found), default=None)
        left = sorted(
            (event.day, key)
            for key, event in events.items()
            if key not in found
            and event.day
            and (not _holds(window, event) or (built is not None and event.since <= built))
        )
        for batch in _batches(left):
            keys = [key for _, key in batch]
            condition = f"event_id in ({_marks(keys)}) and event_date between date(?) and date(?)"
            found |= self._silver_rows(condition, [*keys, batch[0][0], batch[-1][0]])
        return found

    def _bronze(self, condition: str, parameters: Collection[str]) -> dict[str, Event]:
        statement = (
            "select event_id, currency, amount_cents, processed_at, scored_at, "  # noqa: S608  # constants of ours
            "cast(cast(provider_created_at at time zone 'UTC' as date) as varchar) "
            f"from {BRONZE_PAYMENT_EVENTS.identifier} where {condition}"
        )
        found: dict[str, Event] = {}
        for event_id, currency, amount, processed_at, scored_at, day in self._ask(statement, parameters):
            event = Event(event_id, scored_at, None, Money(currency, amount), processed_at, day=day)
            if event_id not in found or scored_at < found[event_id].since:
                found[event_id] = event
        return found

    def _silver_rows(self, condition: str, parameters: Collection[str]) -> dict[str, Money]:
        statement = f"select event_id, currency, amount_minor from {self._silver} where {condition}"  # noqa: S608  # constants of ours
        return {event_id: Money(currency, amount) for event_id, currency, amount in self._ask(statement, parameters)}

    def _ask(self, statement: str, parameters: Collection[str]) -> list[Any]:
        return self._warehouse.query(statement, list(parameters))


def _parameters(window: Window) -> list[str]:
    return [moment.astimezone(UTC).isoformat() for moment in window]


def _holds(window: Window, event: Event) -> bool:
    return event.processed_at is not None and window.since <= event.processed_at < window.until


def _batches(values: list[T]) -> Iterator[list[T]]:
    rest = iter(values)
    while batch := list(islice(rest, _BATCH)):
        yield batch


def _marks(values: Collection[str]) -> str:
    return ", ".join("?" * len(values))
