"""The recovery on a real Kafka, registry and operational database, with topics and tables of its own."""

import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]  # it exports them late
from kit.clock import utc_now
from kit.kafka import AvroDecoder, RegistryClient
from operations.database import apply_database
from operations.recovery.audit import Trail
from operations.recovery.events import RawEvent
from operations.recovery.filters import Filter
from operations.recovery.redrive import Limits, Redrive, Report, Run
from operations.recovery.scan import Scanner
from operations.recovery.selection import Choice, RawSelection
from operations.recovery.sending import RUN_HEADER, Sender
from operations.recovery.topics import Names, TopicSource
from operations.recovery.watching import DeadLetterWatch
from payments_contracts.database import RECOVERY_ACTIONS
from payments_contracts.examples import EXAMPLES
from payments_contracts.pins.operations import ProviderEvent
from payments_contracts.schemas import schema
from payments_contracts.topics import INGESTION_DLQ, STRIPE_RAW, VALIDATION_DLQ, Topic
from pydantic import SecretStr

from tests.integration.operational import dsn
from tests.integration.orchestration import wait_for

__all__ = ["dsn"]

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

PARTITIONS = 3
ACCEPTED = next(each for each in EXAMPLES if each.provider == "stripe" and each.kind == "accepted")


@dataclass
class Kafka:
    servers: str
    admin: AdminClient
    names: Names
    registry: RegistryClient
    scanner: Scanner

    @property
    def topic(self) -> str:
        return self.names.raw["stripe"]

    @property
    def source(self) -> TopicSource:
        raw, ingestion, validation = (self.decoder(topic) for topic in (STRIPE_RAW, INGESTION_DLQ, VALIDATION_DLQ))
        return TopicSource(self.scanner, self.names, raw=raw, ingestion=ingestion, validation=validation)

    def decoder(self, topic: Topic) -> AvroDecoder:
        return AvroDecoder(self.registry, schema(topic.record, topic.version))

    def sender(self) -> Sender:
        return Sender(self.servers, self.registry, self.names.raw)


@pytest.fixture
def kafka(stack: Mapping[str, str]) -> Iterator[Kafka]:
    servers, name = stack["KAFKA_BOOTSTRAP_SERVERS"], uuid.uuid4().hex[:10]
    names = Names({"stripe": f"recovery-raw-{name}"}, f"recovery-ingestion-{name}", f"recovery-validation-{name}")
    topics = [*names.raw.values(), names.ingestion, names.validation]
    admin = AdminClient({"bootstrap.servers": servers})
    for created in admin.create_topics([NewTopic(topic, PARTITIONS, 1) for topic in topics]).values():
        created.result()
    scanner = Scanner(servers)
    with RegistryClient(stack["SCHEMA_REGISTRY_URL"]) as registry:
        yield Kafka(servers, admin, names, registry, scanner)
    scanner.close()
    for deleted in admin.delete_topics(topics).values():
        deleted.result()


@pytest.fixture
def trail(dsn: SecretStr) -> Trail:
    list(apply_database(dsn, (RECOVERY_ACTIONS,)))
    trail = Trail(dsn)
    trail.check()
    return trail


def events(number: int, received_at: datetime | None = None) -> list[RawEvent]:
    at = received_at or datetime.now(UTC)
    return [
        RawEvent(
            ProviderEvent(
                event_id=str(uuid.uuid4()),
                provider="stripe",
                provider_event_id=f"evt_{n}",
                provider_event_type=ACCEPTED.event_type or "",
                merchant_id=f"merch_{n % 5}",
                headers={"stripe-signature": "t=1,v1=00"},
                payload=ACCEPTED.body,
                received_at=at + timedelta(milliseconds=n),
                schema_version=STRIPE_RAW.version,
                livemode=True,
            ),
            "archive",
            None,
        )
        for n in range(number)
    ]


def ids(found: Sequence[RawEvent] | Iterator[RawEvent]) -> list[str]:
    return sorted(event.event_id for event in found)


def test_what_was_sent_is_read_again_as_it_was_with_the_run_in_its_header(kafka: Kafka) -> None:
    sent = events(20)
    batch = kafka.sender().send(sent, "run-1")
    assert batch.trouble is None
    found = {event.event_id: event for event in kafka.source.raw(Filter())}
    assert {key: event.record for key, event in found.items()} == {event.event_id: event.record for event in sent}
    assert {key: event.position for key, event in found.items()} == batch.written
    # One merchant, one partition.
    assert len({(event.merchant_id, event.position.partition) for event in found.values() if event.position}) == 5

    # Once more: the record's own bytes, to the same partition.
    again = kafka.sender().send(list(found.values()), "run-2")
    twice = [event for event in kafka.source.raw(Filter()) if event.position in again.written.values()]
    assert {event.event_id: event.value for event in twice} == {key: event.value for key, event in found.items()}
    assert all(again.written[key].partition == place.partition for key, place in batch.written.items())
    assert headers(kafka, kafka.topic) == {(RUN_HEADER, b"run-1"), (RUN_HEADER, b"run-2")}


