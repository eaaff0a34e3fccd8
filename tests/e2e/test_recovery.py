"""What the pipeline could not use comes back by `payments quarantine` and `payments replay`, on the whole stack."""

import asyncio
import json
import os
import subprocess
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pyarrow as pa
import pytest
from confluent_kafka import Producer
from kit.kafka import AvroEncoder, RegistryClient
from kit.lake import load_catalog
from kit.settings import LakeSettings, TrinoSettings
from operations.operational import OperationalDatabase
from operations.recovery.events import Position, RawEvent
from operations.recovery.sending import Sender
from operations.warehouse import Warehouse
from payments_contracts.examples import EXAMPLES, Example
from payments_contracts.pins.operations import ProviderEvent, ValidationFailure
from payments_contracts.schemas import schema
from payments_contracts.tables import BRONZE_PAYMENT_EVENTS, BRONZE_PROVIDER_EVENTS
from payments_contracts.topics import NORMALIZED, STRIPE_RAW, VALIDATION_DLQ
from pydantic import SecretStr
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from tests.conftest import ROOT, run_stack
from tests.integration.orchestration import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]
OLD = timedelta(hours=1)


def example(kind: str, **about: object) -> Example:
    return next(
        each
        for each in EXAMPLES
        if each.provider == "stripe" and each.kind == kind and all(getattr(each, k) == v for k, v in about.items())
    )


ACCEPTED = next(each for each in EXAMPLES if each.kind == "accepted" and each.event_type == "payment_intent.succeeded")
REJECTED = example("rejected")
UNSUPPORTED = example("unsupported")


