"""What Dagster ran by itself while a bench measured: its jobs are a cost of some minutes, and not of others."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from collections.abc import Mapping

_RUNS = """
SELECT pipeline_name FROM runs
WHERE start_time < %(end)s AND coalesce(end_time, extract(epoch FROM now())) > %(begin)s
"""
_TIMEOUT_SECONDS = 5


class ScheduledRuns:
    """The runs in Dagster's own database."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    def between(self, begin: float, end: float) -> dict[str, int]:
        """Return how many runs of each job were under way between two times, in seconds since 1970."""
        with psycopg.connect(self._dsn, connect_timeout=_TIMEOUT_SECONDS) as connection:
            found = connection.execute(_RUNS, {"begin": begin, "end": end}).fetchall()
        return dict(Counter(name for (name,) in found))


def told(runs: Mapping[str, int]) -> str:
    """Say which jobs ran; nothing where none did."""
    if not runs:
        return ""
    names = ", ".join(name if number == 1 else f"{name} ({number} times)" for name, number in sorted(runs.items()))
    return f"Dagster ran {names} meanwhile: that is in what dagster-code, trino and the lake's servers cost above"
