"""What dbt measured of a source, as a check result."""

import pytest
from analytics.freshness import judge
from dagster import AssetCheckSeverity, AssetKey

BRONZE = AssetKey(["bronze", "payment_events"])
MEASURED = {"max_loaded_at": "2025-01-01T12:00:00+00:00", "max_loaded_at_time_ago_in_s": 90.5}


def test_passes_and_tells_the_age_when_the_newest_row_is_young() -> None:
    result = judge(BRONZE, {"status": "pass", **MEASURED})
    assert result.passed
    assert result.metadata["age_seconds"].value == 90.5


@pytest.mark.parametrize(
    ("status", "severity"),
    [
        ("warn", AssetCheckSeverity.WARN),
        ("error", AssetCheckSeverity.ERROR),
        ("runtime error", AssetCheckSeverity.WARN),
        ("not measured", AssetCheckSeverity.WARN),
    ],
)
def test_fails_with_the_severity_of_the_bound_that_was_passed(status: str, severity: AssetCheckSeverity) -> None:
    result = judge(BRONZE, {"status": status})
    assert not result.passed
    assert result.severity is severity


def test_tells_the_error_when_the_source_could_not_be_measured() -> None:
    result = judge(BRONZE, {"status": "runtime error", "error": "no such table"})
    assert result.metadata["error"].value == "no such table"