def headers(kafka: Kafka, topic: str) -> set[tuple[str, bytes]]:
    consumer = kafka.scanner._stretches._consumer
    consumer.assign([TopicPartition(topic, number, 0) for number in range(PARTITIONS)])
    found: set[tuple[str, bytes]] = set()
    ended = 0
    while ended < PARTITIONS:
        message = consumer.poll(10)
        assert message is not None
        if message.error() is not None:
            ended += 1
        else:
            pairs: Any = message.headers()
            found |= set(pairs)
    consumer.unassign()
    return found


def test_a_topic_says_from_when_on_it_holds_all(kafka: Kafka) -> None:
    begun = datetime.now(UTC)
    assert kafka.source.raw_since("stripe") >= begun
    kafka.sender().send(events(30), "run")
    written = datetime.now(UTC)
    first = kafka.source.raw_since("stripe")
    assert begun - timedelta(seconds=1) <= first <= written
    before = list(kafka.source.raw(Filter()))
    dropped = TopicPartition(kafka.topic, 0, 2)
    kafka.admin.delete_records([dropped])[dropped].result()
    assert first <= kafka.source.raw_since("stripe") <= written
    left = [event for event in before if event.position and (event.position.partition, event.position.offset) >= (0, 2)]
    assert ids(kafka.source.raw(Filter())) == ids(left)
    places = [event.position for event in before if event.position is not None]
    assert ids(kafka.source.at(places, Filter())) == ids(left)


def test_only_what_was_committed_is_read_to_the_end(kafka: Kafka) -> None:
    (committed,), (aborted,) = events(1), events(1)
    kafka.sender().send([committed], "run")
    (found,) = kafka.source.raw(Filter())
    producer = Producer({"bootstrap.servers": kafka.servers, "transactional.id": kafka.topic})
    producer.init_transactions(30)
    for end in (producer.abort_transaction, producer.commit_transaction):
        producer.begin_transaction()
        producer.produce(kafka.topic, found.value, aborted.merchant_id.encode())
        end(30)
    # The last records of the partition are marks of transactions, which nobody is given; the broker writes the last
    # one after it has answered.
    wait_for("what was committed", lambda: ids(kafka.source.raw(Filter())) == [committed.event_id] * 2)


def test_a_window_of_time_is_read_alone(kafka: Kafka) -> None:
    old, new = events(3, datetime.now(UTC) - timedelta(hours=2)), events(3)
    kafka.sender().send([*old, *new], "run")
    hour = datetime.now(UTC) - timedelta(hours=1)
    assert ids(kafka.source.raw(Filter(since=hour))) == ids(new)
    assert ids(kafka.source.raw(Filter(since=hour, until=hour + timedelta(minutes=1)))) == []


def test_an_interrupted_run_goes_on_where_it_ended_and_sends_nothing_twice(kafka: Kafka, trail: Trail) -> None:
    sent = events(40)
    stop = threading.Event()

    def run(tell: threading.Event | None) -> Report:
        selection = RawSelection(
            Choice(), rows=lambda _: set(), quarantined=(), actions=trail.last, now=datetime.now(UTC)
        )
        redrive = Redrive(
            Run("replay", "somebody", "{}"),
            Limits(rate=20),
            sender=kafka.sender(),
            ledger=trail,
            watch=DeadLetterWatch(kafka.scanner, kafka.names.validation, kafka.decoder(VALIDATION_DLQ)),
            restart=lambda _: "there is none",
            rows=lambda _: set(),
            clock=utc_now,
            stop=tell or threading.Event(),
            tell=lambda _: stop.set(),
        )
        return redrive.send(selection.choose(sent))

    first = run(stop)
    assert (len(first.sent), first.stopped) == (20, "interrupted")
    second = run(None)
    assert first.sent | second.sent == {event.event_id for event in sent}
    assert ids(kafka.source.raw(Filter())) == ids(sent)
    assert [action.outcome for action in trail.history(sent[0].event_id)] == ["sent"]
    assert run(None).sent == set()
