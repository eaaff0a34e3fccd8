"""Where events are found again: in the topics, and for what these no longer hold, in the archive."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from operations.recovery.events import Failure, Position, RawEvent
from operations.recovery.filters import Filter

# The archive is read a little further than it needs to be: clocks of gateway and broker differ, and what is found in
# both counts once.
_OVERLAP = timedelta(minutes=10)


class Source(Protocol):
    """Holds raw events and dead letters. What cannot be read in it is passed over, and counted in `unreadable`."""

    @property
    def unreadable(self) -> int:
        """Return how many records could not be read so far."""

    def raw(self, which: Filter) -> Iterator[RawEvent]:
        """Yield the raw events that a filter covers; of an event that was sent twice, both."""

    def failures(self, which: Filter) -> Iterator[Failure]:
        """Yield the dead letters that a filter covers; of an event that failed twice, both."""

    def at(self, places: Collection[Position], within: Filter) -> Iterator[RawEvent]:
        """Yield the raw events that were written to some places of Kafka, as far as they are held.

        `within` bounds when their webhooks were read, for who would have to look through all otherwise.
        """


class Topics(Source, Protocol):
    """A source that forgets."""

    def raw_since(self, which: Filter) -> datetime | None:
        """Return from when on it holds all raw events of a filter's providers; None where it holds the very first."""

    def failures_since(self) -> datetime | None:
        """Return from when on it holds all dead letters; None where it holds the very first."""


class Joined:
    """Topics, with the archive for what they no longer hold; what both have is yielded once, as the topic has it."""

    def __init__(self, topics: Topics, archive: Source) -> None:
        self._topics = topics
        self._archive = archive

    @property
    def unreadable(self) -> int:
        """Return how many records could not be read."""
        return self._topics.unreadable + self._archive.unreadable

    def raw(self, which: Filter) -> Iterator[RawEvent]:
        """Yield the raw events that a filter covers, the older ones first."""
        older = _older(which, self._topics.raw_since(which))
        seen: set[Position | None] = set()
        if older is not None:
            for event in self._archive.raw(older):
                seen.add(event.position)
                yield event
        for event in self._topics.raw(which):
            if event.position not in seen:
                yield event

    def failures(self, which: Filter) -> Iterator[Failure]:
        """Yield the dead letters that a filter covers, the older ones first."""
        older = _older(which, self._topics.failures_since())
        seen: set[Position] = set()
        if older is not None:
            for failure in self._archive.failures(older):
                seen.add(failure.position)
                yield failure
        for failure in self._topics.failures(which):
            if failure.position not in seen:
                yield failure

    def at(self, places: Collection[Position], within: Filter) -> Iterator[RawEvent]:
        """Yield the raw events that were written to some places of Kafka."""
        missing = set(places)
        for source in (self._topics, self._archive):
            if missing:
                for event in source.at(missing.copy(), within):
                    if event.position in missing:
                        missing.discard(event.position)
                        yield event


def _older(which: Filter, held_since: datetime | None) -> Filter | None:
    """Return the filter of what a topic no longer holds; None where that is nothing."""
    if held_since is None:
        return None
    until = held_since + _OVERLAP
    if which.since is not None and which.since >= until:
        return None
    return replace(which, until=until if which.until is None else min(until, which.until))
