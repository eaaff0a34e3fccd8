"""Where events are found again: in the topics, and for what these no longer hold, in the archive."""

from collections.abc import Collection, Iterator, Mapping, Sequence
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

    def failures(self, which: Filter, *, bodies: bool = True) -> Iterator[Failure]:
        """Yield the dead letters that a filter covers; of an event that failed twice, both.

        Without `bodies` these are left out, and where that is possible they are not even read.
        """

    def letters(self, failures: Sequence[Failure]) -> Iterator[Failure]:
        """Yield some dead letters that were found here with their bodies, as far as they are still held."""

    def at(self, places: Collection[Position], within: Filter) -> Iterator[RawEvent]:
        """Yield the raw events that were written to some places of Kafka, as far as they are held.

        `within` bounds when their webhooks were read, for who would have to look through all otherwise.
        """


class NoArchive:
    """An archive that holds nothing: for who may not read the lake, and makes do with what the topics hold."""

    unreadable = 0

    def raw(self, which: Filter) -> Iterator[RawEvent]:  # noqa: ARG002  # as of any source
        """Yield nothing."""
        return iter(())

    def failures(self, which: Filter, *, bodies: bool = True) -> Iterator[Failure]:  # noqa: ARG002  # as of any source
        """Yield nothing."""
        return iter(())

    def letters(self, failures: Sequence[Failure]) -> Iterator[Failure]:  # noqa: ARG002  # as of any source
        """Yield nothing."""
        return iter(())

    def at(self, places: Collection[Position], within: Filter) -> Iterator[RawEvent]:  # noqa: ARG002  # as of any source
        """Yield nothing."""
        return iter(())


class Topics(Source, Protocol):
    """A source that forgets."""

    def providers(self, which: Filter) -> Sequence[str]:
        """Return the providers that a filter covers, of those that it has raw events of."""

    def raw_since(self, provider: str) -> datetime:
        """Return from when on it holds all raw events of a provider."""

    def failures_since(self) -> datetime:
        """Return from when on it holds all dead letters."""

    def held(self, topic: str) -> Mapping[int, range]:
        """Return the offsets that each partition of a topic holds."""


class _Repeats:
    """Archived events that a topic holds too, and that are not to be yielded of it again.

    No others are remembered: there are more of them than memory holds. Times would not tell them: a record that was
    sent again is as old as its webhook, and partitions forget one by one.
    """

    def __init__(self, topics: Topics) -> None:
        self._topics = topics
        self._held: dict[str, Mapping[int, range]] = {}
        # A topic that was made anew has other events at the places of before.
        self._seen: set[tuple[Position | None, str]] = set()

    def __contains__(self, event: RawEvent | Failure) -> bool:
        return (event.position, event.event_id) in self._seen

    def add(self, event: RawEvent | Failure) -> None:
        """Remember an archived event if it will come again."""
        place = event.position
        if place is None:
            return
        if place.topic not in self._held:
            self._held[place.topic] = self._topics.held(place.topic)
        if place.offset in self._held[place.topic].get(place.partition, ()):
            self._seen.add((place, event.event_id))


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
        """Yield the raw events that a filter covers, provider by provider, the older ones of each first.

        Events that are asked for by their ids are looked for in the archive only where the topics have none of them.
        """
        if which.event_ids:
            yield from self._named(which)
            return
        for each in self._by_provider(which):
            repeats = _Repeats(self._topics)
            for event in self._archived(each):
                repeats.add(event)
                yield event
            yield from (event for event in self._topics.raw(each) if event not in repeats)

    def _named(self, which: Filter) -> Iterator[RawEvent]:
        missing = set(which.event_ids)
        for event in self._topics.raw(which):
            missing.discard(event.event_id)
            yield event
        for each in self._by_provider(which):
            if missing:
                for event in self._archived(replace(each, event_ids=frozenset(missing))):
                    missing.discard(event.event_id)
                    yield event

    def _by_provider(self, which: Filter) -> Iterator[Filter]:
        for provider in self._topics.providers(which):
            yield replace(which, providers=frozenset({provider}))

    def _archived(self, which: Filter) -> Iterator[RawEvent]:
        """Yield the raw events of one provider that its topic may no longer hold."""
        (provider,) = which.providers
        # One quiet provider is no reason to read the archive of the others.
        older = _older(which, self._topics.raw_since(provider))
        if older is not None:
            yield from self._archive.raw(older)

    def failures(self, which: Filter, *, bodies: bool = True) -> Iterator[Failure]:
        """Yield the dead letters that a filter covers, the older ones first."""
        held_since = self._topics.failures_since()
        older = _older(which, held_since)
        if which.quarantined_since is not None and which.quarantined_since >= held_since:
            older = None
        repeats = _Repeats(self._topics)
        if older is not None:
            for failure in self._archive.failures(older, bodies=bodies):
                repeats.add(failure)
                yield failure
        yield from (each for each in self._topics.failures(which, bodies=bodies) if each not in repeats)

    def letters(self, failures: Sequence[Failure]) -> Iterator[Failure]:
        """Yield some dead letters with their bodies; what a topic has forgotten meanwhile, as the archive has it."""
        missing = {(failure.position, failure.event_id): failure for failure in failures}
        for source in (self._topics, self._archive):
            if missing:
                for failure in source.letters(list(missing.values())):
                    if missing.pop((failure.position, failure.event_id), None) is not None:
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


def _older(which: Filter, held_since: datetime) -> Filter | None:
    """Return the filter of what a topic may no longer hold; None where that is nothing."""
    until = held_since + _OVERLAP
    if which.since is not None and which.since >= until:
        return None
    return replace(which, until=until if which.until is None else min(until, which.until))
