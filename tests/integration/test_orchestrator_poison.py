"""Records that the orchestrator cannot use, and events that come again, on real servers."""

import asyncio
import re
import time
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from confluent_kafka import Producer
from kit.kafka import AvroDecoder, AvroEncoder, Consumer, RegistryClient
from orchestrator.settings import TemporalSettings
from orchestrator.temporal import connected_client
from payments_contracts.pins.orchestrator import PAYMENT_EVENT_VERSIONS
from payments_contracts.schemas import schema
from payments_contracts.topics import NORMALIZED, VALIDATION_DLQ
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from tests.integration.orchestration import Deployment, Passage, events, exactly_once, wait_for

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

PATIENCE_SECONDS = 90.0


def produce(deployment: Deployment, values: Sequence[bytes | None], **options: str) -> None:
    """Write records to one partition, in their order."""
    servers = deployment.environment["KAFKA_BOOTSTRAP_SERVERS"]
    producer = Producer({"bootstrap.servers": servers, "acks": "all", **options})
    for value in values:
        producer.produce(deployment.topic, value, b"merch_poison", partition=0)
    assert producer.flush(30) == 0


def letters_of(stack: Mapping[str, str], topic: str, number: int) -> list[Mapping[str, Any]]:
    """Return the dead letters of a topic's records, by their offset, once there are so many."""
    reader = schema(VALIDATION_DLQ.record, VALIDATION_DLQ.version)
    found: dict[int, Mapping[str, Any]] = {}
    servers, group = stack["KAFKA_BOOTSTRAP_SERVERS"], f"test-{uuid.uuid4().hex}"
    with (
        RegistryClient(stack["SCHEMA_REGISTRY_URL"]) as registry,
        Consumer(servers, group, [VALIDATION_DLQ.name], client_id="test") as consumer,
    ):
        decoder = AvroDecoder(registry, reader)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(found) < number and time.monotonic() < deadline:
            for message in consumer.poll(500, 0.5):
                letter = decoder.decode(message.value or b"")
                if letter["source_topic"] == topic:
                    found[letter["source_offset"]] = letter
    return [found[offset] for offset in sorted(found)]


def test_records_of_every_unusable_kind_are_dead_letters_with_place_and_bytes_and_stop_nobody(
    deployment: Deployment, stack: Mapping[str, str]
) -> None:
    before, strange, after = events(3)
    with RegistryClient(stack["SCHEMA_REGISTRY_URL"]) as registry:
        text = schema(VALIDATION_DLQ.record, VALIDATION_DLQ.version)
        other = registry.lookup(VALIDATION_DLQ.subject, VALIDATION_DLQ.version, text).id
    unusable = {
        "wire_format": b"\x07not Avro",
        "schema_unknown": b"\x00\x7f\xff\xff\xff" + b"\x02" * 20,
        "avro_unreadable": b"\x00" + other.to_bytes(4, "big") + b"\x02" * 20,
        "version_unknown": deployment.encoder.encode(strange.model_dump() | {"schema_version": 99}),
        "record_invalid": deployment.encoder.encode(strange.model_dump() | {"status": "teleported"}),
    }
    # Compressed as it was written, a record may be larger than what the topic takes.
    large = b"\x07" + b"large " * 600_000
    produce(deployment, [deployment.encoder.encode(before.model_dump()), *unusable.values(), None])
    produce(deployment, [large], **{"compression.type": "zstd", "message.max.bytes": "10000000"})
    produce(deployment, [deployment.encoder.encode(after.model_dump())])
    deployment.start(POISON_SPARED="10")
    deployment.wait_for_rows(2)
    wait_for("all offsets", lambda: deployment.lag() == 0)
    assert deployment.counts() == exactly_once([before, after])

    letters = letters_of(stack, deployment.topic, 7)
    assert [letter["reason_codes"] for letter in letters] == [
        *([code] for code in unusable),
        ["record_empty"],
        ["wire_format"],
    ]
    assert [letter["payload"] for letter in letters] == [*unusable.values(), b"", large]
    assert [(letter["source_partition"], letter["source_offset"]) for letter in letters] == [
        (0, n) for n in range(1, 8)
    ]
    assert {letter["event_id"] for letter in letters[3:5]} == {strange.event_id}
    assert {letter["merchant_id"] for letter in letters[:3]} == {"merch_poison"}


def test_many_unusable_records_stop_the_consumer_which_says_why_and_skips_nothing(
    deployment: Deployment, stack: Mapping[str, str]
) -> None:
    (last,) = events(1)
    produce(deployment, [b"\x07"] * 4 + [deployment.encoder.encode(last.model_dump())])
    consumer = deployment.start("consumer", may_stop=True, POISON_MAX_COUNT="2")
    assert consumer.wait(60) == 1
    log = deployment.log("consumer")
    # How many of them count depends on how many came in one poll.
    assert re.search(rf"3 of [3-5] records of {NORMALIZED.name} could not be used within 60 s: wire_format \(3\)", log)
    assert f"at {deployment.topic}/0@0, {deployment.topic}/0@1, {deployment.topic}/0@2. Tolerated are 2" in log
    assert deployment.lag() >= 3

    # Whoever has looked at them lets them pass.
    deployment.start(POISON_MAX_COUNT="10")
    deployment.wait_for_rows(1)
    wait_for("all offsets", lambda: deployment.lag() == 0)
    assert len(letters_of(stack, deployment.topic, 4)) == 4


