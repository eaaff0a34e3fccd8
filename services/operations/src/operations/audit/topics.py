"""The topics as the audit reads them: decoded records with place and time, and how far groups are."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from confluent_kafka import Consumer, KafkaException
from kit.connection import Kafka, kafka_options
from kit.errors import Rejected
from kit.kafka import Message

from operations.audit.hops import Place
from operations.errors import UnavailableError
from operations.recovery.sending import RUN_HEADER
from operations.stretches import TIMEOUT_SECONDS, Offsets, Stretches

Decode = Callable[[bytes], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Record:
    """A record with its place, and its time by Kafka (UTC); `value` is None where nobody can decode it."""

    place: Place
    at: datetime
    value: dict[str, Any] | None


def fields_of(schema_text: str, names: Iterable[str]) -> str:
    """Return a schema that reads only some fields of a record, which costs a reader a fraction of all of them."""
    schema = json.loads(schema_text)
    wanted = set(names)
    schema["fields"] = [field for field in schema["fields"] if field["name"] in wanted]
    return json.dumps(schema)


class Topics:
    """The topics of one Kafka cluster, as committed records; joins no group and stores nothing there."""

    def __init__(self, kafka: Kafka) -> None:
        # What is deleted under its hands could be taken for a loss.
        self._stretches = Stretches(kafka, passes_gaps=False)
        self._kafka = kafka

    def bounds(self, topic: str) -> Mapping[int, tuple[int, int]]:
        """Return the first offset and the one after the last of each partition; see `Stretches`."""
        return self._stretches.bounds(topic)

    def locate(self, topic: str, moment: datetime) -> Offsets:
        """Return the first offset at or after a moment by Kafka's time; see `Stretches`."""
        return self._stretches.locate(topic, moment)

    def read(self, topic: str, start: Offsets, end: Offsets, decode: Decode) -> Iterator[Record]:
        """Yield each committed record from `start` on and before `end`.

        What was deleted before is left out without a word: see `bounds`.

        Raises:
            UnavailableError: Kafka stops answering, or what is to be read is being deleted.
        """
        for message in self._messages(topic, start, end):
            place = Place(topic, message.partition, message.offset)
            yield Record(place, datetime.fromtimestamp(message.timestamp / 1000, UTC), _decode(message, decode))

    def written_again(self, topic: str, start: Offsets, end: Offsets) -> int:
        """Return how many records from `start` on and before `end` are those of a redrive or a replay.

        Raises:
            UnavailableError: Kafka stops answering, or what is to be read is being deleted.
        """
        return sum(RUN_HEADER in message.headers for message in self._messages(topic, start, end))

    def _messages(self, topic: str, start: Offsets, end: Offsets) -> Iterator[Message]:
        if not any(offset < end.get(number, 0) for number, offset in start.items()):
            return
        low = {number: bound[0] for number, bound in self.bounds(topic).items()}
        start = {number: max(offset, low.get(number, 0)) for number, offset in start.items()}
        yield from self._stretches.read(topic, start, end)

    def committed(self, group: str, topic: str) -> Offsets:
        """Return the next offset that a group will read, of each partition in which it has read anything.

        Raises:
            UnavailableError: Kafka does not answer.
            DeploymentError: There is no such topic.
        """
        # A consumer that subscribes to nothing joins no group. The admin client's own question ends the whole process
        # where the group's coordinator has an error, as on a cluster in which no group has committed yet.
        asking = {**kafka_options(self._kafka), "group.id": group, "enable.auto.commit": False}
        reader = Consumer({**asking, "log_level": 2})
        try:
            places = reader.committed(self._stretches.partitions(topic), timeout=TIMEOUT_SECONDS)
        except KafkaException as error:
            raise self._stretches.away(error) from error
        finally:
            reader.close()
        for place in places:
            if place.error is not None:
                raise UnavailableError(f"Kafka does not tell how far {group} is in {topic}: {place.error.str()}.")
        return {place.partition: place.offset for place in places if place.offset >= 0}

    def close(self) -> None:
        """Let go of the connections."""
        self._stretches.close()


def _decode(message: Message, decode: Decode) -> dict[str, Any] | None:
    try:
        return decode(message.value or b"")
    except Rejected:
        return None
