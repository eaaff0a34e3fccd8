"""A producer for asyncio over librdkafka, which says of each record when it is on every in-sync replica."""

import asyncio
import json
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Literal

import confluent_kafka
import structlog
from confluent_kafka import KafkaError, KafkaException

from kit.connection import Kafka, kafka_options
from kit.errors import Fault, Rejected, Transient
from kit.kafka.errorlog import QUIET, ErrorLog, with_remedy

# A thread of its own for polling would fight with the event loop for the interpreter at each acknowledgement: measured,
# the loop's own timer takes a third less of the processor. See docs/decisions/0015-what-makes-the-gateway-fast.md.
_SECONDS_BETWEEN_POLLS = 0.001
_SECONDS_BETWEEN_IDLE_POLLS = 0.1
_STATISTICS_MS = 500
# A broker may answer for a moment that it does not know a topic that was just created.
_SECONDS_TO_LEARN_OF_A_TOPIC = 3.0
_LOG = structlog.get_logger("kit.kafka.producer")

MESSAGE_BYTES = 1_000_000
"""The largest record that a client of Kafka takes without being told, and a client of another language too."""

Done = Callable[[Transient | Rejected | Fault | None], None]
"""Told what became of a record: None once every in-sync replica has it, otherwise why it is not known to be there.

Transient: no acknowledgement within the deadline, or too much in flight, or closing; the record may still arrive, so
whoever sends it again needs a reader that knows duplicates. Rejected: Kafka does not accept a record of this size
(`record_too_large`). Fault: the producer is beyond repair.
"""


class _Pending:
    """A record of which something is still to be told."""

    __slots__ = ("deadline", "done")

    def __init__(self, deadline: float, done: Done) -> None:
        self.deadline = deadline
        self.done: Done | None = done

    def tell(self, error: Transient | Rejected | Fault | None) -> None:
        # Once: what is acknowledged after its deadline has been given up.
        if (done := self.done) is not None:
            self.done = None
            done(error)


