"""Reads the records of a topic from a moment on, without joining a consumer group."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from kit.connection import Kafka

from operations.errors import UnavailableError
from operations.stretches import Stretches

Decode = Callable[[bytes], dict[str, Any]]


class TopicReader:
    """Reads what a topic holds since a moment, again and again, each record once.

    Only committed records of transactions are seen. `decode` turns a message's value into a record.
    """

    def __init__(self, kafka: Kafka, topic: str, since: datetime, decode: Decode) -> None:
        """Look up where `since` lies in each partition.

        Raises:
            UnavailableError: Kafka does not answer.
            DeploymentError: The topic does not exist.
        """
        self._topic = topic
        self._decode = decode
        self._stretches = Stretches(kafka, passes_gaps=True)
        self._positions = dict(self._stretches.locate(topic, since))

    def read_new(self) -> Iterator[dict[str, Any]]:
        """Yield every record between the last read and the end of the topic as it is now.

        Raises:
            UnavailableError: Kafka stops answering.
        """
        ends = {number: end for number, (_, end) in self._stretches.bounds(self._topic).items()}
        for message in self._stretches.read(self._topic, self._positions.copy(), ends):
            if message.value is None:
                raise UnavailableError(f"{self._topic}: a record without a value")
            self._positions[message.partition] = message.offset + 1
            yield self._decode(message.value)

    def close(self) -> None:
        """Let go of the connections."""
        self._stretches.close()
