"""Compares what one place has with what the next one has; pure."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from payments_contracts.pins.operations import AuditDifference, AuditRun

from operations.audit.hops import Event, Events, Finding, Hop, Money, Place
from operations.stretches import Offsets

Known = Mapping[tuple[str, str], AuditDifference]
"""What is followed, by hop and subject."""
_READ: Final = "read_at:"
# Whoever has made a row may wait so long for the commit of Bronze that holds it.
_UNCOMMITTED: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a group that reads a topic is.

    Attributes:
        group: The consumer group.
        topic: What it reads.
        bounds: The first offset and the one after the last, of each partition.
        committed: The next offset that it will read, of each partition that it has read anything of.
        required: Whether what it has not read waits; a group that may not run holds back nothing before it has begun.
    """

    group: str
    topic: str
    bounds: Mapping[int, tuple[int, int]]
    committed: Offsets
    required: bool = True


def compare(
    hop: Hop, expected: Events, found: Mapping[str, Money | None], excused: Collection[str]
) -> Iterator[Finding]:
    """Yield what is expected and neither found nor excused, and what is found with other money.

    Where one of the two places does not tell of money, there is nothing to compare.
    """
    for event_id, event in expected.items():
        if event_id not in found:
            if event_id not in excused:
                yield Finding(hop, event_id, "missing", _MISSING[hop], event)
            continue
        money = found[event_id]
        if money is not None and event.money is not None and money != event.money:
            detail = f"{_words(event.money)} before, {_words(money)} after"
            yield Finding(hop, event_id, "differs", detail, event)


def unknown_before(hop: Hop, found: Events, expected: Collection[str]) -> Iterator[Finding]:
    """Yield what the next place has and the place before it has not."""
    for event_id, event in found.items():
        if event_id not in expected:
            yield Finding(hop, event_id, "unknown_before", "the operational database has a row, Bronze has none", event)


def deleted_unread(progress: Progress, before: Mapping[str, int], moment: datetime) -> Iterator[Finding]:
    """Yield the ranges of a topic that were deleted before a group had read them.

    A group that stands below the first offset that is left has lost what lies between. One that went on from there
    shows it by where it stood at the look before: what it had not read then, and is deleted now, it may have missed.
    All of it came after the last record that the look before had read: none reads further than the groups.
    """
    group, topic = progress.group, progress.topic
    for partition, (low, end) in sorted(progress.bounds.items()):
        stood = before.get(f"{group}:{topic}/{partition}")
        stands = progress.committed.get(partition)
        place = next((offset for offset in (stood, stands) if offset is not None and offset < low), None)
        read_at = before.get(f"{_READ}{topic}/{partition}")
        since = None if read_at is None else datetime.fromtimestamp(read_at / 1000, UTC)
        if place is not None:
            # Named by its begin alone: while the group stands there, more may be deleted.
            subject = f"{topic}/{partition}@{place}"
            detail = f"offsets {place} to {low - 1} were deleted before {group} had read them"
            event = Event(subject, since or moment, processed_at=since)
            yield Finding("retention", subject, "deleted_unread", detail, event)
        elif stands is not None and stands > end:
            subject = f"{topic}/{partition}@{end}"
            detail = (
                f"{group} has read to offset {stands - 1}, but the topic ends with {end - 1}: it was cut or made anew"
            )
            event = Event(subject, since or moment, processed_at=since)
            yield Finding("retention", subject, "deleted_unread", detail, event)


def read_until(records: Iterable[tuple[Place, Event]], before: AuditRun | None) -> dict[str, int]:
    """Return when the last record came that was read of each partition, in milliseconds since 1970.

    By Kafka's time or by that of its event, whichever is earlier: what is asked for by the one must not miss the other.

    Args:
        records: What a look has read, in the order of each partition.
        before: The run before it, which knows it of partitions of which there was nothing.
    """
    found = {name: at for name, at in (before.positions if before else {}).items() if name.startswith(_READ)}
    for place, event in records:
        at = min(event.since, event.processed_at or event.since)
        found[f"{_READ}{place.topic}/{place.partition}"] = int(at.timestamp() * 1000)
    return found


