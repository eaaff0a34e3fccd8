"""Builds that must not go on, by Dagster's own daemons: rows that are due have not come, or a server hangs."""

from __future__ import annotations

import json
import os
import signal
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from confluent_kafka import Producer
from dagster_graphql import DagsterGraphQLClient
from kit.kafka import AvroEncoder, RegistryClient
from kit.settings import TrinoSettings
from operations.dagster import RunFailedError, launch, wait
from operations.warehouse import Warehouse
from payments_contracts.schemas import schema
from payments_contracts.tables import BRONZE_PAYMENT_EVENTS, SILVER_PAYMENTS_CLEANED
from payments_contracts.topics import NORMALIZED
from stack.settings import Settings
from stack.supervision import Supervisor

from tests.conftest import run_stack
from tests.e2e.collector import Lineage
from tests.integration.orchestration import events, wait_for
from tests.performance.chain.proc import Proc, children

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from payments_contracts.pins.orchestrator import PaymentEvent

pytestmark = [pytest.mark.e2e, pytest.mark.nightly, pytest.mark.timeout(1800)]
# Beside the stack of the other tests: no row may have come into Bronze yet.
APART = 600
# A build takes seconds; Dagster looks once a minute for runs that take too long.
LONGEST_SECONDS = 20
ENDED_SECONDS = 300.0
BUILT_SECONDS = 900.0


class World:
    """A stack of the tests' own, with Dagster and without an orchestrator at first."""

    def __init__(self, state: Path, lineage: Lineage) -> None:
        offset = int(os.environ.get("PAYMENTS_TEST_PORT_OFFSET", "5000")) + APART
        self._changes = {
            "PAYMENTS_STATE_DIR": str(state),
            "PAYMENTS_PORT_OFFSET": str(offset),
            "OPENLINEAGE_URL": lineage.url,
        }
        self.lineage = lineage
        # The archiver brings topics and schemas with it.
        self.stack("up", "dagster-daemon", "alertmanager", "archiver")
        self.settings: Mapping[str, str] = json.loads(self.stack("env", "--format", "json"))
        self.supervisor = Supervisor(Settings(state_dir=state).places())

    def stack(self, *arguments: str) -> str:
        return run_stack(*arguments, **self._changes)

    def produce(self, event: PaymentEvent, at: datetime) -> None:
        """Write a normalized event, as if at a moment."""
        text = schema(NORMALIZED.record, NORMALIZED.version)
        with RegistryClient(self.settings["SCHEMA_REGISTRY_URL"]) as registry:
            encoder = AvroEncoder(text, registry.lookup(NORMALIZED.subject, NORMALIZED.version, text).id)
        producer = Producer({"bootstrap.servers": self.settings["KAFKA_BOOTSTRAP_SERVERS"], "acks": "all"})
        value = encoder.encode(event.model_dump())
        producer.produce(NORMALIZED.name, value, event.merchant_id.encode(), timestamp=int(at.timestamp() * 1000))
        assert producer.flush(30) == 0

    def rows(self, table: str, event: PaymentEvent) -> int:
        at = {name.lower(): self.settings[name] for name in ("TRINO_HOST", "TRINO_PORT")}
        warehouse = Warehouse(TrinoSettings.model_validate(at).trino, "lake")
        return warehouse.count_events(table, [event.event_id])[event.event_id]

    def build(self) -> str:
        """Run the hourly job, and return its run's id once that has succeeded."""
        run = launch(self.settings["DAGSTER_URL"], "silver")
        wait(self.settings["DAGSTER_URL"], run, BUILT_SECONDS)
        return run

    def alerts(self) -> list[dict[str, Any]]:
        """Return the alerts that stand for failed runs of the job."""
        filters = {"filter": ['alertname="RunFailed"', 'dagster_job="silver"', 'job="dagster"']}
        url = f"{self.settings['ALERTMANAGER_URL']}/api/v2/alerts"
        found: list[dict[str, Any]] = httpx.get(url, params=filters, trust_env=False).json()
        return found

    def told(self, run: str) -> list[str]:
        """Return what lineage was told of a run: its start, and how it ended."""
        return [each["eventType"] for each in self.lineage.events if each["run"]["runId"] == run]

    def processes_of_runs(self) -> dict[int, str]:
        """Return the processes that the code server has started, runs and the dbt of each, with their commands."""
        proc, found, left = Proc(), dict[int, str](), [self.supervisor.processes()["dagster-code"].pid]
        offspring = children(proc.processes())
        while left:
            left += (mine := offspring.get(left.pop(), []))
            found |= {pid: proc.command(pid) for pid in mine}
        return found

    @contextmanager
    def hanging(self, name: str) -> Iterator[None]:
        """Have a server that takes connections and does not answer."""
        pid = self.supervisor.processes()[name].pid
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with closing(Lineage()) as lineage:
        made = World(tmp_path_factory.mktemp("s"), lineage)
        yield made
        made.stack("down")