class Producer:
    """Idempotent, acks=all. Make it inside a running event loop and use it from that loop only.

    What is not yet acknowledged is bounded in number and in bytes; beyond it records are refused at once, so that
    memory does not grow while the broker is away.

    Args:
        kafka: Where the brokers are, and how to come in.
        client_id: Name under which the brokers log this program.
        deadline_seconds: How long an acknowledgement may take.
        max_in_flight: Most records without an acknowledgement.
        max_in_flight_kilobytes: Most kilobytes without an acknowledgement.
        linger_milliseconds: How long a record waits for company.
        max_message_bytes: Largest record that is handed to the brokers, key included, before it is compressed; what
            the topic takes is compared with what it has become.
        compression: How records are compressed.
    """

    def __init__(
        self,
        kafka: Kafka,
        client_id: str,
        *,
        deadline_seconds: float = 5.0,
        max_in_flight: int = 2_000,
        max_in_flight_kilobytes: int = 65_536,
        linger_milliseconds: float = 1.0,
        max_message_bytes: int = MESSAGE_BYTES,
        compression: Literal["none", "zstd"] = "none",
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._deadline_seconds = deadline_seconds
        self._max_in_flight = max_in_flight
        self._in_flight = 0
        # In the order of their deadlines, since all have the same time.
        self._waiting: deque[_Pending] = deque()
        self._fatal: str | None = None
        self._identified = False
        self._connected = False
        self._closing = False
        self._error_log = ErrorLog(client_id)
        self._producer = confluent_kafka.Producer(
            {
                **kafka_options(kafka),
                "client.id": client_id,
                "enable.idempotence": True,
                "acks": "all",
                "linger.ms": linger_milliseconds,
                "delivery.timeout.ms": int(deadline_seconds * 1000),
                "queue.buffering.max.messages": max_in_flight + 1,
                "queue.buffering.max.kbytes": max_in_flight_kilobytes,
                "compression.type": compression,
                "message.max.bytes": max_message_bytes,
                "reconnect.backoff.max.ms": 1000,
                "socket.nagle.disable": True,
                "statistics.interval.ms": _STATISTICS_MS,
                "stats_cb": self._note_statistics,
                "error_cb": self._note_error,
                "logger": logging.getLogger("kafka"),
                **QUIET,
            }
        )
        self._next_poll = self._loop.call_soon(self._poll)

    def produce(
        self, topic: str, key: bytes, value: bytes, done: Done, headers: Mapping[str, bytes] | None = None
    ) -> None:
        """Write a record, and have `done` called once, in this event loop and maybe before this returns."""
        if (refusal := self._hand_over(topic, key, value, done, headers)) is not None:
            done(refusal)

    def _hand_over(
        self, topic: str, key: bytes, value: bytes, done: Done, headers: Mapping[str, bytes] | None
    ) -> Transient | Rejected | Fault | None:
        if self._fatal is not None:
            return Fault(self._fatal)
        if self._closing:
            return Transient("The producer is closing.")
        if self._in_flight >= self._max_in_flight:
            return Transient(f"{self._in_flight} records wait for Kafka's acknowledgement; no more are taken.", 1.0)
        pending = _Pending(self._loop.time() + self._deadline_seconds, done)
        try:
            report = partial(self._report, pending)
            if headers is None:
                self._producer.produce(topic, value, key, on_delivery=report)
            else:
                self._producer.produce(topic, value, key, on_delivery=report, headers=dict(headers))
        except BufferError:
            return Transient("The buffer of records that wait for Kafka is full.", 1.0)
        except KafkaException as error:
            return _family(error.args[0])
        if not self._in_flight:
            self._poll_in(_SECONDS_BETWEEN_POLLS)
        self._in_flight += 1
        self._waiting.append(pending)
        return None

    async def warm_up(self, topics: Sequence[str]) -> None:
        """Connect, find the topics and obtain the producer's id, so that the first record is as fast as any.

        Raises:
            Transient: The brokers do not answer.
            Fault: A topic does not exist, or this program may not write to it.
        """
        patience = self._loop.time() + _SECONDS_TO_LEARN_OF_A_TOPIC
        for topic in topics:
            while not await asyncio.to_thread(self._exists, topic):
                if self._loop.time() > patience:
                    raise Fault(f"The topic {topic} does not exist. Run `payments topics apply`.")
                await asyncio.sleep(0.1)
        deadline = self._loop.time() + self._deadline_seconds
        while not (self._identified and self._connected):
            if self._loop.time() > deadline:
                raise Transient("The brokers gave the producer no id in time.")
            await asyncio.sleep(0.05)

    def check(self) -> str | None:
        """Tell for /readyz whether a broker is reachable: None, or what is wrong. As of the last half second."""
        if self._fatal is not None:
            return self._fatal
        if not self._connected:
            return "no broker is reachable"
        return None if self._identified else "the brokers have given the producer no id yet"

    @property
    def in_flight(self) -> int:
        """How many records wait for their acknowledgement."""
        return self._in_flight

    async def close(self, timeout_seconds: float = 10.0) -> int:
        """Take no more, wait for what is in flight, and stop. Return how many records were given up."""
        self._closing = True
        patience = self._loop.time() + timeout_seconds
        while self._in_flight and self._loop.time() < patience:  # noqa: ASYNC110  # the poll is what would set the event
            await asyncio.sleep(_SECONDS_BETWEEN_POLLS)
        self._next_poll.cancel()
        if given_up := self._in_flight:
            _LOG.warning("records_given_up", count=given_up)
            self._producer.purge()
            for pending in self._waiting:
                pending.tell(Transient("The producer was closed before Kafka acknowledged."))
        return given_up

    def _exists(self, topic: str) -> bool:
        try:
            metadata = self._producer.list_topics(topic, timeout=self._deadline_seconds).topics[topic]
        except KafkaException as error:
            reason: KafkaError = error.args[0]
            raise Transient(f"Kafka does not answer: {self._error_log.explain(reason)}") from error
        if metadata.error is None:
            return True
        if metadata.error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            return False
        if metadata.error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
            raise Fault(f"Kafka refuses this program: {topic}: {with_remedy(metadata.error)}")
        raise _family(metadata.error)

    def _poll_in(self, seconds: float) -> None:
        self._next_poll.cancel()
        self._next_poll = self._loop.call_later(seconds, self._poll)

    def _poll(self) -> None:
        """Serve what librdkafka has to report; its callbacks run in here."""
        try:
            self._producer.poll(0)
        finally:
            self._expire()
            self._poll_in(_SECONDS_BETWEEN_POLLS if self._in_flight else _SECONDS_BETWEEN_IDLE_POLLS)

    def _expire(self) -> None:
        now = self._loop.time()
        while self._waiting and (self._waiting[0].done is None or self._waiting[0].deadline <= now):
            pending = self._waiting.popleft()
            # Nearly all have been told by now; an error for each would be made for nothing.
            if pending.done is not None:
                detail = f"Kafka did not acknowledge within {self._deadline_seconds:g} s."
                pending.tell(Transient(detail, retry_after_seconds=1.0))

    def _report(self, pending: _Pending, error: KafkaError | None, _message: object) -> None:
        self._in_flight -= 1
        pending.tell(None if error is None else _family(error))

    def _note_statistics(self, text: str) -> None:
        statistics = json.loads(text)
        self._identified = statistics.get("eos", {}).get("idemp_state") == "Assigned"
        self._connected = any(
            broker["state"] == "UP" and broker["nodeid"] >= 0 for broker in statistics["brokers"].values()
        )

    def _note_error(self, error: KafkaError) -> None:
        if error.fatal():
            self._fatal = f"The Kafka producer is beyond repair and has to be restarted: {error.str()}"
        if error.code() == KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001  # the library's public constants begin so
            self._connected = False
        self._error_log.note(error)


def _family(error: KafkaError) -> Transient | Rejected | Fault:
    if error.fatal():
        return Fault(f"The Kafka producer is beyond repair and has to be restarted: {error.str()}")
    if error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
        # No Fault: what is too large comes again, and would stop each producer that was started anew. Where the topic
        # takes less than the producer, the broker refuses all that came in one batch.
        remedy = "Raise message.max.bytes of the producer and max.message.bytes of the topic, or send less."
        return Rejected(f"Kafka does not accept a record of this size: {error.str()}. {remedy}", "record_too_large")
    return Transient(f"Kafka did not acknowledge: {with_remedy(error)}", retry_after_seconds=1.0)