def looked_for(known: Known, before: AuditRun | None, moment: datetime) -> dict[str, datetime]:
    """Return the events that were looked for in all of Bronze, with when a row has to be made to be one of since then.

    What is missing was looked for when it was found. It is once more on each new day, for a row that was made long
    before it was committed. What is there with another amount is looked for in all of it each time.
    """
    if before is None or before.started_at.date() != moment.date():
        return {}
    there = {each.subject for each in known.values() if each.kind != "missing"}
    return dict.fromkeys((subject for _, subject in known if subject not in there), before.started_at - _UNCOMMITTED)


def reached(progress: Sequence[Progress]) -> dict[str, dict[int, int]]:
    """Return up to where every group that reads a topic has come, by topic and partition."""
    found: dict[str, dict[int, int]] = {}
    for each in progress:
        if each.required or each.committed:
            here = {partition: each.committed.get(partition, 0) for partition in each.bounds}
            there = found.get(each.topic, here)
            found[each.topic] = {partition: min(offset, there[partition]) for partition, offset in here.items()}
    return found


def was_behind(event: Event, progress: Sequence[Progress], before: AuditRun | None, grace: timedelta) -> bool:
    """Return whether an event's record waited already at the look before: then it may have been read just now."""
    place = event.place
    if place is None or before is None or event.since >= before.finished_at - grace:
        return False
    groups = [each.group for each in progress if each.topic == place.topic and each.required]
    return any(before.positions.get(f"{group}:{place.topic}/{place.partition}", 0) <= place.offset for group in groups)


def judge(
    findings: Sequence[Finding],
    known: Known,
    is_under_way: Callable[[Finding], bool],
    moment: datetime,
) -> list[AuditDifference]:
    """Return findings as differences to be kept: under way or open, with when each was first seen."""
    return [
        AuditDifference(
            hop=finding.hop,
            subject=finding.subject,
            kind=finding.kind,
            state="pending" if is_under_way(finding) else "open",
            provider=finding.event.provider,
            topic=finding.event.place.topic if finding.event.place else None,
            partition=finding.event.place.partition if finding.event.place else None,
            offset=finding.event.place.offset if finding.event.place else None,
            event_at=known[key].event_at if finding.hop == "retention" and key in known else finding.event.processed_at,
            currency=finding.event.money.currency if finding.event.money else None,
            amount_cents=finding.event.money.amount if finding.event.money else None,
            detail=finding.detail,
            # What was deleted cannot become older, and who reads on makes it look younger.
            since=known[key].since if finding.hop == "retention" and key in known else finding.event.since,
            found_at=known[key].found_at if key in known else moment,
            checked_at=moment,
        )
        for finding in findings
        for key in [(finding.hop, finding.subject)]
    ]


def resolve(known: Known, found: Sequence[AuditDifference], moment: datetime) -> list[AuditDifference]:
    """Return what was followed and is no longer so, as resolved.

    What was deleted unread, or acknowledged and not kept, does not come back by itself: only a person can close it.
    """
    still = {(each.hop, each.subject) for each in found}
    return [
        each.model_copy(update={"state": "resolved", "checked_at": moment, "resolved_at": moment})
        for key, each in known.items()
        if key not in still and each.hop not in {"acknowledged", "retention"}
    ]


def young(event: Event, moment: datetime, grace: timedelta) -> bool:
    """Return whether an event came so short a time ago that it may still be under way."""
    return moment - event.since < grace


def _words(money: Money) -> str:
    return f"{money.amount} {money.currency}"


_MISSING: Mapping[Hop, str] = {
    "normalization": "raw, but neither normalized nor quarantined, though its type has a mapping",
    "archive": "raw, but not in the archive",
    "quarantine_archive": "dead-lettered, but not in the archive",
    "bronze": "normalized, but no row in Bronze and no dead letter: its workflow is unknown, failed or waits",
    "database": "a row in Bronze, but none in the operational database",
    "silver": "a row in Bronze, but none in Silver",
}
