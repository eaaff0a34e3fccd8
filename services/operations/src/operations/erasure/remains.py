"""What an erasure leaves where it is, and until when. Pure."""

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from itertools import groupby
from typing import NamedTuple

from payments_contracts.database import AUDIT_DIFFERENCES, ERASURES, MERCHANT_TERMS, PAYMENT_EVENTS, RECOVERY_ACTIONS
from payments_contracts.maintenance import MAINTAINED, Maintenance
from payments_contracts.tables import BRONZE_PROVIDER_EVENTS, BRONZE_QUARANTINE
from payments_contracts.topics import Topic, topics_of

from operations.erasure.subject import Kind, Subject

_BYTES = frozenset({BRONZE_PROVIDER_EVENTS.identifier, BRONZE_QUARANTINE.identifier})


class Remains(NamedTuple):
    """Where something of the subject may be, and until when in words."""

    where: str
    until: str


def remains(
    subject: Subject,
    now: datetime,
    providers: str = "",
    tables: Collection[Maintenance] = MAINTAINED,
    *,
    unreclaimed: str = "",
) -> list[Remains]:
    """Return what holds data of a subject although its rows were erased now.

    Args:
        subject: Whose data it is.
        now: When the rows were erased (UTC).
        providers: Those that this installation has topics of, by commas, as GATEWAY_PROVIDERS has them; empty for all.
        tables: The lake's tables.
        unreclaimed: What the database said where it did not reclaim the pages of deleted rows; empty where it did.
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
    pages = Remains(
        f"deleted rows in the pages of {PAYMENT_EVENTS.name}: VACUUM did nothing ({unreclaimed})",
        f"its autovacuum, or VACUUM by its owner; grant the role of POSTGRES_DSN MAINTAIN on {PAYMENT_EVENTS.name} "
        "(from Postgres 17 on), or make it the owner",
    )
    return [
        *kafka,
        *_unsearched(subject, tables),
        *([pages] if unreclaimed else []),
        Remains("files of earlier merges, which no snapshot of the lake names", f"the first cleaning after {hours} h"),
        Remains("histories of Temporal", "the namespace's retention, counted from the end of each workflow"),
        Remains("Trino's list of finished queries, in memory, with the id", "100 further queries, or a restart"),
        Remains("free space of the database's pages, and its log (WAL)", "it is written over"),
        Remains("backups", "the installation's own rules; erase again after one was restored"),
        Remains(f"{ERASURES.name}, {RECOVERY_ACTIONS.name}: the id, where somebody named it", "kept: who did what"),
        *([terms] if subject.kind is Kind.MERCHANT else []),
        Remains(f"{AUDIT_DIFFERENCES.name}: event ids and amounts, no id of a person", "kept"),
    ]


def _unsearched(subject: Subject, tables: Collection[Maintenance]) -> Iterator[Remains]:
    """Yield the tables whose bytes may name the subject in a way that nothing looks for."""
    if subject.kind is Kind.MERCHANT:
        which = "without a merchant of their own that hold the id otherwise than as a text of JSON"
    else:
        which = (
            "that hold the id otherwise than as a text of JSON, a value of a form or a text of a normalized event, as "
            "with escapes or as a number, of events that no other row tells to be theirs"
        )
    for table in tables:
        name = f"{table.namespace}.{table.name}"
        if name in _BYTES:
            kept = "kept" if table.retention_days is None else f"{table.retention_days} days after they came"
            yield Remains(f"bytes in {name} {which}", kept)


def _stays(topic: Topic) -> timedelta:
    """Return how long a record stays in a topic at most; the broker looks every five minutes."""
    return timedelta(milliseconds=topic.retention_ms + topic.segment_ms)
