"""A source that is missing, stale or has other columns than its contract ends a build before it has begun."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from analytics.project import read_manifest
from analytics.sources import inspect_sources
from analytics.translator import LayerTranslator
from dagster import AssetKey, Failure
from dagster_dbt import DbtProject
from payments_contracts.pins.orchestrator import ScoredPayment

from .lake import VERSION, sight, table

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
EVENTS = "bronze.payment_events"
COLUMNS = tuple(ScoredPayment.model_fields)
STAGED = {AssetKey(["silver", "stg_payments"])}


@pytest.fixture(scope="module")
def manifest(project: DbtProject) -> Mapping[str, Any]:
    return read_manifest(project)


def refusal(manifest: Mapping[str, Any], tables: Mapping[str, Any], *waiting: datetime) -> str:
    with pytest.raises(Failure) as raised:
        inspect_sources(manifest, LayerTranslator(), sight(tables, NOW, *waiting), STAGED)
    assert raised.value.description is not None
    assert raised.value.description.startswith("Nothing was built")
    return raised.value.description


def test_a_sound_source_passes_and_those_that_are_not_read_are_not_looked_at(manifest: Mapping[str, Any]) -> None:
    long_ago = NOW - timedelta(days=9)
    # Nothing has come since: Bronze is old, and not stale.
    inspect_sources(manifest, LayerTranslator(), sight({EVENTS: table(1, long_ago, COLUMNS)}, NOW), STAGED)


def test_what_a_view_is_made_from_is_read_by_those_who_read_the_view(manifest: Mapping[str, Any]) -> None:
    cleaned = {AssetKey(["silver", "payments_cleaned"])}
    with pytest.raises(Failure, match=f"The lake has no {EVENTS}"):
        inspect_sources(manifest, LayerTranslator(), sight({}, NOW), cleaned)
    inspect_sources(manifest, LayerTranslator(), sight({}, NOW), {AssetKey(["silver", "payment_history"])})


def test_a_missing_source_is_named_with_what_to_do(manifest: Mapping[str, Any]) -> None:
    said = refusal(manifest, {})
    assert f"The lake has no {EVENTS}: run `payments tables apply`." in said


def test_an_unknown_column_and_a_missing_one_are_named(manifest: Mapping[str, Any]) -> None:
    said = refusal(manifest, {EVENTS: table(1, NOW, (*COLUMNS[1:], "shoe_size"))})
    assert f"{EVENTS} lacks {COLUMNS[0]}: run `payments tables apply`" in said
    assert f"{EVENTS} has shoe_size, which no version of its contract up to v{VERSION} has" in said


def test_a_column_of_a_later_version_is_left_alone_as_a_rollout_brings_the_table_first(
    manifest: Mapping[str, Any],
) -> None:
    later = table(1, NOW, (*COLUMNS, "shoe_size"), version=VERSION + 1)
    inspect_sources(manifest, LayerTranslator(), sight({EVENTS: later}, NOW), STAGED)


def test_a_source_that_gets_no_rows_while_records_wait_is_stale(manifest: Mapping[str, Any]) -> None:
    tables = {EVENTS: table(1, NOW - timedelta(hours=3), COLUMNS)}
    said = refusal(manifest, tables, NOW - timedelta(hours=2), NOW - timedelta(minutes=5))
    assert "no row came since 2026-03-01 09:00:00 UTC, and 1 records that came more than 1:00:00 ago wait" in said
    assert "BronzeStale in docs/runbooks.md" in said
    # Records of before the newest rows have theirs.
    tables = {EVENTS: table(1, NOW - timedelta(minutes=2), COLUMNS)}
    inspect_sources(manifest, LayerTranslator(), sight(tables, NOW, NOW - timedelta(hours=2)), STAGED)


def test_records_that_were_taken_and_made_no_row_do_not_hold_a_build_up(manifest: Mapping[str, Any]) -> None:
    tables = {EVENTS: table(1, NOW - timedelta(hours=3), COLUMNS)}
    repeated, unread = NOW - timedelta(hours=2), NOW - timedelta(minutes=90)
    inspect_sources(manifest, LayerTranslator(), sight(tables, NOW, repeated, taken=repeated), STAGED)
    with pytest.raises(Failure, match="1 records that came more than 1:00:00 ago wait for the orchestrator"):
        inspect_sources(manifest, LayerTranslator(), sight(tables, NOW, repeated, unread, taken=repeated), STAGED)


def test_one_that_nobody_ever_wrote_to_is_stale_as_soon_as_records_wait(manifest: Mapping[str, Any]) -> None:
    assert "no row came at all" in refusal(manifest, {EVENTS: table(columns=COLUMNS)}, NOW - timedelta(hours=2))


def test_a_catalog_that_is_away_ends_the_run_with_its_reason(manifest: Mapping[str, Any]) -> None:
    assert "is the catalog up?" in refusal(manifest, {EVENTS: None})
