"""Temporal is put back to an old backup: the audit names what is lost by it, and its remedy brings that back."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from orchestrator.settings import ConsumerSettings
from payments_contracts.topics import NORMALIZED
from psycopg import sql
from stack.settings import Settings
from stack.supervision import Supervisor
from temporalio.client import Client

from tests.conftest import run_stack
from tests.e2e.test_recovery import ACCEPTED, World, is_known
from tests.integration.orchestration import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from operations.recovery.events import RawEvent
    from payments_contracts.examples import Example

pytestmark = [pytest.mark.e2e, pytest.mark.nightly, pytest.mark.timeout(1800)]
# Beside the stack of the other tests: theirs must not forget its workflows.
APART = 900
DATABASES = ("temporal", "temporal_visibility")


class Servers:
    """A stack of the test's own, parts of which fail."""

    def __init__(self, state: Path) -> None:
        offset = int(os.environ.get("PAYMENTS_TEST_PORT_OFFSET", "5000")) + APART
        self._changes = {"PAYMENTS_STATE_DIR": str(state), "PAYMENTS_PORT_OFFSET": str(offset)}
        self._supervisor = Supervisor(Settings(state_dir=state).places())
        self._secrets = state / "secrets.env"
        self.start()
        self.settings: dict[str, str] = json.loads(self.stack("env", "--format", "json"))

    def stack(self, *arguments: str) -> str:
        return run_stack(*arguments, **self._changes)

    def start(self) -> None:
        self.stack("up", "orchestrator", "normalizer-stripe", "archiver", "trino")

    def stop(self, name: str, *, killed: bool = False) -> None:
        """Stop a process, or have it end as a machine does that fails."""
        if killed:
            os.kill(self._supervisor.processes()[name].pid, signal.SIGKILL)
        self._supervisor.signal_stop(name)
        wait_for(f"the end of {name}", lambda: not self._supervisor.processes()[name].is_running)

    def administer(self, *statements: sql.Composed) -> None:
        (password,) = (
            line.partition("=")[2].strip("'\"")
            for line in self._secrets.read_text().splitlines()
            if line.startswith("POSTGRES_PASSWORD=")
        )
        target = psycopg.conninfo.make_conninfo(
            self.settings["POSTGRES_DSN"], user="postgres", password=password, dbname="postgres"
        )
        with psycopg.connect(target, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def back_up(self) -> None:
        """Copy Temporal's databases; nobody may be connected to them."""
        copy = sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER temporal")
        self.administer(*(copy.format(sql.Identifier(f"{name}_backup"), sql.Identifier(name)) for name in DATABASES))

    def restore(self) -> None:
        """Have the copies in the place of Temporal's databases."""
        for name in DATABASES:
            rename = sql.SQL("ALTER DATABASE {} RENAME TO {}").format(
                sql.Identifier(f"{name}_backup"), sql.Identifier(name)
            )
            drop = sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
            self.administer(drop, rename)

    def unread(self, events: list[RawEvent]) -> list[RawEvent]:
        """Return which of some events are normalized and after the offsets that the orchestrator has committed."""
        consumer = Consumer(
            {
                "bootstrap.servers": self.settings["KAFKA_BOOTSTRAP_SERVERS"],
                "group.id": ConsumerSettings.model_fields["consumer_group"].default,
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
            }
        )
        try:
            places = [TopicPartition(NORMALIZED.name, number) for number in range(NORMALIZED.partitions)]
            consumer.assign(consumer.committed(places, timeout=30))
            values, left = list[bytes](), len(places)
            while left:
                message = consumer.poll(30)
                assert message is not None
                error = message.error()
                if error is None:
                    values.append(message.value() or b"")
                elif error.code() == KafkaError._PARTITION_EOF:  # the library's own name for it
                    left -= 1
                else:
                    raise KafkaException(error)
            return [each for each in events if any(each.event_id.encode() in value for value in values)]
        finally:
            consumer.close()


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    made = Servers(tmp_path)
    yield made
    made.stack("down")


def new() -> Example:
    """Return a webhook of now: an event that is days old is looked for in Bronze before it is accepted."""
    body = json.loads(ACCEPTED.body)
    return replace(ACCEPTED, body=json.dumps(body | {"created": int(time.time())}).encode())


def test_the_audit_names_what_a_restored_backup_has_forgotten_and_it_comes_back_once(servers: Servers) -> None:
    world = World(servers.settings, f"restored_{uuid.uuid4().hex[:10]}")

    def received(count: int) -> list[RawEvent]:
        events = [world.raw(new()) for _ in range(count)]
        for event in events:
            world.write(event)
        return events

    def have_rows(events: list[RawEvent]) -> bool:
        return all(world.database_rows(each.event_id) for each in events)

    since = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"

    def differences() -> list[dict[str, Any]]:
        done = world.payments("audit", "--since", since, "--grace", "0", "--json")
        assert done.stdout, done.stderr
        found: list[dict[str, Any]] = json.loads(done.stdout)["differences"]
        return [each for each in found if each["hop"] != "silver"]

    before = received(3)
    wait_for("rows of before the backup", lambda: have_rows(before))
    servers.stop("temporal")
    servers.back_up()
    servers.start()
    written = received(3)
    wait_for("rows of after the backup", lambda: have_rows(written))

    # Some of these are accepted before the orchestrator knows that none can be written: of them Temporal alone knows.
    servers.stop("catalog")
    sent = received(12)
    wait_for("workflows", lambda: 0 < asyncio.run(known(servers, sent)) == len(sent) - len(servers.unread(sent)))
    servers.stop("orchestrator", killed=True)
    waiting = servers.unread(sent)
    lost = [each for each in sent if each not in waiting]
    assert lost
    servers.stop("temporal", killed=True)
    servers.restore()
    servers.start()
    after = waiting + received(3)
    wait_for("rows of after the restore", lambda: have_rows(after))
    names = {each.event_id for each in lost}

    # What waited for its reader at the look before is under way at this one.
    wait_for("the differences", lambda: {each["state"] for each in differences()} == {"open"})
    found = differences()
    assert {each["subject"] for each in found} == names
    assert {each["hop"] for each in found} == {"bronze"}
    assert not any(world.bronze_rows(each.event_id) for each in lost)

    remedies = [each["remedy"].split() for each in found]
    assert {tuple(word for word in each if word not in names) for each in remedies} == {
        ("payments", "replay", "--event", "--restart", "--execute")
    }
    said = replayed(world, lost, "--restart", "--wait", "120")
    assert f"{len(lost)} have their row now" in said

    # Temporal knows nothing of these any more, and of events of the last day nobody else is asked: the row of the
    # database stays the only one, and Silver takes one of two that Bronze may have.
    replayed(world, written, "--again", "--wait", "0")
    behind = received(1)
    every = before + lost + after + behind
    wait_for("all rows", lambda: have_rows(every) and not servers.unread(behind))
    wait_for("the end of all differences", lambda: differences() == [])
    rows = {each.event_id: world.bronze_rows(each.event_id) for each in every + written}
    assert {each.event_id for each in every if rows[each.event_id] != 1} == set()
    assert all(1 <= rows[each.event_id] <= 2 for each in written)
    assert all(world.database_rows(each.event_id) == 1 for each in every + written)


def replayed(world: World, events: list[RawEvent], *options: str) -> str:
    """Send some events again by hand, and return what is said of it."""
    named = [word for each in events for word in ("--event", each.event_id)]
    done = world.payments("replay", *named, *options, "--execute")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


async def known(servers: Servers, events: list[RawEvent]) -> int:
    """Count the events that Temporal has a workflow of."""
    client = await Client.connect(
        servers.settings["TEMPORAL_ADDRESS"], namespace=servers.settings["TEMPORAL_NAMESPACE"]
    )
    return sum([await is_known(client.get_workflow_handle(each.event_id)) for each in events])
