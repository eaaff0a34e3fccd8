"""Runs schemathesis on a running service, from the file that is its contract."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).resolve().parents[2]
_CONFIGURATION = Path(__file__).with_name("schemathesis.toml")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run found.

    `cases` counts by phase, operation and status of the answer; `skipped` gives the phases that could not apply, and
    why; `said` is what there is to say where `is_clean` is false.
    """

    cases: Counter[tuple[str, str, int]]
    skipped: Mapping[str, str]
    is_clean: bool
    said: str


def examine(api: str, url: str, *, examples: int, seed: int, folder: Path) -> Outcome:
    """Test a service.

    Args:
        api: Its name: of a gateway the generated document is taken, of any other service the contract itself.
        url: Where the service is.
        examples: How many cases to make up for each operation.
        seed: Equal seeds give equal cases.
        folder: Where reports go.
    """
    events, summary = folder / f"{api}.ndjson", folder / f"{api}.json"
    options = {
        "--url": url,
        "--max-examples": str(examples),
        "--seed": str(seed),
        "--report": "json,ndjson",
        "--report-json-path": str(summary),
        "--report-ndjson-path": str(events),
    }
    finished = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(_CONFIGURATION), "--no-color"),
            *("run", str(_document(api))),
            *(word for option in options.items() for word in option),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if not summary.exists():
        raise RuntimeError(f"schemathesis gave no report on {api}: {finished.stdout}")
    phases: dict[str, dict[str, str | None]] = orjson.loads(summary.read_bytes())["phases"] or {}
    skipped = {
        name: each["skip_reason"] or "nothing to send" for name, each in phases.items() if each["status"] == "skip"
    }
    return Outcome(Counter(_cases(events)), skipped, finished.returncode == 0, finished.stdout)


def _document(api: str) -> Path:
    written = ROOT / "generated" / "openapi" / f"{api}.json"
    return written if written.exists() else ROOT / "contracts" / "openapi" / api / "v1.yaml"


def _cases(events: Path) -> Iterator[tuple[str, str, int]]:
    with events.open("rb") as lines:
        for line in lines:
            scenario: dict[str, Any] = orjson.loads(line).get("ScenarioFinished", {})
            recorder = scenario.get("recorder", {})
            for exchange in recorder.get("interactions", {}).values():
                response = exchange.get("response")
                yield scenario["phase"], recorder["label"], response["status_code"] if response else 0
