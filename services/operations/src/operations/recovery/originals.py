"""The original record of a dead letter."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from payments_contracts.pins.operations import ProviderEvent

from operations.recovery.events import Failure, Position, RawEvent
from operations.recovery.filters import Filter
from operations.recovery.sources import Source

# The orchestrator's dead letters tell when the event was normalized, which was some time after it was received.
_BEFORE = timedelta(days=1)
_AFTER = timedelta(minutes=1)

_NO_WHOLE_BODY = frozenset({"wire_format", "schema_unknown", "avro_unreadable", "record_invalid", "record_too_large"})
"""Reasons with which a dead letter holds a record that could not be read, or only the beginning of a body."""

OF_THE_GATEWAY = "only the gateway can make an event of the body: have the provider send it again once it is taken"
GONE = "neither the raw topic nor the archive holds its original record"
REBUILD = f"{GONE}; --rebuild live (or test) makes one of the dead letter, without headers and API version"


@dataclass(frozen=True, slots=True)
class Missing:
    """Why a dead letter has no original record that could be sent again."""

    reason: str


class Originals:
    """Finds original records.

    Args:
        source: Where to look.
        rebuild: Whether real money is meant by events of which only the dead letter is left; None leaves those alone.
    """

    def __init__(self, source: Source, *, rebuild: bool | None = None) -> None:
        self._source = source
        self._rebuild = rebuild

    def find(self, failures: Sequence[Failure]) -> dict[str, RawEvent | Missing]:
        """Return, by event id, the raw event of each dead letter, or why there is none."""
        found: dict[str, RawEvent | Missing] = {}
        later = [failure for failure in failures if failure.stage != "gateway"]
        by_place = {
            failure.source: failure for failure in later if failure.stage == "normalizer" and failure.source is not None
        }
        if later:
            within = _within(later)
            places: set[Position] = set(by_place)
            if places:
                for event in self._source.at(places, within):
                    failure = None if event.position is None else by_place.get(event.position)
                    if failure is not None and _is_of(failure, event):
                        found[failure.event_id] = event
            missing = frozenset(failure.event_id for failure in later) - found.keys()
            if missing:
                wanted = Filter(providers=within.providers, event_ids=missing, since=within.since, until=within.until)
                for event in self._source.raw(wanted):
                    found[event.event_id] = event
        gone = [failure for failure in failures if failure.event_id not in found]
        for failure in gone if self._rebuild is None else self.whole(gone):
            found[failure.event_id] = self._remade(failure)
        return found

    def whole(self, failures: Sequence[Failure]) -> list[Failure]:
        """Return dead letters with their bodies, read again where these were left out; without where all is gone."""
        wanted = [failure for failure in failures if failure.left_out is not None]
        read = {(each.position, each.event_id): each for each in self._source.letters(wanted)} if wanted else {}
        return [read.get((failure.position, failure.event_id), failure) for failure in failures]

    def _remade(self, failure: Failure) -> RawEvent | Missing:
        if failure.stage == "gateway":
            return Missing(OF_THE_GATEWAY)
        if failure.stage == "orchestrator":
            return Missing(f"{GONE}, and the dead letter holds the unified event alone")
        if not _NO_WHOLE_BODY.isdisjoint(failure.reason_codes):
            return Missing(f"{GONE}, and the dead letter holds no whole body of an event")
        if self._rebuild is None:
            return Missing(REBUILD)
        if failure.left_out is not None:
            return Missing(f"{GONE}, nor is the dead letter held any more")
        known = {name: value for name, value in failure.record if name in ProviderEvent.model_fields}
        record = ProviderEvent.model_validate({**known, "headers": {}, "livemode": self._rebuild})
        return RawEvent(record, "dead_letter", failure.source)


def _is_of(failure: Failure, event: RawEvent) -> bool:
    """Tell whether an event is that of a dead letter: a topic that was made anew has others at the places of before.

    A record that could not be read has its bytes in the dead letter, and an id made of them; it may be readable now.
    """
    return event.event_id == failure.event_id or failure.holds(event.value)


def _within(failures: Sequence[Failure]) -> Filter:
    return Filter(
        providers=frozenset(failure.provider for failure in failures),
        since=min(failure.received_at for failure in failures) - _BEFORE,
        until=max(failure.received_at for failure in failures) + _AFTER,
    )