# Dagster's client of its own interface calls that of gql in a way that gql no longer wants.
@pytest.mark.filterwarnings("ignore:Using variable_values and operation_name:DeprecationWarning")
def test_builds_wait_for_rows_that_are_due_and_end_where_a_server_hangs(world: World) -> None:
    first, second = events(2)
    dagster = world.settings["DAGSTER_URL"]

    # The record waits for longer than the contract lets Bronze age, since nobody writes its row.
    world.produce(first, datetime.now(UTC) - timedelta(hours=2))
    stale = launch(dagster, "silver")
    with pytest.raises(RunFailedError, match=r"Nothing was built\..*is stale: no row came at all, and 1 records"):
        wait(dagster, stale, BUILT_SECONDS)
    wait_for("the alert", lambda: len(world.alerts()) == 1)

    world.stack("up", "orchestrator")
    wait_for("the row in Bronze", lambda: world.rows(BRONZE_PAYMENT_EVENTS.identifier, first) == 1)
    built = world.build()
    assert world.rows(SILVER_PAYMENTS_CLEANED, first) == 1
    wait_for("the end of the alert", lambda: world.alerts() == [])

    world.produce(second, datetime.now(UTC))
    wait_for("the second row in Bronze", lambda: world.rows(BRONZE_PAYMENT_EVENTS.identifier, second) == 1)
    client = DagsterGraphQLClient("127.0.0.1", port_number=httpx.URL(dagster).port)
    # What the code server keeps from one run to the next.
    kept = world.processes_of_runs().keys()
    with world.hanging("trino"):
        hung = client.submit_job_execution("silver", tags={"dagster/max_runtime": str(LONGEST_SECONDS)})
        wait_for("dbt", lambda: any(" build " in command for command in world.processes_of_runs().values()))
        begun = world.processes_of_runs().keys() - kept
        with pytest.raises(RunFailedError, match=r"[Ee]xceeded maximum runtime"):
            wait(dagster, hung, ENDED_SECONDS)
        # Not one that would go on writing once the server answers again.
        wait_for("the end of its processes", lambda: not begun & Proc().processes().keys(), 120)
    wait_for("the second alert", lambda: len(world.alerts()) == 1)

    caught_up = world.build()
    assert [world.rows(SILVER_PAYMENTS_CLEANED, each) for each in (first, second)] == [1, 1]
    wait_for("the end of the second alert", lambda: world.alerts() == [])

    wait_for("lineage of the last run", lambda: len(world.told(caught_up)) == 2)
    assert world.lineage.paths == {"/api/v1/lineage"}
    assert {run: world.told(run) for run in (stale, built, hung, caught_up)} == {
        stale: ["START", "FAIL"],
        built: ["START", "COMPLETE"],
        hung: ["START", "FAIL"],
        caught_up: ["START", "COMPLETE"],
    }
    (ended,) = (
        each for each in world.lineage.events if (each["run"]["runId"], each["eventType"]) == (built, "COMPLETE")
    )
    assert "lake.bronze.payment_events" in {each["name"] for each in ended["inputs"]}
    assert {"lake.silver.payments_cleaned", "lake.silver.payments"} <= {each["name"] for each in ended["outputs"]}
