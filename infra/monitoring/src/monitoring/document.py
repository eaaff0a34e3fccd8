"""The list of metrics for people: docs/metrics.md."""

from collections.abc import Iterator
from itertools import groupby
from typing import Final

from monitoring.alert import RUNBOOK
from monitoring.alerts import ALERTS
from monitoring.foreign import FOREIGN
from monitoring.labels import LABELS
from monitoring.own import OWN
from monitoring.raised import RAISED
from monitoring.slos import SLOS

DOCUMENT: Final = "docs/metrics.md"
_TITLES: Final = {"lake": "Committers to the lake (orchestrator, archiver)", "operations": "`payments watch`"}


def document() -> str:
    """Return the page."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# Metrics, objectives, alerts"
    yield ""
    yield "Written by `.venv/bin/python -m monitoring` from `infra/monitoring/src`; do not edit."
    yield ""
    yield "## Objectives"
    yield ""
    yield from _table(("`slo`", "what is promised"), ((f"`{slo.name}`", slo.target) for slo in SLOS))
    yield ""
    yield "`slo:error_ratio:WINDOW` is the share of events that miss one, `slo:events:WINDOW` how many there were,"
    yield "and `slo:error_budget` the share that may miss it."
    yield ""
    yield "## Alerts"
    yield ""
    where = RUNBOOK.rpartition("/")[2]
    rows = ((f"[{each.name}]({where}#{each.name.lower()})", each.severity, each.description) for each in ALERTS)
    yield from _table(("alert", "severity", "what it means"), rows)
    yield ""
    yield "Raised by programs themselves, to Alertmanager; `job` holds the program:"
    yield ""
    told = (
        (
            f"[{each.name}]({where}#{each.name.lower()})",
            each.program,
            each.severity,
            ", ".join(f"`{name}`" for name in each.labels),
            each.description,
        )
        for each in RAISED
    )
    yield from _table(("alert", "program", "severity", "labels", "what it means"), told)
    for program, metrics in groupby(OWN, key=lambda each: each.program):
        yield ""
        yield f"## {_TITLES.get(program, program.capitalize())}"
        yield ""
        yield from _table(
            ("metric", "kind", "unit", "labels", "meaning"),
            ((f"`{m.name}`", m.kind, m.unit, ", ".join(f"`{name}`" for name in m.labels), m.meaning) for m in metrics),
        )
    yield ""
    yield "Besides, each Python program shows `process_…` and `python_…` of its Prometheus client."
    yield ""
    yield "## Labels"
    yield ""
    yield from _table(("label", "what it may hold"), ((f"`{name}`", text) for name, text in sorted(LABELS.items())))
    yield ""
    yield "## Of other programs"
    yield ""
    yield "What rules and dashboards read of them."
    yield ""
    yield from _table(
        ("series", "from", "meaning"), ((f"`{each.name}`", each.source, each.meaning) for each in FOREIGN)
    )


def _table(heads: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|{' --- |' * len(heads)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
