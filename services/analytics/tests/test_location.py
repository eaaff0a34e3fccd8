"""The code location, read from the prepared dbt project."""

import subprocess
import sys
from pathlib import Path

import pytest
from analytics.errors import AnalyticsError, NotPreparedError
from analytics.location import build
from analytics.settings import AnalyticsSettings
from dagster import AssetKey, DefaultScheduleStatus, Definitions
from dagster_dbt import DbtProject
from payments_contracts import topics
from payments_contracts.providers import PROVIDERS
from payments_contracts.topics import raw_topic

BRONZE = AssetKey(["bronze", "payment_events"])
RAW = {AssetKey(["kafka", raw_topic(provider).name]) for provider in PROVIDERS}
NORMALIZED, LETTERS, REFUSED = (
    AssetKey(["kafka", topic.name]) for topic in (topics.NORMALIZED, topics.VALIDATION_DLQ, topics.INGESTION_DLQ)
)
STAGED = AssetKey(["silver", "stg_payments"])

SILVER = AssetKey(["silver", "payments_cleaned"])
HISTORY = AssetKey(["silver", "payment_history"])
PAYMENTS = AssetKey(["silver", "payments"])
GOLD = AssetKey(["gold", "daily_payment_metrics"])
TESTS = AssetKey(["gold", "test_payment_metrics"])
COPIED = {AssetKey(["bronze", name]) for name in ("merchant_terms", "recovery_actions")}
# Models whose cost is that of whole tables: built as often as Gold is.
WHOLE = {
    AssetKey(["silver", name])
    for name in ("failed_attempts", "customers", "merchants", "payments_quarantine", "payment_dimensions")
}
AGGREGATES = {
    AssetKey(["gold", name])
    for name in (
        "daily_payment_metrics",
        "test_payment_metrics",
        "decline_and_retry_performance",
        "recovery_funnel",
        "merchant_health_scores",
        "dispute_lifecycle",
        "payout_reconciliation",
        "ml_features",
        "rule_verdicts",
    )
}


@pytest.fixture(scope="session")
def definitions(project: DbtProject) -> Definitions:
    return build(AnalyticsSettings(dbt_project_dir=project.project_dir))


def checks_of(definitions: Definitions, job: str) -> set[tuple[AssetKey, str]]:
    keys = definitions.resolve_job_def(job).asset_layer.asset_graph.asset_check_keys
    return {(key.asset_key, key.name) for key in keys}


def assets_of(definitions: Definitions, job: str) -> set[AssetKey]:
    return set(definitions.resolve_job_def(job).asset_layer.asset_graph.executable_asset_keys)


def test_loads(definitions: Definitions) -> None:
    Definitions.validate_loadable(definitions)


