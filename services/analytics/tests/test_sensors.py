"""What the sensors find wrong, and when it is mended; on a Dagster instance of the test's own."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from analytics.alerts import Alert, Alerts
from analytics.bronze import Written
from analytics.freshness import build_pace_check
from analytics.sensors import (
    EVENTS,
    LETTERS,
    build_sensors,
    look_at_audit,
    look_at_bronze,
    look_at_quarantine,
    look_at_runs,
)
from analytics.settings import StreamSettings
from dagster import (
    AssetCheckResult,
    AssetKey,
    AssetSelection,
    AssetSpec,
    DagsterInstance,
    Definitions,
    SensorDefinition,
    asset_check,
    build_sensor_context,
    define_asset_job,
    job,
    op,
)
from structlog.testing import capture_logs

from .lake import sight, table

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def instance() -> Iterator[DagsterInstance]:
    with DagsterInstance.ephemeral() as instance:
        yield instance


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


@pytest.mark.parametrize(
    ("came", "rows_at", "stale"),
    [
        (NOW - seconds(31), NOW - seconds(60), True),
        (NOW - seconds(29), NOW - seconds(60), False),
        (NOW - seconds(31), NOW - seconds(30), False),
        (NOW - seconds(31), None, True),
    ],
    ids=["waits for too long", "may still wait", "rows came since", "nobody ever wrote"],
)
def test_bronze_is_stale_where_a_record_waits_and_no_row_came(
    came: datetime, rows_at: datetime | None, *, stale: bool
) -> None:
    seen = sight({EVENTS: table(1, rows_at)}, NOW, came)
    assert [each.kind.name for each in look_at_bronze(seen)] == ["BronzeStale"] * stale
    result = build_pace_check(seen)()
    assert isinstance(result, AssetCheckResult)
    assert result.passed is not stale


def test_bronze_is_not_stale_while_nothing_comes() -> None:
    assert look_at_bronze(sight({EVENTS: table(1, NOW - timedelta(days=3))}, NOW)) == []


def totals(events: int, letters: int) -> dict[str, Written | None]:
    return {EVENTS: Written((), 3, events, NOW), LETTERS: Written((), 1, letters, NOW)}


def rates(*samples: tuple[float, int, int]) -> list[str]:
    """Look at totals, each some minutes after noon; return what the last look found."""
    memory: dict[str, Any] = {}
    found: list[Alert] = []
    for minutes, events, letters in samples:
        found, memory = look_at_quarantine(totals(events, letters), memory, NOW + timedelta(minutes=minutes))
    return [each.summary for each in found]


def test_much_that_is_quarantined_within_a_quarter_of_an_hour_is_told() -> None:
    assert rates((0, 1000, 50), (1, 1100, 75)) == [
        "25 events were quarantined within a quarter of an hour, 20% of what came"
    ]


@pytest.mark.parametrize(
    "samples",
    [
        [(0, 1000, 500)],
        [(0, 1000, 0), (1, 1000, 20)],
        [(0, 0, 0), (1, 1000, 50)],
        [(0, 1000, 0), (1, 1000, 99), (17, 1000, 99)],
        [(0, 1000, 80), (1, 400, 10), (2, 400, 30)],
    ],
    ids=["the first look", "a few", "a small share", "long ago", "rows were deleted in between"],
)
def test_anything_less_is_not(samples: list[tuple[float, int, int]]) -> None:
    assert rates(*samples) == []


def test_tables_that_are_not_there_have_no_rows() -> None:
    assert look_at_quarantine({EVENTS: None, LETTERS: None}, {}, NOW)[0] == []


BRONZE = AssetKey(EVENTS.split("."))


def audited(instance: DagsterInstance, **counts: int) -> None:
    @asset_check(asset=BRONZE, name="is_balanced")
    def is_balanced() -> AssetCheckResult:
        if not counts:
            raise ValueError("Trino does not answer")
        return AssetCheckResult(passed=not counts.get("open"), metadata=dict(counts))

    definitions = Definitions(
        assets=[AssetSpec(BRONZE)],
        asset_checks=[is_balanced],
        jobs=[define_asset_job("audit", AssetSelection.checks(is_balanced))],
    )
    definitions.resolve_job_def("audit").execute_in_process(instance=instance, raise_on_error=False)


def test_each_hop_with_open_differences_is_told_until_an_audit_finds_none(instance: DagsterInstance) -> None:
    assert look_at_audit(instance) == []
    audited(instance, open_bronze=2, open_silver=1, open=3, pending_gold=7)
    told = {each.labels["hop"]: each.summary for each in look_at_audit(instance)}
    assert told == {
        "bronze": "2 events are missing or differ at the hop bronze",
        "silver": "1 events are missing or differ at the hop silver",
    }
    # An audit that could not be made says nothing of them.
    audited(instance)
    assert len(look_at_audit(instance)) == 2
    audited(instance, open=0)
    assert look_at_audit(instance) == []


def run(instance: DagsterInstance, name: str, *, fails: bool, day: str | None = None) -> None:
    @op
    def step() -> None:
        if fails:
            raise ValueError

    @job(name=name)
    def made() -> None:
        step()

    tags = {} if day is None else {"dagster/partition": day}
    made.execute_in_process(instance=instance, raise_on_error=False, tags=tags)


def test_a_job_is_told_of_from_its_failed_run_to_one_that_succeeds(instance: DagsterInstance) -> None:
    run(instance, "gold", fails=True)
    found, memory = look_at_runs(instance, {}, datetime.now(UTC))
    assert found == []  # it ended before the first look
    run(instance, "silver", fails=True)
    run(instance, "audit", fails=False)
    found, memory = look_at_runs(instance, memory, NOW)
    assert [each.labels for each in found] == [{"dagster_job": "silver"}]
    assert found[0].path.startswith("/runs/")
    # It stands for as long as nothing else has happened.
    assert look_at_runs(instance, memory, NOW) == (found, memory)
    run(instance, "silver", fails=False)
    assert look_at_runs(instance, memory, NOW)[0] == []


def test_a_day_that_failed_is_told_of_until_that_day_succeeds(instance: DagsterInstance) -> None:
    _, memory = look_at_runs(instance, {}, datetime.now(UTC))
    days = [f"2026-03-{day:02}" for day in (1, 2, 3)]
    for day in days:
        run(instance, "silver_days", fails=day != days[2], day=day)
    found, memory = look_at_runs(instance, memory, NOW)
    assert [each.labels for each in found] == [{"dagster_job": "silver_days"}]
    assert "silver_days 2026-03-01 failed, and those of 1 other days" in found[0].summary
    run(instance, "silver_days", fails=False, day=days[0])
    found, memory = look_at_runs(instance, memory, NOW)
    assert "silver_days 2026-03-02 failed" in found[0].summary
    run(instance, "silver_days", fails=False, day=days[1])
    assert look_at_runs(instance, memory, NOW)[0] == []


def sensors() -> dict[str, SensorDefinition]:
    seen = sight({EVENTS: table(1, NOW - seconds(60)), LETTERS: table(1, NOW)}, NOW, NOW - seconds(31))
    settings = StreamSettings(kafka_bootstrap_servers="nowhere:1")
    return {each.name: each for each in build_sensors(Alerts(None), seen, settings)}


def test_a_sensor_tells_what_it_found_and_knows_it_at_its_next_look(instance: DagsterInstance) -> None:
    stale = sensors()["bronze_freshness"]
    with capture_logs() as lines:
        told = stale.evaluate_tick(build_sensor_context(instance))
        again = stale.evaluate_tick(build_sensor_context(instance, cursor=told.cursor))
    assert [line["event"] for line in lines] == ["alert_raised"]
    assert again.skip_message == told.skip_message
    assert "1 normalized records wait" in str(told.skip_message)


def test_no_sensor_looks_more_often_than_once_a_minute() -> None:
    assert all((each.minimum_interval_seconds or 0) >= 60 for each in sensors().values())


def test_where_kafka_is_not_known_no_sensor_looks_at_it() -> None:
    built = build_sensors(Alerts(None), sight({}, NOW), StreamSettings(kafka_bootstrap_servers=""))
    assert sensors().keys() - {each.name for each in built} == {"bronze_freshness", "observe_topics"}