def test_a_registry_that_is_away_makes_no_record_poison(deployment: Deployment, stack: Mapping[str, str]) -> None:
    host, port = stack["SCHEMA_REGISTRY_URL"].removeprefix("http://").split("/")[0].split(":")
    passage = Passage((host, int(port)))
    passage.open()
    url = stack["SCHEMA_REGISTRY_URL"].replace(f"{host}:{port}", f"127.0.0.1:{passage.port}")
    deployment.start(SCHEMA_REGISTRY_URL=url)
    passage.close()
    # The consumer has not seen this schema yet.
    (event,) = events(1)
    text = schema(NORMALIZED.record, 1)
    with RegistryClient(stack["SCHEMA_REGISTRY_URL"]) as registry:
        encoder = AvroEncoder(text, registry.lookup(NORMALIZED.subject, 1, text).id)
    first = PAYMENT_EVENT_VERSIONS[1].model_validate(
        {name: value for name, value in event.model_dump().items() if name in PAYMENT_EVENT_VERSIONS[1].model_fields}
        | {"schema_version": 1}
    )
    produce(deployment, [encoder.encode(first.model_dump())])
    time.sleep(3)
    assert deployment.lag() == 1
    passage.open()
    deployment.wait_for_rows(1)
    passage.close()
    assert deployment.counts() == exactly_once([event])
    assert "dead_lettered" not in deployment.log()


async def client_of(stack: Mapping[str, str]) -> Client:
    where = {name.lower(): stack[name] for name in ("TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE")}
    return await connected_client(TemporalSettings.model_validate(where))


async def status_of(stack: Mapping[str, str], event_id: str) -> WorkflowExecutionStatus | None:
    """Return how the event's workflow stands; None if Temporal knows none."""
    try:
        return (await (await client_of(stack)).get_workflow_handle(event_id).describe()).status
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return None


async def forget(stack: Mapping[str, str], event_id: str) -> None:
    """Remove a workflow from Temporal, as its retention does."""
    client = await client_of(stack)
    await client.workflow_service.delete_workflow_execution(
        DeleteWorkflowExecutionRequest(
            namespace=client.namespace, workflow_execution=WorkflowExecution(workflow_id=event_id)
        )
    )


def test_what_a_provider_sends_again_after_temporals_retention_leaves_the_first_row(
    deployment: Deployment, stack: Mapping[str, str]
) -> None:
    """Stripe's command line sends events of the last thirty days again; each delivery is received at its own time."""
    received = datetime.now(UTC).replace(microsecond=0) - timedelta(days=20)
    made = received - timedelta(seconds=1)
    (first,) = events(1, provider_created_at=made, processed_at=received, received_at=received)
    process = deployment.start()
    deployment.produce([first])
    deployment.wait_for_rows(1)
    wait_for("its end", lambda: asyncio.run(status_of(stack, first.event_id)) is WorkflowExecutionStatus.COMPLETED)
    (row,) = deployment.rows()
    # The committer remembers the rows that it has written itself: a later process does not.
    process.kill()
    process.wait()
    asyncio.run(forget(stack, first.event_id))
    wait_for("Temporal to forget", lambda: asyncio.run(status_of(stack, first.event_id)) is None)

    now = datetime.now(UTC)
    again = first.model_copy(update={"processed_at": now, "received_at": now})
    deployment.start()
    deployment.produce([again])
    wait_for("its end", lambda: asyncio.run(status_of(stack, first.event_id)) is WorkflowExecutionStatus.COMPLETED)
    assert deployment.rows() == [row]
    with psycopg.connect(stack["POSTGRES_DSN"]) as connection:
        found = connection.execute(
            "SELECT processed_at, scored_at FROM payment_events WHERE event_id = %s", [first.event_id]
        ).fetchall()
    assert found == [(row["processed_at"], row["scored_at"])]


def test_what_a_person_sends_again_begins_anew_where_there_is_no_row_and_changes_nothing_where_there_is(
    deployment: Deployment, stack: Mapping[str, str]
) -> None:
    """This is what a redrive does for a workflow that ended without a row: the same record on the same topic."""
    done, terminated = events(2)
    consumer = deployment.start("consumer")
    deployment.produce([terminated])
    wait_for("the start", lambda: deployment.lag() == 0)

    async def terminate() -> None:
        await (await client_of(stack)).get_workflow_handle(terminated.event_id).terminate("test")

    asyncio.run(terminate())
    consumer.kill()
    consumer.wait()
    deployment.start()
    deployment.produce([done])
    deployment.wait_for_rows(1)
    assert deployment.counts() == exactly_once([done])
    assert asyncio.run(status_of(stack, terminated.event_id)) is WorkflowExecutionStatus.TERMINATED

    for _ in range(2):
        deployment.produce([done, terminated])
        deployment.wait_for_rows(2)
        wait_for("all offsets", lambda: deployment.lag() == 0)
    assert deployment.counts() == exactly_once([done, terminated])