def test_lineage_goes_from_the_topics_through_bronze_and_silver_to_gold(definitions: Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    assert graph.get(NORMALIZED).parent_keys == RAW
    assert graph.get(LETTERS).parent_keys == {*RAW, NORMALIZED}
    assert graph.get(BRONZE).parent_keys == {NORMALIZED}
    assert graph.get(AssetKey(["bronze", "quarantine"])).parent_keys == {LETTERS, REFUSED}
    assert graph.get(AssetKey(["bronze", "provider_events"])).parent_keys == RAW
    assert not {parent for each in (*RAW, REFUSED) for parent in graph.get(each).parent_keys}
    assert graph.get(STAGED).parent_keys == {BRONZE}
    assert graph.get(SILVER).parent_keys == {STAGED}
    assert graph.get(HISTORY).parent_keys == {SILVER}
    assert graph.get(PAYMENTS).parent_keys == {HISTORY}
    assert graph.get(GOLD).parent_keys == {PAYMENTS}
    assert graph.get(TESTS).parent_keys == {PAYMENTS}


def test_bronze_is_an_external_asset_with_the_columns_of_its_contract(definitions: Definitions) -> None:
    bronze = definitions.resolve_asset_graph().get(BRONZE)
    assert bronze.is_external
    assert "amount_cents" in {column.name for column in bronze.metadata["dagster/column_schema"].columns}


def test_assets_are_grouped_by_layer(definitions: Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    groups = {key: graph.get(key).group_name for key in (BRONZE, STAGED, SILVER, GOLD)}
    assert groups == {BRONZE: "bronze", STAGED: "silver", SILVER: "silver", GOLD: "gold"}


def test_tests_of_dbt_are_asset_checks(definitions: Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    assert "unique_payments_cleaned" in {key.name for key in graph.get(SILVER).check_keys}
    assert "gold_agrees_with_silver" in {key.name for key in graph.get(GOLD).check_keys}
    assert "source_accepted_values" in " ".join(key.name for key in graph.get(BRONZE).check_keys)


def test_refresh_builds_every_model_and_tests_bronze_but_not_its_age(definitions: Definitions) -> None:
    assert assets_of(definitions, "refresh") == {STAGED, SILVER, HISTORY, PAYMENTS} | WHOLE | AGGREGATES | COPIED
    checks = checks_of(definitions, "refresh")
    assert (GOLD, "gold_agrees_with_silver") in checks
    assert any(key == BRONZE and name.startswith("source_") for key, name in checks)
    assert not {(BRONZE, "is_fresh"), (BRONZE, "keeps_up")} & checks


def test_silver_gold_and_the_audit_are_scheduled(definitions: Definitions) -> None:
    repository = definitions.get_repository_def()
    layers = {"silver", "gold", "audit"}
    schedules = {schedule.name: schedule for schedule in repository.schedule_defs if schedule.job_name in layers}
    assert {name: (each.job_name, each.cron_schedule) for name, each in schedules.items()} == {
        "hourly_silver": ("silver", "0 * * * *"),
        "hourly_audit": ("audit", "20 * * * *"),
        "daily_gold": ("gold", "15 0 * * *"),
    }
    assert {each.default_status for each in schedules.values()} == {DefaultScheduleStatus.RUNNING}
    assert assets_of(definitions, "silver") == {STAGED, SILVER, HISTORY, PAYMENTS}
    assert (BRONZE, "is_fresh") in checks_of(definitions, "silver")
    assert assets_of(definitions, "gold") == WHOLE | AGGREGATES | COPIED
    hourly, daily = checks_of(definitions, "silver"), checks_of(definitions, "gold")
    assert {key for key, name in hourly} == {BRONZE, SILVER, HISTORY, PAYMENTS, STAGED}
    assert {name for key, name in hourly if key == BRONZE} == {"is_fresh", "keeps_up"}
    assert {(PAYMENTS, "parts_are_counted"), (PAYMENTS, "payments_are_made_of_history")} <= daily - hourly
    assert any(key == BRONZE and name.startswith("source_unique") for key, name in daily)
    assert checks_of(definitions, "audit") == {(BRONZE, "is_balanced")}
    assert (BRONZE, "is_balanced") not in checks_of(definitions, "silver") | checks_of(definitions, "refresh")


def test_maintenance_is_part_of_the_location(definitions: Definitions) -> None:
    jobs = {job.name for job in definitions.get_repository_def().get_all_jobs()}
    assert jobs >= {"compact_streamed", "compact_built", "clean", "maintain"}


def test_says_what_to_run_when_the_project_is_not_prepared(tmp_path: Path) -> None:
    (tmp_path / "dbt_project.yml").write_text("name: payments\n")
    (tmp_path / "profiles.yml").touch()
    with pytest.raises(NotPreparedError, match="run `python -m analytics`"):
        build(AnalyticsSettings(dbt_project_dir=tmp_path))


def test_says_which_setting_is_wrong_when_there_is_no_dbt_project(tmp_path: Path) -> None:
    with pytest.raises(AnalyticsError, match="set DBT_PROJECT_DIR"):
        build(AnalyticsSettings(dbt_project_dir=tmp_path))


def test_a_build_of_silver_alone_does_not_test_gold(project: DbtProject) -> None:
    command = [
        str(Path(sys.executable).with_name("dbt")),
        "--quiet",
        "ls",
        "--resource-type",
        "test",
        "--output",
        "name",
    ]
    listed = subprocess.run(  # noqa: S603  # the command is ours
        [*command, "--select", "payments_cleaned", "--target-path", "target/ls"],
        cwd=project.project_dir,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout.split()
    assert "unique_payments_cleaned" in listed
    assert "gold_agrees_with_silver" not in listed
