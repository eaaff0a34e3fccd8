"""Unified events as the normalizer would write them, straight to its topic."""

from __future__ import annotations

import json
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import confluent_kafka
from kit.kafka import AvroEncoder
from payments_contracts.examples import EXAMPLES
from payments_contracts.normalize import Normalized, normalize
from payments_contracts.providers import PROVIDERS
from payments_contracts.schemas import schema
from payments_contracts.topics import NORMALIZED
from simulator.mix import Kind
from simulator.settings import EndpointSecret
from simulator.webhooks import Plan, compose

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kit.kafka import RegistryClient

_MERCHANTS, _DAYS = 20, 3
_PROVIDER = "stripe"
_FLUSH_SECONDS = 30


class Publication:
    """Events of every type that the contracts have an accepted example of, and their way to the topic.

    Args:
        stack: The environment of `stack env`.
        registry: Knows the id of the topic's schema.
        count: How many events.
        run: Part of their identity: equal runs have equal ids.
    """

    def __init__(self, stack: Mapping[str, str], registry: RegistryClient, count: int, run: str) -> None:
        secret = EndpointSecret.model_validate(json.loads(stack[f"GATEWAY_{_PROVIDER.upper()}_SECRETS"])[0])
        plan = Plan(run, count, 1, _MERCHANTS, _DAYS, {Kind.ACCEPTED: 1.0})
        now = datetime.now(UTC)
        text = schema(NORMALIZED.record, NORMALIZED.version)
        encoder = AvroEncoder(text, registry.lookup(NORMALIZED.subject, NORMALIZED.version, text).id)
        self.event_ids: list[str] = []
        self._records: list[tuple[bytes, bytes]] = []
        for webhook in compose(plan, PROVIDERS[_PROVIDER], EXAMPLES, secret, now, notification_url=""):
            outcome = normalize(_PROVIDER, webhook.body, webhook.entry.merchant_id)
            if not isinstance(outcome, Normalized):
                raise TypeError(f"The example {webhook.example} is not normalized.")
            stamped = {"event_id": webhook.event_id, "processed_at": now, "schema_version": NORMALIZED.version}
            self.event_ids.append(webhook.event_id)
            self._records.append((webhook.entry.merchant_id.encode(), encoder.encode({**outcome.event, **stamped})))
        self._producer = confluent_kafka.Producer(
            {"bootstrap.servers": stack["KAFKA_BOOTSTRAP_SERVERS"], "acks": "all", "enable.idempotence": True}
        )
        self._stop = threading.Event()
        self.sent = 0

    def publish(self, rate: float) -> None:
        """Write all events at a rate a second (0: at once), and return when they are on the topic."""
        began = time.perf_counter()
        for number, (key, value) in enumerate(self._records):
            ahead = began + number / rate - time.perf_counter() if rate else 0.0
            if ahead > 0 and self._stop.wait(ahead):
                break
            self._producer.produce(NORMALIZED.name, value, key)
            self._producer.poll(0)
            self.sent = number + 1
        if left := self._producer.flush(_FLUSH_SECONDS):
            raise TimeoutError(f"Kafka has not acknowledged {left} events within {_FLUSH_SECONDS} s.")

    def stop(self) -> None:
        """Publish nothing more."""
        self._stop.set()
