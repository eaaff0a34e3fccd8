"""What the audit told becomes a check of Bronze."""

import json
import os
import subprocess
from collections.abc import Sequence
from typing import Any

import pytest
from analytics.audit import build_audit_check, judge, run_command
from dagster import AssetCheckResult, AssetCheckSeverity, Failure, RetryRequested

DIFFERENCE = {
    "hop": "bronze",
    "subject": "0b5c7a",
    "state": "open",
    "detail": "no row in Bronze",
    "remedy": "payments replay --event 0b5c7a --execute",
}
RUN = {"until": "2026-03-01T12:00:00Z", "counts": {"raw": 12}}


def told(*differences: dict[str, str], pending: int = 0) -> dict[str, Any]:
    return {
        "balanced": not differences,
        "open": {"bronze": len(differences)} if differences else {},
        "pending": {"silver": pending} if pending else {},
        "runs": [RUN],
        "differences": list(differences),
        "uncompared": {},
    }


def check(code: int, answer: object = None, error: str = "") -> Any:
    def run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        assert command == ["payments", "audit", "--json"]
        return subprocess.CompletedProcess(command, code, json.dumps(answer) if answer else "", error)

    return build_audit_check("payments", run)()


def test_an_open_difference_fails_the_check_and_is_named_with_what_to_do() -> None:
    result = check(1, told(DIFFERENCE))
    assert isinstance(result, AssetCheckResult)
    assert not result.passed
    assert result.metadata["open_bronze"].value == result.metadata["open"].value == 1
    assert "payments replay --event 0b5c7a --execute" in str(result.metadata["differences"].value)


def test_what_is_under_way_is_told_and_passes() -> None:
    result = judge(told(pending=3))
    assert result.passed
    assert result.metadata["pending_silver"].value == 3
    assert "differences" not in result.metadata


def test_a_hop_that_was_not_compared_is_a_warning_and_not_a_pass() -> None:
    result = judge(told() | {"uncompared": {"acknowledged": ["square", "stripe"], "archive": []}})
    assert (result.passed, result.severity) == (False, AssetCheckSeverity.WARN)
    assert result.metadata["not_compared"].value == "- acknowledged: square, stripe\n- archive"
    assert judge(told()).passed
    lost = judge(told(DIFFERENCE) | {"uncompared": {"archive": []}})
    assert (lost.passed, lost.severity) == (False, AssetCheckSeverity.ERROR)


def test_a_server_that_is_away_is_asked_again_later() -> None:
    with pytest.raises(RetryRequested):
        check(os.EX_UNAVAILABLE, error="Trino does not answer")


def test_a_command_that_fails_otherwise_says_why() -> None:
    with pytest.raises(Failure, match="ended with 2: POSTGRES_DSN is not set"):
        check(2, error="POSTGRES_DSN is not set")


def test_a_program_that_is_not_there_is_named() -> None:
    with pytest.raises(Failure, match="There is no /nowhere/payments"):
        run_command(["/nowhere/payments"])
