"""When each record of a topic was there to be read."""

from __future__ import annotations

import threading
import time
import uuid
from collections import Counter
from typing import TYPE_CHECKING

import confluent_kafka
from confluent_kafka import TopicPartition
from kit.kafka import AvroDecoder, RegistryClient
from payments_contracts.schemas import schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from payments_contracts.topics import Topic

_TIMEOUT_SECONDS = 20.0
_BATCH = 500


class TopicReader:
    """Reads what committed transactions write to a topic from now on, each record once. For one thread."""

    def __init__(self, bootstrap_servers: str, registry: RegistryClient, topic: Topic) -> None:
        self._decoder = AvroDecoder(registry, schema(topic.record, topic.version))
        self._consumer = confluent_kafka.Consumer(
            {
                "bootstrap.servers": bootstrap_servers,
                "group.id": f"bench-{uuid.uuid4()}",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "log_level": 2,
            }
        )
        places = [TopicPartition(topic.name, number) for number in range(topic.partitions)]
        for place in places:
            place.offset = self._end(place)
        self._positions = {place.partition: place.offset for place in places}
        self._topic = topic.name
        self._consumer.assign(places)

    def poll(self, seconds: float) -> Iterator[tuple[str, float, float]]:
        """Yield records as soon as there are any, none after a time: event id, time of the record, time of arrival."""
        if (first := self._consumer.poll(seconds)) is None:
            return
        batch = (first, *self._consumer.consume(_BATCH, timeout=0))
        arrived_at = time.time()
        for message in batch:
            if (error := message.error()) is not None:
                raise confluent_kafka.KafkaException(error)
            value, partition, offset = message.value(), message.partition(), message.offset()
            assert value is not None
            assert partition is not None
            assert offset is not None
            self._positions[partition] = offset + 1
            yield str(self._decoder.decode(value)["event_id"]), message.timestamp()[1] / 1000, arrived_at

    def rest(self) -> Iterator[tuple[str, float, float]]:
        """Yield what there is up to now, of a topic that is written without transactions: their marks take offsets."""
        ends = {number: self._end(TopicPartition(self._topic, number)) for number in self._positions}
        deadline = time.monotonic() + _TIMEOUT_SECONDS
        while any(self._positions[number] < end for number, end in ends.items()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self._topic} is not read to its end within {_TIMEOUT_SECONDS:g} s.")
            yield from self.poll(0.5)

    def close(self) -> None:
        """Let go of the connections."""
        self._consumer.close()

    def _end(self, place: TopicPartition) -> int:
        return self._consumer.get_watermark_offsets(place, timeout=_TIMEOUT_SECONDS)[1]


class StreamWatch:
    """Notes from a thread of its own when each event's record arrived."""

    def __init__(self, bootstrap_servers: str, registry: RegistryClient, topic: Topic) -> None:
        self._reader = TopicReader(bootstrap_servers, registry, topic)
        self._arrivals: dict[str, float] = {}
        self._counts: Counter[str] = Counter()
        self.troubles: Counter[str] = Counter()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="stream watch", daemon=True)
        self._thread.start()

    @property
    def records(self) -> int:
        """How many events came since the beginning, whoever wrote them."""
        return len(self._arrivals)

    def arrivals(self) -> Mapping[str, float]:
        """Return when each event arrived first, in seconds since 1970."""
        return dict(self._arrivals)

    def repeated(self) -> Mapping[str, int]:
        """Return the events that arrived more than once, with how often."""
        return {event: count for event, count in dict(self._counts).items() if count > 1}

    def close(self) -> None:
        """Stop reading."""
        self._stop.set()
        self._thread.join()
        self._reader.close()

    def _watch(self) -> None:
        while not self._stop.is_set():
            try:
                for event, _, arrived_at in self._reader.poll(0.2):
                    self._arrivals.setdefault(event, arrived_at)
                    self._counts[event] += 1
            except confluent_kafka.KafkaException as error:
                self.troubles[error.args[0].name()] += 1
                self._stop.wait(0.5)
