"""What `payments watch` asks, and what it shows of the answers."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any, Self, cast

import httpx
import pytest
from operations.errors import UnavailableError
from operations.watch import questions
from operations.watch.command import WatchSettings
from operations.watch.look import Watch
from operations.watch.questions import Lags, Layers, WorkflowCounts, ask_audit, ask_dagster, ask_trino, look_at_disks
from operations.watch.values import CHANGED, ENDS, LAG, PART_UP, WORKFLOWS, Gauges, Value
from prometheus_client import CollectorRegistry, generate_latest
from pydantic import SecretStr, ValidationError
from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.table.snapshots import Operation, Snapshot, Summary

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def client(answer: Callable[[httpx.Request], httpx.Response]) -> httpx.Client:
    return httpx.Client(base_url="http://part", transport=httpx.MockTransport(answer))


def away() -> list[Value]:
    raise UnavailableError("gone")


def shown(gauges: Gauges) -> str:
    registry = CollectorRegistry()
    registry.register(gauges)
    return generate_latest(registry).decode()


def test_a_part_that_is_away_is_shown_as_such_and_the_others_with_what_they_say() -> None:
    gauges = Gauges()
    lag = Value(LAG, ("orchestrator", "a"), 7)
    Watch({"kafka": lambda: [lag], "trino": away}, {}, gauges).look()
    text = shown(gauges)
    assert f'{PART_UP}{{part="kafka"}} 1.0' in text
    assert f'{PART_UP}{{part="trino"}} 0.0' in text
    assert f'{LAG}{{group="orchestrator",topic="a"}} 7.0' in text


def test_what_a_part_said_before_it_went_away_is_not_shown_any_more() -> None:
    answers = [[Value(LAG, ("g", "t"), 7)]]
    gauges = Gauges()
    watch = Watch({"kafka": lambda: answers.pop() if answers else away()}, {}, gauges)
    watch.look()
    assert f"{LAG}{{" in shown(gauges)
    watch.look()
    assert f"{LAG}{{" not in shown(gauges)


def test_a_defect_of_one_question_does_not_end_the_others() -> None:
    def defect() -> list[Value]:
        raise ZeroDivisionError

    gauges = Gauges()
    Watch({"catalog": defect, "trino": list}, {}, gauges).look()
    assert f'{PART_UP}{{part="catalog"}} 0.0' in shown(gauges)
    assert f'{PART_UP}{{part="trino"}} 1.0' in shown(gauges)


def test_a_part_that_hangs_is_away_after_its_time() -> None:
    hanging = Event()
    gauges = Gauges()

    def hang() -> list[Value]:
        hanging.wait(30)
        return []

    Watch({"kafka": hang, "trino": list}, {}, gauges, seconds=0.05).look()
    hanging.set()
    assert f'{PART_UP}{{part="kafka"}} 0.0' in shown(gauges)
    assert f'{PART_UP}{{part="trino"}} 1.0' in shown(gauges)


def lags(bounds: Mapping[int, tuple[int, int]], committed: Mapping[int, int]) -> list[Value]:
    places = [
        SimpleNamespace(topic="t", partition=number, offset=committed.get(number, -1001), error=None)
        for number in bounds
    ]
    made = Lags.__new__(Lags)
    made._topics = {"g": ["t"]}
    made._stretches = cast("Any", SimpleNamespace(bounds=lambda _: bounds, partitions=lambda _: places))
    made._consumers = {"g": cast("Any", SimpleNamespace(committed=lambda asked, timeout: asked))}
    end, *rest = made.ask()
    assert end == Value(ENDS, ("t",), sum(end for _, end in bounds.values()))
    return rest


def test_the_lag_is_what_lies_between_the_committed_offsets_and_the_ends() -> None:
    assert lags({0: (0, 10), 1: (5, 25)}, {0: 4, 1: 25}) == [Value(LAG, ("g", "t"), 6)]


def test_a_partition_that_was_never_read_counts_with_all_that_is_there() -> None:
    assert lags({0: (40, 100)}, {}) == [Value(LAG, ("g", "t"), 60)]


def test_what_was_deleted_before_it_was_read_does_not_count_as_lag() -> None:
    assert lags({0: (40, 100)}, {0: 10}) == [Value(LAG, ("g", "t"), 60)]


def snapshot(seconds: int, operation: Operation) -> Snapshot:
    return Snapshot(snapshot_id=seconds, timestamp_ms=seconds * 1000, manifest_list="", summary=Summary(operation))


def catalog(tables: Mapping[tuple[str, str], list[Snapshot]]) -> Catalog:
    def load_table(name: tuple[str, str]) -> Any:
        if name not in tables:
            raise NoSuchTableError
        return SimpleNamespace(metadata=SimpleNamespace(snapshots=tables[name]))

    return cast("Catalog", SimpleNamespace(load_table=load_table))


@pytest.mark.parametrize(
    ("snapshots", "changed"),
    [
        (
            [
                snapshot(1, Operation.APPEND),
                snapshot(2, Operation.OVERWRITE),
                snapshot(3, Operation.REPLACE),
                snapshot(4, Operation.DELETE),
            ],
            2,
        ),
        ([snapshot(5, Operation.REPLACE), snapshot(7, Operation.REPLACE)], 5),
    ],
    ids=["a compaction and a deletion after the last rows", "all that brought rows is expired"],
)
def test_a_layer_changes_when_rows_come_and_not_when_files_are_merged(
    snapshots: list[Snapshot], changed: float
) -> None:
    tables = {"bronze": ("b", "t"), "silver": ("s", "absent"), "gold": ("g", "empty")}
    layers = Layers(lambda: catalog({("b", "t"): snapshots, ("g", "empty"): []}), tables)
    assert layers.ask() == [Value(CHANGED, ("bronze",), changed)]


def test_a_catalog_that_fails_is_away() -> None:
    def load_table(_: object) -> None:
        raise OSError

    layers = Layers(lambda: cast("Catalog", SimpleNamespace(load_table=load_table)), {"bronze": ("b", "t")})
    with pytest.raises(UnavailableError, match=r"b\.t cannot be read now"):
        layers.ask()


def test_workflows_are_counted_by_state_in_temporals_own_words() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/api/v1/namespaces/payments/workflow-count"
        asked.append(request.url.params["query"])
        return httpx.Response(200, json={"count": str(len(asked))} if len(asked) > 1 else {})

    counts = WorkflowCounts("http://temporal/", "payments", lambda: NOW, transport=httpx.MockTransport(answer))
    assert counts.ask() == [
        Value(WORKFLOWS, ("running",), 0),
        Value(WORKFLOWS, ("stuck",), 2),
        Value(WORKFLOWS, ("lost",), 3),
    ]
    assert asked[1] == "ExecutionStatus = 'Running' AND StartTime < '2026-03-01T11:50:00+00:00'"
    assert asked[2].endswith("AND CloseTime > '2026-03-01T11:00:00+00:00'")


def test_trino_is_away_until_it_has_started() -> None:
    assert ask_trino(client(lambda _: httpx.Response(200, json={"starting": False}))) == []
    with pytest.raises(UnavailableError, match="starting"):
        ask_trino(client(lambda _: httpx.Response(200, json={"starting": True})))
    with pytest.raises(UnavailableError, match="HTTPStatusError"):
        ask_trino(client(lambda _: httpx.Response(503)))


def dagster(*statuses: tuple[bool, bool]) -> httpx.Client:
    listed = [{"required": required, "healthy": healthy} for required, healthy in statuses]
    body = {"data": {"instance": {"daemonHealth": {"allDaemonStatuses": listed}}}}

    def answer(request: httpx.Request) -> httpx.Response:
        assert "daemonHealth" in json.loads(request.content)["query"]
        return httpx.Response(200, json=body)

    return client(answer)


def test_dagster_is_away_while_a_daemon_that_it_needs_is_not_well() -> None:
    assert ask_dagster(dagster((True, True), (False, False))) == []
    with pytest.raises(UnavailableError, match="daemon"):
        ask_dagster(dagster((True, True), (True, False)))
    with pytest.raises(UnavailableError, match="otherwise than its API promises"):
        ask_dagster(client(lambda _: httpx.Response(200, json={"errors": []})))


def test_every_hop_of_the_audit_has_a_value_so_that_an_alert_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    class Database:
        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            return None

        def count_open(self) -> Mapping[str, int]:
            return {"silver": 3}

        def newest_run(self, *, standing: bool) -> Any:
            assert standing
            return SimpleNamespace(finished_at=NOW)

    monkeypatch.setattr(questions, "open_database", lambda _: Database())
    found = {(each.gauge, *each.labels): each.value for each in ask_audit(SecretStr("dsn"))}
    assert found["watch_audit_open_differences", "silver"] == 3
    assert found["watch_audit_open_differences", "bronze"] == 0
    assert found["watch_audit_finished_timestamp_seconds",] == NOW.timestamp()


def test_a_folder_that_is_not_there_has_no_disk(tmp_path: Path) -> None:
    found = list(look_at_disks({"here": tmp_path, "nowhere": tmp_path / "x"}))
    assert [each.labels for each in found] == [("here",), ("here",)]
    free, size = found
    assert 0 < free.value <= size.value


ENVIRONMENT = {
    "KAFKA_BOOTSTRAP_SERVERS": "kafka:9092",
    "SCHEMA_REGISTRY_URL": "http://registry",
    "CATALOG_URI": "http://catalog",
    "CATALOG_WAREHOUSE": "s3://lake/warehouse",
    "S3_ENDPOINT": "http://s3",
    "S3_ACCESS_KEY_ID": "key",
    "S3_SECRET_ACCESS_KEY": "secret",
    "S3_REGION": "us-east-1",
    "TRINO_HOST": "trino",
    "TRINO_PORT": "1",
    "TRINO_USER": "payments",
    "POSTGRES_DSN": "postgresql://",
    "TEMPORAL_HTTP_URL": "http://temporal",
    "DAGSTER_URL": "http://dagster",
    "METRICS_PORT": "1",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_disks_are_named_in_the_setting(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("WATCH_MOUNTS", "state=/srv/state, lake=/srv/lake")
    assert WatchSettings().mounts == {"state": Path("/srv/state"), "lake": Path("/srv/lake")}
    environment.setenv("WATCH_MOUNTS", "/srv/state")
    with pytest.raises(ValidationError, match="name=/path"):
        WatchSettings()


def test_layers_that_dbt_built_are_looked_for_where_it_was_told_to_put_them(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("DBT_SCHEMA_SUFFIX", "_trial")
    assert {layer: table[0] for layer, table in WatchSettings().layers.items()} == {
        "bronze": "bronze",
        "silver": "silver_trial",
        "gold": "gold_trial",
    }
