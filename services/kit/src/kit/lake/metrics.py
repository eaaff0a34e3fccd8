"""What a committer measures. Tables are the only label: rows and keys never are."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

from prometheus_client import Counter, Gauge, Histogram

from kit.lake.history import Fate

_SHORT = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0)

COMMIT_SECONDS = Histogram(
    "lake_commit_seconds",
    "Time that one grouped commit took, look-ups, conflicts and outages included.",
    ["table"],
    buckets=(0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 30.0, 60.0),
)
COMMIT_ROWS = Histogram(
    "lake_commit_rows",
    "Rows of one grouped commit.",
    ["table"],
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000),
)
PHASE_SECONDS = Histogram(
    "lake_commit_phase_seconds",
    "Time of one phase of a commit: build (files in memory), put (objects), post (the catalog).",
    ["table", "phase"],
    buckets=_SHORT,
)
WAITING_ROWS = Gauge("lake_waiting_rows", "Rows that wait for a commit, those under way included.", ["table"])
ROWS = Counter("lake_rows", "Rows handed over, by what became of them.", ["table", "outcome"])
CONFLICTS = Counter("lake_commit_conflicts", "Commits that another writer forestalled.", ["table"])
RETRIES = Counter("lake_commit_retries", "Steps of commits that have to be repeated, by reason.", ["table", "reason"])
DOUBTS = Counter("lake_commit_doubts", "Commits without a usable answer, by what the table said.", ["table", "fate"])
EXPIRED = Counter("lake_snapshots_expired", "Snapshots dropped to keep commits fast.", ["table"])
LOOK_UPS = Counter("lake_look_ups", "Keys looked up in the whole table.", ["table"])
LOOK_UP_SECONDS = Histogram(
    "lake_look_up_seconds", "Time of looking a group's keys up in the whole table.", ["table"], buckets=_SHORT
)
MANIFESTS = Gauge("lake_manifests", "Manifests in the list of the newest snapshot.", ["table"])
MERGED = Counter("lake_manifest_entries_rewritten", "Entries written again to merge manifests.", ["table"])
LISTS_READ = Counter(
    "lake_manifest_lists_read", "Manifest lists read, at the start or after others' commits.", ["table"]
)
FOREIGN = Counter("lake_foreign_commits_seen", "Times that commits of other writers came into sight.", ["table"])


_RETRY_REASONS = ("conflict", "unavailable")


def begin_at_zero(table: str) -> None:
    """Show what seldom happens to a table from the start: a series that appears with it has not grown for `rate`."""
    WAITING_ROWS.labels(table)
    CONFLICTS.labels(table)
    FOREIGN.labels(table)
    for reason in _RETRY_REASONS:
        RETRIES.labels(table, reason)
    for fate in Fate:
        DOUBTS.labels(table, fate)


@contextmanager
def phase(table: str, name: str) -> Iterator[None]:
    """Measure a phase of a commit, also where it fails."""
    started = perf_counter()
    try:
        yield
    finally:
        PHASE_SECONDS.labels(table, name).observe(perf_counter() - started)
