"""Reads topics from one moment to another, and at given places."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from itertools import zip_longest

from kit.connection import Kafka
from kit.kafka import Message

from operations.recovery.events import Position
from operations.stretches import TIMEOUT_SECONDS, Offsets, Stretches

# Beyond so many records it is cheaper to go to the next place than to read up to it.
_READ_ON = 2_000


class Scanner:
    """Reads what topics hold; only committed records of transactions are seen."""

    def __init__(self, kafka: Kafka, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        """Connect lazily; `timeout_seconds` is how long each answer may take."""
        self._stretches = Stretches(kafka, passes_gaps=True, timeout_seconds=timeout_seconds)

    def close(self) -> None:
        """Let go of the connections."""
        self._stretches.close()

    def scan(self, topic: str, since: datetime | None = None, until: datetime | None = None) -> Iterator[Message]:
        """Yield the records that were written since one moment and before another; None for no bound.

        What comes while it reads is left for another time.

        Raises:
            UnavailableError: Kafka does not answer.
            DeploymentError: The topic does not exist.
        """
        starts, ends = self._ends(topic)
        if since is not None:
            starts = self._stretches.locate(topic, since)
        if until is not None:
            ends = self._stretches.locate(topic, until)
        yield from self._stretches.read(topic, starts, ends)

    def tail(self, topic: str, positions: Mapping[int, int]) -> Iterator[Message]:
        """Yield the records from some offsets on, by partition, to the end as it is now."""
        _, ends = self._ends(topic)
        yield from self._stretches.read(topic, positions, ends)

    def ends(self, topic: str) -> dict[int, int]:
        """Return the offset behind the last record of each partition."""
        return dict(self._ends(topic)[1])

    def at(self, places: Collection[Position]) -> Iterator[Message]:
        """Yield the records at some places, as far as their topics still hold them."""
        wanted: defaultdict[str, defaultdict[int, set[int]]] = defaultdict(lambda: defaultdict(set))
        for place in places:
            wanted[place.topic][place.partition].add(place.offset)
        for topic, partitions in sorted(wanted.items()):
            starts, ends = self._ends(topic)
            groups: list[list[tuple[int, list[int]]]] = []
            for partition, offsets in sorted(partitions.items()):
                held = sorted(each for each in offsets if starts.get(partition, 0) <= each < ends.get(partition, 0))
                groups.append([(partition, group) for group in _near(held)])
            # Each reading has to wait for its first record, so partitions are read together.
            for together in zip_longest(*groups):
                stretch = dict(each for each in together if each is not None)
                first = {partition: group[0] for partition, group in stretch.items()}
                end = {partition: group[-1] + 1 for partition, group in stretch.items()}
                for message in self._stretches.read(topic, first, end):
                    if message.offset in partitions[message.partition]:
                        yield message

    def held_since(self, topic: str) -> datetime:
        """Return from when on a topic holds all that was written to it or to one of its name before it.

        That it begins at its first offsets proves nothing: so does a topic that was made anew. But that it was there
        when its first record was written. Where it has no record it may have lost all until now.
        """
        starts, ends = self._ends(topic)
        now = datetime.now(UTC)
        firsts = {
            partition: _moment(first)
            for partition, start in sorted(starts.items())
            if (first := next(self._stretches.read(topic, {partition: start}, {partition: ends[partition]}), None))
            is not None
        }
        # Of an empty partition that had records nothing is known but that all of it is gone: retention may have been
        # shorter for a while, or a person has deleted them.
        shortened = [firsts.get(partition, now) for partition, start in starts.items() if start > 0]
        return max(shortened) if shortened else min(firsts.values(), default=now)

    def held(self, topic: str) -> dict[int, range]:
        """Return the offsets that each partition of a topic holds."""
        return {number: range(low, high) for number, (low, high) in self._stretches.bounds(topic).items()}

    def _ends(self, topic: str) -> tuple[Offsets, Offsets]:
        bounds = self._stretches.bounds(topic)
        return {number: low for number, (low, _) in bounds.items()}, {
            number: high for number, (_, high) in bounds.items()
        }


def _near(offsets: list[int]) -> Iterator[list[int]]:
    """Yield groups of offsets that are read in one go."""
    group: list[int] = []
    for offset in offsets:
        if group and offset - group[-1] > _READ_ON:
            yield group
            group = []
        group.append(offset)
    if group:
        yield group


def _moment(message: Message) -> datetime:
    return datetime.fromtimestamp(message.timestamp / 1000, UTC)
