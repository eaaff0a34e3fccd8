"""What a committer measures. Tables are the only label: rows and keys never are."""

from prometheus_client import Counter, Gauge, Histogram

COMMIT_SECONDS = Histogram(
    "lake_commit_seconds",
    "Time that one grouped commit took, look-ups and conflicts included.",
    ["table"],
    buckets=(0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 30.0, 60.0),
)
COMMIT_ROWS = Histogram(
    "lake_commit_rows",
    "Rows of one grouped commit.",
    ["table"],
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000),
)
WAITING_ROWS = Gauge("lake_waiting_rows", "Rows that wait for a commit, those under way included.", ["table"])
ROWS = Counter("lake_rows", "Rows handed over, by what became of them.", ["table", "outcome"])
CONFLICTS = Counter("lake_commit_conflicts", "Commits that another writer forestalled.", ["table"])
EXPIRED = Counter("lake_snapshots_expired", "Snapshots dropped to keep commits fast.", ["table"])
