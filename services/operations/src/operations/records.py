"""Reads the records of a topic from a moment on, without joining a consumer group."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from kit.connection import Kafka
from kit.errors import Rejected
from kit.kafka import Message

from operations.stretches import Stretches

Decode = Callable[[bytes], dict[str, Any]]


@dataclass(frozen=True)
class Undecodable:
    """The messages that no record could be read from: how many by topic, and of each topic the first, with why."""

    counts: Counter[str] = field(default_factory=Counter)
    firsts: dict[str, str] = field(default_factory=dict)

    def note(self, message: Message, reason: str) -> None:
        """Count a message."""
        self.counts[message.topic] += 1
        self.firsts.setdefault(message.topic, f"partition {message.partition}, offset {message.offset}: {reason}")


class TopicReader:
    """Reads what a topic holds since a moment, again and again, each record once.

    Only committed records of transactions are seen. `decode` turns a message's value into a record; a message that it
    rejects, or that has no value, is passed by and counted in `undecodable`: anyone may have written it, and what is
    behind it still counts.
    """

    def __init__(self, kafka: Kafka, topic: str, since: datetime, decode: Decode, undecodable: Undecodable) -> None:
        """Look up where `since` lies in each partition.

        Raises:
            UnavailableError: Kafka does not answer.
            DeploymentError: The topic does not exist.
        """
        self._topic = topic
        self._decode = decode
        self._undecodable = undecodable
        self._stretches = Stretches(kafka, passes_gaps=True)
        self._positions = dict(self._stretches.locate(topic, since))

    def read_new(self) -> Iterator[dict[str, Any]]:
        """Yield every record between the last read and the end of the topic as it is now.

        Raises:
            UnavailableError: Kafka stops answering.
        """
        ends = {number: end for number, (_, end) in self._stretches.bounds(self._topic).items()}
        for message in self._stretches.read(self._topic, self._positions.copy(), ends):
            self._positions[message.partition] = message.offset + 1
            try:
                record = self._decode(message.value or b"")
            except Rejected as error:
                self._undecodable.note(message, error.detail)
            else:
                yield record

    def close(self) -> None:
        """Let go of the connections."""
        self._stretches.close()
