"""What the archiver measures. Tables and topics are the only labels."""

from collections.abc import Iterable

from prometheus_client import Counter, Gauge, Histogram

ROWS = Counter("archive_rows", "Records that were committed to the archive.", ["table", "topic"])
BYTES = Counter("archive_bytes", "Bytes of Kafka records that were committed to the archive.", ["table"])
COMMITS = Counter("archive_commits", "Commits to the archive.", ["table"])
RETRIES = Counter("archive_commit_retries", "Steps of commits that have to be repeated.", ["table"])
UNREADABLE = Counter("archive_unreadable_records", "Records that were archived as bytes alone.", ["topic", "reason"])
GAPS = Counter("archive_gaps", "Times that records were gone before they were read.", ["topic", "kind"])
LOST_OFFSETS = Counter("archive_lost_offsets", "Offsets that were gone before they were read.", ["topic"])
CONSUMER_LAG = Gauge("archive_consumer_lag_records", "Records of a topic that are not read yet.", ["topic"])
WAITING_SECONDS = Gauge(
    "archive_waiting_seconds",
    "Age of the oldest record that was read and is not committed; 0 if there is none.",
    ["table"],
)
LAG_SECONDS = Histogram(
    "archive_lag_seconds",
    "From when the oldest record of a commit was produced until it was in the lake.",
    ["table"],
    buckets=(1, 2, 5, 10, 15, 20, 30, 45, 60, 120, 300, 900, 3600, 86400),
)


def begin_at_zero(table: str, topics: Iterable[str]) -> None:
    """Show what seldom happens from the start: a series that appears with it has not grown for `rate`."""
    RETRIES.labels(table)
    for topic in topics:
        for kind in ("retention", "reset"):
            GAPS.labels(topic, kind)
