"""Sees what the pipeline quarantines while events are sent again."""

from collections.abc import Iterator, Mapping
from typing import Protocol

from kit.errors import Rejected
from kit.kafka import Message

from operations.recovery.topics import Decoder


class Tail(Protocol):
    """Reads on from offsets; `scan.Scanner` does."""

    def ends(self, topic: str) -> dict[int, int]:
        """Return the offset behind the last record of each partition."""

    def tail(self, topic: str, positions: Mapping[int, int]) -> Iterator[Message]:
        """Yield the records from some offsets on."""


class DeadLetterWatch:
    """Follows the topic of quarantined events from its making on."""

    def __init__(self, scan: Tail, topic: str, decoder: Decoder) -> None:
        self._scan, self._topic, self._decoder = scan, topic, decoder
        self._positions = scan.ends(topic)

    def failed(self) -> dict[str, tuple[str, ...]]:
        """Return the reasons, as codes, of what was quarantined since the last call, by event id.

        Raises:
            UnavailableError: Kafka does not answer.
        """
        found: dict[str, tuple[str, ...]] = {}
        for message in self._scan.tail(self._topic, self._positions):
            self._positions[message.partition] = message.offset + 1
            try:
                record = self._decoder.decode(message.value or b"")
            except Rejected:
                continue
            found[record["event_id"]] = tuple(record["reason_codes"])
        return found