@dataclass
class World:
    """The running pipeline, and a merchant of one test alone."""

    stack: Mapping[str, str]
    merchant: str

    def payments(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(ROOT / ".venv" / "bin" / "payments"), *command],
            env=os.environ | self.stack | {"COLUMNS": "200"},
            capture_output=True,
            text=True,
            check=False,
        )

    def listed(self, *command: str) -> dict[str, Any]:
        """Return the only quarantined event that is listed."""
        done = self.payments("quarantine", "list", *command, "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        (event,) = json.loads(done.stdout)["events"]
        found: dict[str, Any] = event
        return found

    def raw(self, made_of: Example) -> RawEvent:
        """Make an event that was received an hour ago, as the gateway would have."""
        record = ProviderEvent(
            event_id=str(uuid.uuid4()),
            provider="stripe",
            provider_event_id=f"evt_{uuid.uuid4().hex}",
            provider_event_type=made_of.event_type or "",
            merchant_id=self.merchant,
            payload=made_of.body,
            received_at=datetime.now(UTC) - OLD,
            schema_version=STRIPE_RAW.version,
            headers={"stripe-signature": "t=1,v1=00"},
            livemode=False,
        )
        return RawEvent(record, "topic", None)

    def write(self, event: RawEvent) -> Position:
        with RegistryClient(self.stack["SCHEMA_REGISTRY_URL"]) as registry:
            sender = Sender(self.stack["KAFKA_BOOTSTRAP_SERVERS"], registry)
            return sender.send([event], "test").written[event.event_id]

    def quarantine(self, event: RawEvent, source: Position, code: str = "amount_missing") -> None:
        """Write a dead letter as a contract of before would have."""
        text = schema(VALIDATION_DLQ.record, VALIDATION_DLQ.version)
        with RegistryClient(self.stack["SCHEMA_REGISTRY_URL"]) as registry:
            schema_id = registry.lookup(VALIDATION_DLQ.subject, VALIDATION_DLQ.version, text).id
        shared = {name: value for name, value in event.record if name in ValidationFailure.model_fields}
        record = ValidationFailure.model_validate(
            shared
            | {
                "reason_codes": [code],
                "reasons": [f"amount_cents: {code}"],
                "source_topic": source.topic,
                "source_partition": source.partition,
                "source_offset": source.offset,
                "failed_at": event.received_at,
            }
        )
        value = AvroEncoder(text, schema_id).encode(record.model_dump())
        producer = Producer({"bootstrap.servers": self.stack["KAFKA_BOOTSTRAP_SERVERS"]})
        producer.produce(VALIDATION_DLQ.name, value, event.event_id.encode())
        assert producer.flush(30) == 0

    def archive(self, event: RawEvent, place: Position) -> None:
        """Append the event to the raw archive, as the archiver would have."""
        settings = LakeSettings.model_validate({name.lower(): value for name, value in self.stack.items()})
        table = load_catalog(settings).load_table(BRONZE_PROVIDER_EVENTS.identifier)
        row = event.record.model_dump() | {
            "kafka_topic": place.topic,
            "kafka_partition": place.partition,
            "kafka_offset": place.offset,
            "kafka_timestamp": event.received_at,
        }
        table.append(pa.Table.from_pylist([row], schema=table.schema().as_arrow()))

    def database_rows(self, event_id: str) -> int:
        return len(OperationalDatabase(SecretStr(self.stack["POSTGRES_DSN"])).present([event_id]))

    def bronze_rows(self, event_id: str) -> int:
        where = TrinoSettings(trino_host=self.stack["TRINO_HOST"], trino_port=int(self.stack["TRINO_PORT"]))
        warehouse = Warehouse(where.trino, "lake")
        return warehouse.count_events(BRONZE_PAYMENT_EVENTS.identifier, [event_id])[event_id]

    def on_record(self, event_id: str) -> list[tuple[str, str]]:
        with psycopg.connect(self.stack["POSTGRES_DSN"]) as connection:
            question = "SELECT command, outcome FROM recovery_actions WHERE event_id = %s ORDER BY acted_at"
            return list(connection.execute(question, [event_id]))


@pytest.fixture
def world(stack: Mapping[str, str]) -> World:
    run_stack("up")
    return World(stack, f"recovered_{uuid.uuid4().hex[:10]}")


def test_a_quarantined_event_comes_back_from_the_archive_once_its_contract_takes_it(world: World) -> None:
    event = world.raw(ACCEPTED)
    gone = Position(STRIPE_RAW.name, 0, 10**12)
    world.archive(event, gone)
    world.quarantine(event, gone)
    mine = ("--merchant", world.merchant)

    listed = world.listed(*mine)
    assert (listed["event_id"], listed["state"], listed["reason_codes"]) == (event.event_id, "open", ["amount_missing"])
    tried = world.payments("quarantine", "try", *mine)
    assert "of 1 quarantined 1 would pass now" in tried.stdout, tried.stdout + tried.stderr

    planned = world.payments("quarantine", "redrive", *mine)
    assert planned.returncode == 0, planned.stderr
    assert "would send 1 of 1 event again" in planned.stdout
    assert "1 from the archive" in planned.stdout
    assert world.on_record(event.event_id) == []

    done = world.payments("quarantine", "redrive", *mine, "--execute", "--as", "somebody", "--wait", "90")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 have their row now" in done.stdout
    assert world.on_record(event.event_id) == [("redrive", "sent")]
    assert world.payments("quarantine", "list", *mine).returncode == 1
    shown = world.payments("quarantine", "show", event.event_id)
    assert "redrive by somebody: sent" in shown.stdout
    assert "state        passed" in shown.stdout
    assert "v1=00" not in shown.stdout
    assert "stripe-signature" in shown.stdout

    wait_for("the row in Bronze", lambda: world.bronze_rows(event.event_id) == 1)
    repeated = world.payments("replay", *mine, "--again", "--execute", "--wait", "90")
    assert repeated.returncode == 0, repeated.stdout + repeated.stderr
    assert "1 sent again" in repeated.stdout
    # Another event behind it, by the same way: once that is there, the repeated one has been looked at.
    behind = world.raw(ACCEPTED)
    world.write(behind)
    wait_for("the row of the event behind it", lambda: world.bronze_rows(behind.event_id) == 1)
    assert (world.bronze_rows(event.event_id), world.database_rows(event.event_id)) == (1, 1)


def test_what_still_fails_says_why_and_stays_until_a_person_closes_it(world: World) -> None:
    event = world.raw(REJECTED)
    world.write(event)
    mine = ("--event", event.event_id)
    wait_for("the dead letter", lambda: world.payments("quarantine", "list", *mine).returncode == 0)

    refused = world.payments("quarantine", "redrive", *mine, "--execute")
    assert refused.returncode == 1
    assert f"{event.event_id} still fails, and stays: " in refused.stdout, refused.stdout + refused.stderr
    assert world.on_record(event.event_id) == [("redrive", "still_fails")]

    forced = world.payments("quarantine", "redrive", *mine, "--execute", "--force", "--wait", "60")
    assert forced.returncode == 1
    assert "1 failed again" in forced.stdout, forced.stdout + forced.stderr
    listed = world.listed(*mine)
    assert (listed["state"], listed["times"]) == ("open", 2)

    closed = world.payments("quarantine", "close", *mine, "--reason-final", "a test of the provider", "--execute")
    assert closed.returncode == 0, closed.stderr
    nothing = world.payments("quarantine", "redrive", *mine, "--execute")
    assert nothing.returncode == 1
    assert "1 closed" in nothing.stderr
    assert "a test of the provider" in world.payments("quarantine", "show", event.event_id).stdout


async def end_before_it_begins(world: World, event: RawEvent, *, forget: bool = False) -> None:
    """Have the orchestrator find an event's workflow under way, and pass the event by; then end it without a row.

    With `forget`, Temporal knows nothing of it afterwards, as where its database was restored from before.
    """
    client = await Client.connect(world.stack["TEMPORAL_ADDRESS"], namespace=world.stack["TEMPORAL_NAMESPACE"])
    handle = await client.start_workflow("Nobody", id=event.event_id, task_queue="nobody")
    behind = world.raw(ACCEPTED)
    world.write(event)
    world.write(behind)
    # The same key, and so the same partition: the one before it was found to be under way.
    await asyncio.to_thread(wait_for, "the next one's row", lambda: world.database_rows(behind.event_id) == 1)
    await handle.terminate("a test")
    if forget:
        deletion = DeleteWorkflowExecutionRequest(
            namespace=client.namespace, workflow_execution=WorkflowExecution(workflow_id=event.event_id)
        )
        await client.workflow_service.delete_workflow_execution(deletion)
        # Temporal deletes no workflow whose end its transfer queue may still hold, which it knows 34.5 s after the end
        # at the latest (history.transferProcessorUpdateAckInterval and its jitter); it looks after 3, 7.5, 14, 24, 40
        # and 62 s.
        for _ in range(450):
            if not await is_known(handle):
                return
            await asyncio.sleep(0.2)
        raise AssertionError("Temporal still knows the workflow")


async def is_known(handle: WorkflowHandle[Any, Any]) -> bool:
    """Tell whether Temporal has a workflow."""
    try:
        await handle.describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise
    return True


def test_an_event_whose_workflow_was_terminated_gets_its_row(world: World) -> None:
    event = world.raw(ACCEPTED)
    asyncio.run(end_before_it_begins(world, event))
    assert world.database_rows(event.event_id) == 0
    mine = ("--workflows", "terminated", "--event", event.event_id)
    # Visibility follows within a moment.
    wait_for("the workflow that ended", lambda: "1 would pass now" in world.payments("replay", *mine).stdout)
    done = world.payments("replay", *mine, "--execute", "--wait", "90")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 have their row now" in done.stdout
    assert "1 left out: with a row" in world.payments("replay", *mine).stdout


def test_the_audit_finds_what_a_restored_temporal_has_forgotten_and_its_remedy_brings_it_back(world: World) -> None:
    event = world.raw(ACCEPTED)
    since = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    asyncio.run(end_before_it_begins(world, event, forget=True))

    def audited() -> dict[str, str] | None:
        done = world.payments("audit", "--since", since, "--grace", "0", "--silver-grace", "0", "--json")
        assert done.stdout, done.stderr
        told = json.loads(done.stdout)
        return next((each for each in told["differences"] if each["subject"] == event.event_id), None)

    # What waited for its reader at the look before is under way at this one.
    wait_for("the difference", lambda: (audited() or {}).get("state") == "open")
    found = audited()
    assert found is not None
    assert found["hop"] == "bronze"
    command = found["remedy"].split()
    assert command[0] == "payments"
    done = world.payments(*command[1:], "--wait", "90")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 have their row now" in done.stdout
    wait_for("the row in Bronze", lambda: world.bronze_rows(event.event_id) == 1)
    left = audited()
    assert left is None or left["hop"] == "silver", "only Silver's next build is left"


def test_unsupported_events_are_counted_with_what_would_pass(world: World) -> None:
    event, other = world.raw(UNSUPPORTED), world.raw(ACCEPTED)
    world.write(event)
    world.write(other)
    wait_for("the row in the database", lambda: world.database_rows(other.event_id) == 1)
    told = world.payments("replay", "--unsupported", "--merchant", world.merchant, "--since", "2h", "--dry-run")
    assert told.returncode == 0, told.stderr
    assert "1 left out: with a row" in told.stdout
    assert "of 1 unsupported 0 would pass now" in told.stdout
    assert f"1 have no mapping: {event.event_type}" in told.stdout


def test_a_row_that_the_database_refused_is_written_by_its_workflow_again(world: World) -> None:
    event = world.raw(ACCEPTED)
    world.write(event)
    wait_for("the row in the database", lambda: world.database_rows(event.event_id) == 1)
    # As the database would have left it, had it refused the row: the workflow is over, its dead letter is written.
    with psycopg.connect(world.stack["POSTGRES_DSN"]) as connection:
        connection.execute("DELETE FROM payment_events WHERE event_id = %s", [event.event_id])
    world.quarantine(event, Position(NORMALIZED.name, 0, 0), "database_row_rejected")
    done = world.payments("quarantine", "redrive", "--event", event.event_id, "--execute", "--wait", "90")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 have their row now" in done.stdout
    assert world.on_record(event.event_id) == [("redrive", "restarted")]
    # And once more, as after a row that was lost without a dead letter.
    with psycopg.connect(world.stack["POSTGRES_DSN"]) as connection:
        connection.execute("DELETE FROM payment_events WHERE event_id = %s", [event.event_id])
    again = ("--event", event.event_id, "--restart", "--again", "--execute", "--wait", "90")
    lost = world.payments("replay", *again)
    assert "1 have their row now" in lost.stdout, lost.stdout + lost.stderr
    assert (world.bronze_rows(event.event_id), world.database_rows(event.event_id)) == (1, 1)


def test_a_filter_that_matches_nothing_says_so(world: World) -> None:
    for command in (("quarantine", "redrive"), ("replay",)):
        done = world.payments(*command, "--merchant", world.merchant)
        assert done.returncode == 1
        assert f"nothing matches: merchant {world.merchant}" in done.stderr
