"""What an erasure leaves where it is, and until when. Pure."""

from collections.abc import Collection
from datetime import datetime, timedelta
from itertools import groupby
from typing import NamedTuple

from payments_contracts.database import AUDIT_DIFFERENCES, ERASURES, MERCHANT_TERMS, RECOVERY_ACTIONS
from payments_contracts.maintenance import MAINTAINED, Maintenance
from payments_contracts.topics import Topic, topics_of

from operations.erasure.subject import Kind, Subject


class Remains(NamedTuple):
    """Where something of the subject may be, and until when in words."""

    where: str
    until: str


def remains(
    subject: Subject, now: datetime, providers: str = "", tables: Collection[Maintenance] = MAINTAINED
) -> list[Remains]:
    """Return what holds data of a subject although its rows were erased now.

    Args:
        subject: Whose data it is.
        now: When the rows were erased (UTC).
        providers: Those that this installation has topics of, by commas, as GATEWAY_PROVIDERS has them; empty for all.
        tables: The lake's tables.
    """
    topics = sorted(topics_of(subject.provider or providers), key=_stays)
    kafka = [
        Remains(
            f"Kafka: {', '.join(sorted(topic.name for topic in found))}",
            f"{now + stays:%Y-%m-%d %H:%M} UTC: retention, and the day for which a file of it is written to",
        )
        for stays, found in groupby(topics, _stays)
    ]
    terms = Remains(f"{MERCHANT_TERMS.name}: what was agreed; builds copy it to the lake", "kept: your own record")
    hours = max(table.keep_orphans_hours for table in tables)
    return [
        *kafka,
        Remains("files of earlier merges, which no snapshot of the lake names", f"the first cleaning after {hours} h"),
        Remains("histories of Temporal", "the namespace's retention, counted from the end of each workflow"),
        Remains("Trino's list of finished queries, in memory, with the id", "100 further queries, or a restart"),
        Remains("free space of the database's pages, and its log (WAL)", "it is written over"),
        Remains("backups", "the installation's own rules; erase again after one was restored"),
        Remains(f"{ERASURES.name}, {RECOVERY_ACTIONS.name}: the id, where somebody named it", "kept: who did what"),
        *([terms] if subject.kind is Kind.MERCHANT else []),
        Remains(f"{AUDIT_DIFFERENCES.name}: event ids and amounts, no id of a person", "kept"),
    ]


def _stays(topic: Topic) -> timedelta:
    """Return how long a record stays in a topic at most; the broker looks every five minutes."""
    return timedelta(milliseconds=topic.retention_ms + topic.segment_ms)
