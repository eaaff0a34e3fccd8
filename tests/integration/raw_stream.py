"""The raw topics of a test's own, to write to, and what comes out of the normalizer behind them."""

import threading
import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Self

import orjson
from codegen.envelope import found_in
from codegen.loader import load
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from kit.kafka import AvroDecoder, AvroEncoder, RegistryClient
from payments_contracts.examples import EXAMPLES, Example
from payments_contracts.schemas import schema
from payments_contracts.topics import Topic, raw_topic

from tests.conftest import ROOT

ENVELOPES = {provider.name: provider.envelope for provider in load(ROOT / "contracts").providers}
STREAMED = tuple(example for example in EXAMPLES if example.kind != "malformed")


class Stream:
    """The raw topics to write to, and everything that committed transactions have put on the two others."""

    def __init__(self, stack: Mapping[str, str], topics: Mapping[str, Topic]) -> None:
        self._topics = topics
        self._servers = stack["KAFKA_BOOTSTRAP_SERVERS"]
        self._producer = Producer({"bootstrap.servers": self._servers, "acks": "all"})
        self._registry = RegistryClient(stack["SCHEMA_REGISTRY_URL"])
        self.positions: dict[str, tuple[str, int, int]] = {}
        self._sent: dict[str, tuple[str, str, bytes]] = {}

    def send(self, example: Example, **changes: object) -> str:
        """Write the example as the gateway would, under an event id of its own, and return that."""
        source = raw_topic(example.provider)
        text = schema(source.record, source.version)
        registered = self._registry.lookup(source.subject, source.version, text)
        event_id = str(uuid.uuid4())
        found = found_in(ENVELOPES[example.provider], orjson.loads(example.body), example.headers)
        value = AvroEncoder(text, registered.id).encode(
            {
                "event_id": event_id,
                "provider": example.provider,
                "provider_event_id": found.event_id,
                "provider_event_type": found.event_type,
                "merchant_id": example.merchant_id,
                "api_version": None,
                "headers": {"content-type": "application/json"},
                "payload": example.body,
                "provider_created_at": _instant(found.created_at),
                "received_at": _instant(example.received_at) or datetime.now(UTC),
                "schema_version": source.version,
                "livemode": found.livemode,
            }
            | changes
        )
        self.write(example.provider, value, key=example.merchant_id, event_id=event_id)
        return event_id

    def write(self, provider: str, value: bytes, *, key: str, event_id: str) -> None:
        """Write a message, whatever it is, to a provider's topic, and note its position under the event's id."""

        def acknowledged(error: Any, message: Any) -> None:
            assert error is None, error
            self.positions[event_id] = (message.topic(), message.partition(), message.offset())

        self._sent[event_id] = self._topics[raw_topic(provider).name].name, key, value
        self._produce(event_id, acknowledged)

    def send_again(self, event_id: str) -> None:
        """Write what was sent once more, byte for byte, as a redrive does."""
        self._produce(event_id, lambda _error, _message: None)

    def _produce(self, event_id: str, acknowledged: Callable[[Any, Any], None]) -> None:
        topic, key, value = self._sent[event_id]
        self._producer.produce(topic, key=key, value=value, on_delivery=acknowledged)
        self._producer.poll(0)

    def flush(self) -> None:
        assert self._producer.flush(30) == 0

    def close(self) -> None:
        self.flush()
        self._registry.close()

    def read(self, topic: Topic) -> dict[str, list[dict[str, Any]]]:
        """Return every committed record of the topic's copy, by event id."""
        decoder = AvroDecoder(self._registry, schema(topic.record, topic.version))
        consumer = Consumer(
            {
                "bootstrap.servers": self._servers,
                "group.id": f"reader-{uuid.uuid4()}",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
            }
        )
        copy = self._topics[topic.name]
        consumer.assign([TopicPartition(copy.name, number, 0) for number in range(copy.partitions)])
        found: dict[str, list[dict[str, Any]]] = defaultdict(list)
        ended: set[int] = set()
        while len(ended) < copy.partitions:
            message = consumer.poll(30)
            assert message is not None, f"{copy.name} cannot be read to its end"
            value, error = message.value(), message.error()
            if error is not None:
                assert error.code() == KafkaError._PARTITION_EOF, error
                ended.add(message.partition() or 0)
            elif value is not None:
                record = decoder.decode(value)
                found[record["event_id"]].append(record)
        consumer.close()
        return found


class Traffic:
    """Events of one provider that are sent all the while, fifty a second."""

    provider = "stripe"

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._evaluated = [
            example for example in STREAMED if example.provider == self.provider and example.kind != "unsupported"
        ]
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._send)
        self.sent: list[str] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        self._thread.join()
        self._stream.flush()

    def _send(self) -> None:
        while not self._enough.wait(0.02):
            self.sent.append(self._stream.send(self._evaluated[len(self.sent) % len(self._evaluated)]))


def _instant(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)
