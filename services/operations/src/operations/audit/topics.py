"""Reads stretches of topics, with the place and time of each record, and asks how far groups are."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from kit.errors import Rejected

from operations.audit.hops import Place
from operations.errors import DeploymentError, UnavailableError

_TIMEOUT_SECONDS: Final = 10.0
_BATCH: Final = 1_000

Decode = Callable[[bytes], dict[str, Any]]
Offsets = Mapping[int, int]
"""An offset for each partition."""


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

    def __init__(self, bootstrap_servers: str) -> None:
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap_servers,
                "group.id": "payments-audit",
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "isolation.level": "read_committed",
                "enable.partition.eof": True,
                "auto.offset.reset": "error",
                "queued.max.messages.kbytes": 16_384,
                "log_level": 2,
            }
        )
        self._bootstrap_servers = bootstrap_servers

    def bounds(self, topic: str) -> Mapping[int, tuple[int, int]]:
        """Return the first offset and the one after the last of each partition.

        Raises:
            UnavailableError: Kafka does not answer.
            DeploymentError: There is no such topic.
        """
        try:
            return {
                place.partition: self._consumer.get_watermark_offsets(place, timeout=_TIMEOUT_SECONDS)
                for place in self._partitions(topic)
            }
        except KafkaException as error:
            raise _away(error) from error

    def locate(self, topic: str, moment: datetime) -> Offsets:
        """Return the first offset at or after a moment by Kafka's time; the end where there is none yet.

        Raises:
            UnavailableError: Kafka does not answer.
            DeploymentError: There is no such topic.
        """
        milliseconds = int(moment.timestamp() * 1000)
        ends = self.bounds(topic)
        try:
            wanted = [TopicPartition(topic, number, milliseconds) for number in ends]
            found = self._consumer.offsets_for_times(wanted, timeout=_TIMEOUT_SECONDS)
        except KafkaException as error:
            raise _away(error) from error
        return {place.partition: place.offset if place.offset >= 0 else ends[place.partition][1] for place in found}

    def read(self, topic: str, start: Offsets, end: Offsets, decode: Decode) -> Iterator[Record]:
        """Yield each committed record from `start` on and before `end`.

        What was deleted in between is left out without a word: see `bounds`.

        Raises:
            UnavailableError: Kafka stops answering, or what is to be read is being deleted.
        """
        left = {number for number, offset in start.items() if offset < end[number]}
        if not left:
            return
        low = {number: bound[0] for number, bound in self.bounds(topic).items()}
        self._consumer.assign([TopicPartition(topic, number, max(start[number], low[number])) for number in left])
        while left:
            # `consume` alone would wait for a full batch or the whole timeout.
            first = self._consumer.poll(_TIMEOUT_SECONDS)
            if first is None:
                raise UnavailableError(f"{topic}: Kafka sent nothing for {_TIMEOUT_SECONDS:.0f} s.")
            for message in (first, *self._consumer.consume(_BATCH, timeout=0)):
                number, offset, error = message.partition(), message.offset(), message.error()
                if error is not None and error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001  # its own constant
                    left.discard(number or 0)
                elif error is not None or number is None or offset is None:
                    raise UnavailableError(f"{topic}: {error.str() if error else 'a record without a place'}")
                elif offset >= end[number]:
                    left.discard(number)
                elif number in left:
                    yield Record(Place(topic, number, offset), _time(message.timestamp()[1]), _decode(message, decode))
                    if offset + 1 >= end[number]:
                        left.discard(number)
        self._consumer.unassign()

    def committed(self, group: str, topic: str) -> Offsets:
        """Return the next offset that a group will read, of each partition in which it has read anything.

        Raises:
            UnavailableError: Kafka does not answer.
            DeploymentError: There is no such topic.
        """
        # A consumer that subscribes to nothing joins no group. The admin client's own question ends the whole process
        # where the group's coordinator has an error, as on a cluster in which no group has committed yet.
        asking = {"bootstrap.servers": self._bootstrap_servers, "group.id": group, "enable.auto.commit": False}
        reader = Consumer({**asking, "log_level": 2})
        try:
            places = reader.committed(self._partitions(topic), timeout=_TIMEOUT_SECONDS)
        except KafkaException as error:
            raise _away(error) from error
        finally:
            reader.close()
        for place in places:
            if place.error is not None:
                raise UnavailableError(f"Kafka does not tell how far {group} is in {topic}: {place.error.str()}.")
        return {place.partition: place.offset for place in places if place.offset >= 0}

    def close(self) -> None:
        """Let go of the connections."""
        self._consumer.close()

    def _partitions(self, topic: str) -> list[TopicPartition]:
        try:
            metadata = self._consumer.list_topics(topic, timeout=_TIMEOUT_SECONDS).topics[topic]
        except KafkaException as error:
            raise _away(error) from error
        if metadata.error is not None:
            raise DeploymentError(f"{topic} does not exist. Create it with `make topics`.")
        return [TopicPartition(topic, number) for number in sorted(metadata.partitions)]


def _decode(message: Any, decode: Decode) -> dict[str, Any] | None:
    try:
        return decode(message.value() or b"")
    except Rejected:
        return None


def _time(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _away(error: KafkaException) -> UnavailableError:
    return UnavailableError(f"Kafka does not answer: {error.args[0].str()}. Is it up? See `make status`.")
