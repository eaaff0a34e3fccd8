"""Events that are written to a raw topic all the while, and what a reader of committed records sees of them."""

from __future__ import annotations

import threading
import time
import uuid
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import confluent_kafka
from confluent_kafka import TopicPartition
from kit.kafka import AvroDecoder, AvroEncoder, RegistryClient
from payments_contracts.examples import EXAMPLES
from payments_contracts.schemas import schema
from payments_contracts.topics import NORMALIZED, raw_topic

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_MERCHANTS = 5
_TIMEOUT_SECONDS = 30.0
_BATCH = 500
_LIBRARY = {"log_level": 2}


@dataclass(frozen=True)
class Sent:
    """An event: its provider, its merchant, its place in the merchant's row, and when it was written."""

    provider: str
    merchant: str
    number: int
    at: float


class Load:
    """Writes accepted events of some providers in turns, at a rate, in a thread of its own; each once, in order.

    A merchant's events have numbers. The producer is idempotent and waits for a broker that is away.
    """

    def __init__(self, bootstrap_servers: str, registry: RegistryClient, providers: Sequence[str], rate: float) -> None:
        self.sent: dict[str, Sent] = {}
        self._rate = rate
        self._producer = confluent_kafka.Producer(
            {
                "bootstrap.servers": bootstrap_servers,
                "enable.idempotence": True,
                "delivery.timeout.ms": 300_000,
                **_LIBRARY,
            }
        )
        self._failed: list[str] = []
        self._providers = providers
        self._bodies = {
            provider: next(each.body for each in EXAMPLES if each.provider == provider and each.kind == "accepted")
            for provider in providers
        }
        self._encoders = {}
        for provider in providers:
            topic = raw_topic(provider)
            text = schema(topic.record, topic.version)
            self._encoders[provider] = AvroEncoder(text, registry.lookup(topic.subject, topic.version, text).id)
        self._numbers: Counter[str] = Counter()
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._write, name="load", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self) -> None:
        """Write nothing more, and wait until the broker has all; RuntimeError if it has not."""
        self._enough.set()
        self._thread.join()
        if (left := self._producer.flush(300)) or self._failed:
            raise RuntimeError(
                f"{left} events are not written, and {len(self._failed)} have failed: {self._failed[:3]}"
            )

    def _write(self) -> None:
        began, count = time.monotonic(), 0
        while not self._enough.wait(max(0.0, began + count / self._rate - time.monotonic())):
            provider = self._providers[count % len(self._providers)]
            merchant = f"merch_{provider}_{count % _MERCHANTS}"
            self._send(provider, merchant)
            count += 1

    def _send(self, provider: str, merchant: str) -> None:
        topic, event_id, now = raw_topic(provider), str(uuid.uuid4()), datetime.now(UTC)
        self._numbers[merchant] += 1
        self.sent[event_id] = Sent(provider, merchant, self._numbers[merchant], now.timestamp())
        value = self._encoders[provider].encode(
            {
                "event_id": event_id,
                "provider": provider,
                "provider_event_id": event_id,
                "provider_event_type": "any",
                "merchant_id": merchant,
                "api_version": None,
                "headers": {},
                "payload": self._bodies[provider],
                "provider_created_at": None,
                "received_at": now,
                "schema_version": topic.version,
                "livemode": False,
            }
        )
        self._producer.produce(topic.name, key=merchant, value=value, on_delivery=self._note)
        self._producer.poll(0)

    def _note(self, error: confluent_kafka.KafkaError | None, _: confluent_kafka.Message) -> None:
        if error is not None:
            self._failed.append(error.str())


@dataclass(frozen=True)
class Arrival:
    """When a record was written, and when a reader of committed records first saw it, in seconds since 1970."""

    written_at: float
    seen_at: float


@dataclass
class Seen:
    """What has arrived: the first arrival of each event, how often each came, and the order in each partition."""

    first: dict[str, Arrival] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    order: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))


class Reader:
    """Reads what committed transactions write to the topic of unified events, in a thread of its own."""

    def __init__(self, bootstrap_servers: str, registry: RegistryClient) -> None:
        self.seen = Seen()
        self._decoder = AvroDecoder(registry, schema(NORMALIZED.record, NORMALIZED.version))
        self._consumer = confluent_kafka.Consumer(
            {
                "bootstrap.servers": bootstrap_servers,
                "group.id": f"faults-{uuid.uuid4()}",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                **_LIBRARY,
            }
        )
        places = [TopicPartition(NORMALIZED.name, number) for number in range(NORMALIZED.partitions)]
        for place in places:
            place.offset = self._consumer.get_watermark_offsets(place, timeout=_TIMEOUT_SECONDS)[1]
        self._consumer.assign(places)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read, name="reader", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Read no more."""
        self._stop.set()
        self._thread.join()
        self._consumer.close()

    def _read(self) -> None:
        while not self._stop.is_set():
            for message in self._consumer.consume(_BATCH, timeout=0.1):
                value, partition = message.value(), message.partition()
                # A broker that is away shows as an error; the library goes on by itself.
                if message.error() is not None or value is None or partition is None:
                    continue
                event = str(self._decoder.decode(value)["event_id"])
                self.seen.counts[event] += 1
                self.seen.order[partition].append(event)
                self.seen.first.setdefault(event, Arrival(message.timestamp()[1] / 1000, time.time()))


def faults(sent: Mapping[str, Sent], seen: Seen) -> Iterator[str]:
    """Yield a sentence for each thing that is wrong: what is lost, repeated, or not in the order of its merchant."""
    if lost := sent.keys() - seen.counts.keys():
        yield f"{len(lost)} events are lost: {', '.join(sorted(lost)[:5])}"
    if repeated := sorted(event for event in sent if seen.counts[event] > 1):
        yield f"{len(repeated)} events came more than once: {', '.join(repeated[:5])}"
    last: Counter[str] = Counter()
    for partition, events in sorted(seen.order.items()):
        for event in events:
            if (known := sent.get(event)) is None:
                continue
            if known.number <= last[known.merchant]:
                yield f"{event} of {known.merchant} is out of order in partition {partition}"
            last[known.merchant] = max(last[known.merchant], known.number)
