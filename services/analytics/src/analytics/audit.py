"""The standing audit: the `payments` command, run every hour, whose differences are a failed check of Bronze.

A service does not import another; the command is what it is for a person, with the same exit codes.
"""

import json
import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dagster import (
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetKey,
    Failure,
    MetadataValue,
    RetryRequested,
    asset_check,
)
from payments_contracts.tables import BRONZE_PAYMENT_EVENTS

CHECK_NAME = "is_balanced"
_BALANCED, _DIFFERENCES = 0, 1
_SECONDS = 3000
_RETRIES = 2
_RETRY_SECONDS = 120
_NAMED = 20

Run = Callable[[Sequence[str]], subprocess.CompletedProcess[str]]


def run_command(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a program to its end and return what it said.

    Raises:
        Failure: There is no such program, or it takes too long.
    """
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=_SECONDS)  # noqa: S603  # ours
    except FileNotFoundError:
        raise Failure(
            f"There is no {command[0]}: install it beside Dagster, or set AUDIT_COMMAND to where it is."
        ) from None
    except subprocess.TimeoutExpired:
        raise Failure(f"{' '.join(command)} took longer than {_SECONDS} s.") from None


def build_audit_check(command: str, run: Run = run_command) -> AssetChecksDefinition:
    """The check that every hop is balanced. `command` is the `payments` program."""

    @asset_check(
        asset=AssetKey(BRONZE_PAYMENT_EVENTS.identifier.split(".")),
        name=CHECK_NAME,
        description="Each place has what the place before it had: `payments audit` finds no difference.",
    )
    def is_balanced() -> AssetCheckResult:
        done = run([command, "audit", "--json"])
        if done.returncode == os.EX_UNAVAILABLE:
            raise RetryRequested(max_retries=_RETRIES, seconds_to_wait=_RETRY_SECONDS) from Failure(done.stderr)
        if done.returncode not in {_BALANCED, _DIFFERENCES} or not done.stdout:
            raise Failure(f"`payments audit` ended with {done.returncode}: {done.stderr.strip()}")
        return judge(json.loads(done.stdout))

    return is_balanced


def judge(told: Mapping[str, Any]) -> AssetCheckResult:
    """Turn what the audit told into a check's result: differences by hop, what is under way, and the first ones.

    Where nothing differs, and a hop was compared with nothing, it is a warning: nobody looked there.
    """
    opened: Mapping[str, int] = told["open"]
    metadata: dict[str, MetadataValue] = {f"open_{hop}": MetadataValue.int(count) for hop, count in opened.items()}
    metadata |= {f"pending_{hop}": MetadataValue.int(count) for hop, count in told["pending"].items()}
    metadata["open"] = MetadataValue.int(sum(opened.values()))
    if told["runs"]:
        metadata["until"] = MetadataValue.text(told["runs"][-1]["until"])
        metadata["counts"] = MetadataValue.json(told["runs"][-1]["counts"])
    uncompared: Mapping[str, Sequence[str]] = told["uncompared"]
    if uncompared:
        lines = [f"- {hop}" + (f": {', '.join(names)}" if names else "") for hop, names in uncompared.items()]
        metadata["not_compared"] = MetadataValue.md("\n".join(lines))
    named = [each for each in told["differences"] if each["state"] == "open"][:_NAMED]
    if named:
        lines = [f"- {each['hop']} `{each['subject']}`: {each['detail']}. `{each['remedy']}`" for each in named]
        metadata["differences"] = MetadataValue.md("\n".join(lines))
    balanced = bool(told["balanced"])
    severity = AssetCheckSeverity.WARN if balanced else AssetCheckSeverity.ERROR
    return AssetCheckResult(passed=balanced and not uncompared, severity=severity, metadata=metadata)
