"""The audit on real topics, a real lake and a real database: what is dropped at a hop is found there, and followed."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path as File

import psycopg
import pytest
from analytics.audit import build_audit_check
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]  # it exports them late
from dagster import AssetKey, AssetSelection, AssetSpec, DagsterInstance, Definitions, define_asset_job
from operations.audit.balance import Progress, deleted_unread
from operations.audit.database import open_database
from operations.audit.hops import Window, floor_hour
from operations.audit.topics import Topics
from operations.database import apply_database
from payments_contracts.database import TABLES
from payments_contracts.tables import BRONZE_PAYMENT_EVENTS, BRONZE_QUARANTINE
from payments_contracts.topics import NORMALIZED, STRIPE_RAW
from pydantic import SecretStr
from pyiceberg.table import Table

from tests.integration.analytics import Dbt, Query, append
from tests.integration.auditing import Path, states
from tests.integration.operational import dsn

__all__ = ["dsn"]

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]


@pytest.fixture
def path(environment: Mapping[str, str], bronze: Table, dsn: SecretStr) -> Iterator[Path]:
    list(apply_database(dsn, TABLES))
    path = Path(environment, bronze, dsn)
    yield path
    path.close()


def test_an_event_that_is_dropped_by_hand_is_found_at_its_hop_and_followed_until_it_is_back(
    path: Path, dbt: Dbt, query: Query, dsn: SecretStr
) -> None:
    events = {
        name: path.event()
        for name in (
            *("whole", "unsupported", "quarantined", "dead_lettered", "twice"),
            *("not_normalized", "no_workflow", "no_bronze", "no_row", "no_silver", "other_amount"),
        )
    }
    raw_only = {"unsupported", "quarantined", "not_normalized"}
    for name, event in events.items():
        path.raw(event, "unsupported" if name == "unsupported" else "accepted")
        if name not in raw_only:
            path.normalized(event)
    path.dead_letter(events["quarantined"], STRIPE_RAW)
    path.dead_letter(events["dead_lettered"], NORMALIZED)
    # Sent again an hour ago by the provider, and processed then.
    path.normalized(events["twice"].model_copy(update={"processed_at": path.began - timedelta(hours=1)}))
    complete = [event for name, event in events.items() if name not in raw_only | {"dead_lettered", "no_workflow"}]
    path.rows([each for each in complete if each is not events["no_silver"]])
    dbt("run", "--select", "+payments_cleaned")
    path.rows([events["no_silver"]])
    query(f"delete from bronze.payment_events where event_id = '{events['no_bronze'].event_id}'")  # noqa: S608  # ours
    path.database([each for each in complete if each not in (events["no_row"], events["other_amount"])])
    path.database([events["other_amount"].model_copy(update={"amount_cents": 1})])

    waiting = path.look(age=timedelta())
    assert {hop for hop, _ in states(waiting, events)} == {"database", "silver"}, "nobody has read the topics yet"
    assert waiting.unread[STRIPE_RAW.name] >= len(events)

    path.pass_by()
    dropped = {
        ("normalization", "not_normalized"),
        ("bronze", "no_workflow"),
        ("bronze", "no_bronze"),
        ("database", "no_row"),
        ("database", "other_amount"),
        ("silver", "no_silver"),
    }
    # Told of the database at first, since nobody had come past the event itself.
    moved = {("database", "no_bronze"): "resolved"}
    assert states(path.look(age=timedelta()), events) == dict.fromkeys(dropped, "pending") | moved
    found = path.look()
    assert states(found, events) == dict.fromkeys(dropped, "open")
    assert found.run.outcome == "differences"
    money = events["no_silver"]
    bronze, silver = (found.run.sums[f"{place}.{money.currency}"] for place in ("bronze", "silver"))
    assert bronze - silver == money.amount_cents
    told = command(path, "--since", f"{path.began:%Y-%m-%dT%H:%M:%S}", "--grace", "0", "--silver-grace", "0", code=1)
    remedies = {each["subject"]: each["remedy"] for each in told["differences"]}
    no_workflow = events["no_workflow"].event_id
    assert remedies[no_workflow] == f"payments replay --event {no_workflow} --restart --execute"

    path.normalized(events["not_normalized"])
    path.rows([events[name] for name in ("not_normalized", "no_workflow", "no_bronze")])
    path.database([events[name] for name in ("not_normalized", "no_workflow", "no_row")])
    dbt("run", "--select", "payments_cleaned")
    with psycopg.connect(dsn.get_secret_value(), autocommit=True) as connection:
        amount = events["other_amount"].amount_cents
        connection.execute("UPDATE payment_events SET amount_cents = %s WHERE amount_cents = 1", [amount])
    nothing = Window(found.run.until, found.run.until)
    mended = path.look(window=nothing)
    assert set(states(mended, events).values()) == {"resolved"}
    with open_database(dsn) as database:
        assert not [each for each in database.followed() if each.subject in {event.event_id for event in complete}]


def test_what_came_after_its_time_is_looked_for_behind_too(path: Path) -> None:
    late = {"late": path.event()}
    path.raw(late["late"])
    path.pass_by()
    path.look(age=timedelta())
    assert states(path.look(), late) == {("normalization", "late"): "open"}
    path.normalized(late["late"])
    path.pass_by()
    now = Window(datetime.now(UTC), datetime.now(UTC))
    assert states(path.look(window=now), late) == {
        ("normalization", "late"): "resolved",
        ("bronze", "late"): "pending",
    }, "it waited at the look before, and may have been read just now"
    assert states(path.look(window=now), late) == {("bronze", "late"): "open"}


def test_what_a_gateway_refused_is_missed_while_the_archive_lacks_it(path: Path, bronze: Table, query: Query) -> None:
    archive = bronze.catalog.load_table(BRONZE_QUARANTINE.identifier)
    (kept, _), (gone, row) = letters = [path.refused(path.event()) for _ in range(2)]
    append(archive, [each for _, each in letters])
    assert "quarantine_archive" not in path.look().compared, "nobody has archived a dead letter yet"
    path.archive_by()
    found = path.look()
    assert "quarantine_archive" in found.compared
    assert not {kept, gone} & {each.subject for each in found.differences}

    partition, offset = row["kafka_partition"], row["kafka_offset"]
    query(
        f"delete from {BRONZE_QUARANTINE.identifier} where source = 'ingestion' "  # noqa: S608  # ours
        f"and kafka_partition = {partition} and kafka_offset = {offset}"
    )
    # As an erasure does: PyIceberg cannot read past each kind of file by which Trino tells what is deleted.
    query(f"alter table {BRONZE_QUARANTINE.identifier} execute optimize(file_size_threshold => '1kB')")
    missed = {each.subject: (each.hop, each.state) for each in path.look().differences}
    assert missed[gone] == ("quarantine_archive", "open")
    assert kept not in missed

    append(archive, [row])
    assert {each.subject: each.state for each in path.look().differences}[gone] == "resolved"


def test_a_topic_that_is_cut_under_a_reader_is_named_with_its_offsets(stack: Mapping[str, str]) -> None:
    name, group = f"audit-test-{uuid.uuid4().hex[:8]}", f"audit-test-{uuid.uuid4().hex[:8]}"
    servers: dict[str, str | int | float | bool] = {"bootstrap.servers": stack["KAFKA_BOOTSTRAP_SERVERS"]}
    admin, producer = AdminClient(servers), Producer(servers)
    admin.create_topics([NewTopic(name, 1, 1)])[name].result()
    for _ in range(8):
        producer.produce(name, b"x")
    producer.flush(30)
    consumer = Consumer(servers | {"group.id": group})

    def commit(offset: int) -> None:
        consumer.commit(offsets=[TopicPartition(name, 0, offset)], asynchronous=False)

    def found(before: Mapping[str, int]) -> list[str]:
        progress = Progress(group, name, topics.bounds(name), topics.committed(group, name))
        return [each.subject for each in deleted_unread(progress, before, datetime.now(UTC))]

    topics = Topics(stack["KAFKA_BOOTSTRAP_SERVERS"])
    commit(3)
    assert found({}) == []
    for deleted in admin.delete_records([TopicPartition(name, 0, 6)]).values():
        deleted.result()
    assert found({}) == [f"{name}/0@3"]
    commit(8)
    assert found({f"{group}:{name}/0": 3}) == [f"{name}/0@3"], "it went on behind the gap"
    assert found({f"{group}:{name}/0": 6}) == []
    commit(9)
    assert found({}) == [f"{name}/0@8"], "it has read what is no longer there"
    topics.close()
    consumer.close()
    admin.delete_topics([name])[name].result()


def test_full_hours_are_looked_at_once_and_a_difference_can_be_judged_final(path: Path, dsn: SecretStr) -> None:
    lost = path.event()
    path.raw(lost)
    path.pass_by()
    path.look(age=timedelta())
    path.look()
    first = command(path)
    assert [run["until"] for run in first["runs"]] == [iso(floor_hour(datetime.now(UTC) - timedelta(minutes=15)))]
    again = command(path)
    assert [run["since"] for run in again["runs"]] == [run["until"] for run in again["runs"]], "no hour is over since"
    assert lost.event_id in json.dumps(again["differences"])

    judged = payments(path, "audit", "accept", lost.event_id, "--note", "a test")
    assert judged.returncode == 0, judged.stderr
    assert lost.event_id not in json.dumps(command(path)["differences"])
    assert lost.event_id not in {each.subject for each in path.look().differences}
    assert payments(path, "audit", "accept", lost.event_id, "--note", "a test").returncode == 1


def test_dagster_s_check_runs_the_command_and_names_the_difference(path: Path) -> None:
    lost = path.event()
    path.raw(lost)
    path.pass_by()
    # As if what has just come had been under way for long.
    later = ("--since", f"{path.began:%Y-%m-%dT%H:%M:%S}", "--grace", "0", "--silver-grace", "0")

    def run(arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*arguments, *later], env=path.variables, capture_output=True, text=True, check=False)

    program = str(File(sys.executable).with_name("payments"))
    check = build_audit_check(program, run)
    bronze = AssetSpec(AssetKey(BRONZE_PAYMENT_EVENTS.identifier.split(".")))
    with DagsterInstance.ephemeral() as dagster:
        job = define_asset_job("audit", AssetSelection.checks(check))
        definitions = Definitions(assets=[bronze], asset_checks=[check], jobs=[job])
        done = definitions.resolve_job_def("audit").execute_in_process(instance=dagster)
        (found,) = done.get_asset_check_evaluations()
    assert not found.passed
    assert f"normalization `{lost.event_id}`" in str(found.metadata["differences"].value)
    told = payments(path, "audit", "accept", lost.event_id, "--note", "a test")
    assert told.returncode == 0, told.stderr


def test_a_server_that_is_away_is_no_difference(path: Path) -> None:
    away = payments(path, "audit", TRINO_PORT="1")
    assert away.returncode == os.EX_UNAVAILABLE
    assert "Trino" in away.stderr


def payments(path: Path, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    program = str(File(sys.executable).with_name("payments"))
    return subprocess.run(
        [program, *arguments], env={**path.variables, **changes}, capture_output=True, text=True, check=False
    )


def command(path: Path, *arguments: str, code: int | None = None) -> dict[str, list[dict[str, str]]]:
    done = payments(path, "audit", "--json", *arguments)
    assert done.returncode in ({0, 1} if code is None else {code}), done.stdout + done.stderr
    told: dict[str, list[dict[str, str]]] = json.loads(done.stdout)
    return told


def iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
