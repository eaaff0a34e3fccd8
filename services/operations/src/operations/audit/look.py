"""One look at one window of time, at every hop."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import uuid4

from kit.clock import Clock, utc_now
from payments_contracts.pins.operations import AuditDifference, AuditRun
from payments_contracts.tables import BRONZE_PROVIDER_EVENTS, BRONZE_QUARANTINE

from operations.audit import gateways
from operations.audit.balance import (
    Known,
    Progress,
    compare,
    deleted_unread,
    judge,
    looked_for,
    reached,
    read_until,
    resolve,
    unknown_before,
    was_behind,
    young,
)
from operations.audit.gateways import Acknowledged
from operations.audit.hops import HOPS, Event, Events, Finding, Hop, Money, Place, Tally, Window
from operations.audit.ports import Places
from operations.audit.stream import DEAD_LETTERS, Reach, Streams

_LOOK_BACK: Final = timedelta(minutes=10)
_OWN: Final = "audit:"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an event may be under way before it is missed.

    Attributes:
        flight: From Kafka to Bronze and the operational database.
        silver: From Bronze to Silver, which is built every hour: two builds and some minutes.
    """

    flight: timedelta = timedelta(minutes=15)
    silver: timedelta = timedelta(minutes=130)


@dataclass(slots=True)
class Look:
    """What a look found.

    Attributes:
        run: As it is to be kept.
        differences: Every one that is new, followed or resolved.
        unread: How many offsets before the window's end wait for their readers, by topic.
        unreadable: How many records nobody can decode, by topic.
        more: Whether there was more to read than a look reads.
        compared: The hops at which there was something to compare; of `acknowledged`, the providers of which there was.
    """

    run: AuditRun
    differences: list[AuditDifference]
    unread: dict[str, int] = field(default_factory=dict)
    unreadable: dict[str, int] = field(default_factory=dict)
    more: bool = False
    compared: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def of(self, state: str) -> list[AuditDifference]:
        """Return the differences in one state."""
        return [each for each in self.differences if each.state == state]


class Auditor:
    """Looks at windows of time. `tell` is told what is being looked at, in a few words."""

    def __init__(
        self,
        places: Places,
        progress: Callable[[], Sequence[Progress]],
        acknowledged: Callable[[Mapping[str, int]], tuple[Acknowledged, ...]],
        *,
        patience: Patience | None = None,
        clock: Clock = utc_now,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._stream, self._lake, self._archive, self._rows = places
        self._progress = progress
        self._acknowledged = acknowledged
        self._patience = patience or Patience()
        self._clock = clock
        self._tell = tell

    def divide(self, window: Window) -> Iterator[Window]:
        """Yield a window in pieces that a look can hold.

        Raises:
            UnavailableError: Kafka does not answer.
            DeploymentError: A topic is missing.
        """
        return self._stream.divide(window)

    def look(
        self,
        window: Window,
        followed: Sequence[AuditDifference],
        before: AuditRun | None,
        start: AuditRun | None,
        *,
        accepted: AbstractSet[tuple[str, str]] = frozenset(),
        standing: bool,
    ) -> Look:
        """Look at a window, and again at what is followed.

        Args:
            window: What belongs to the look; may be empty, for a look at what is followed alone.
            followed: The differences that are open or under way.
            before: The run that ended last.
            start: The run from whose positions in the topics this one goes on; None to go by the window's time.
            accepted: Hop and subject of what a person has judged final, which is not told again.
            standing: Whether the next window begins where this one ends.

        Raises:
            UnavailableError: A server does not answer; nothing is concluded then.
            DeploymentError: A topic, table or schema is missing.
        """
        started_at = self._clock()
        known: Known = {(each.hop, each.subject): each for each in followed}
        tally = Tally()
        self._tell("topics")
        # Before the records: whoever is past a record's place by now has had all the time until its row is looked for.
        progress = self._progress()
        reach = Reach(
            window,
            _own_positions(start),
            reached(progress),
            # What was dead-lettered before the last look is known from it.
            min(before.started_at, window.since) if before and followed else window.since,
            followed={each.subject for each in followed if each.hop == "normalization"},
        )
        streams = self._stream.read(reach)
        findings = [*self._find_deleted(progress, before)]
        last_said = dict(before.gateways) if before else {}
        looked = self._acknowledged(last_said)
        shortfalls = list(gateways.shortfalls(looked, last_said))
        findings += _find_unkept(shortfalls, last_said, started_at)
        again = looked_for(known, before, started_at)
        findings += self._find_lost(window, streams, known, tally, again)
        archived = {each.topic for each in progress if not each.required and each.committed}
        findings += self._find_unarchived(streams, known, archived)
        findings = [each for each in findings if (each.hop, each.subject) not in accepted]
        moment = self._clock()

        def is_under_way(finding: Finding) -> bool:
            match finding.hop:
                case "acknowledged" | "retention":
                    return False
                case "silver":
                    return finding.kind == "missing" and young(finding.event, moment, self._patience.silver)
            behind = was_behind(finding.event, progress, before, self._patience.flight)
            return behind or young(finding.event, moment, self._patience.flight)

        differences = judge(findings, known, is_under_way, moment)
        differences += resolve(known, differences, moment)
        kept = {(each.hop, each.subject) for each in differences}
        opened = [each for each in differences if each.state == "open"]
        opened += [each for key, each in known.items() if key not in kept and each.state == "open"]
        run = AuditRun(
            run_id=str(uuid4()),
            since=window.since,
            until=window.until,
            standing=standing,
            started_at=started_at,
            finished_at=moment,
            outcome="differences" if opened else "balanced",
            counts=tally.counts,
            sums={
                f"{place}.{currency}": total for place, sums in tally.sums.items() for currency, total in sums.items()
            },
            open=_by_hop(opened),
            pending=_by_hop([each for each in differences if each.state == "pending"]),
            positions={
                f"{each.group}:{each.topic}/{partition}": offset
                for each in progress
                for partition, offset in each.committed.items()
            }
            | {f"{_OWN}{name}": offset for name, offset in streams.positions.items()}
            | read_until(streams.records(), before),
            gateways=gateways.keep(last_said, looked),
        )
        compared = _compared(archived | _empty(progress), [each.provider for each, _ in shortfalls])
        return Look(run, differences, streams.unread, streams.unreadable, streams.more, compared)

    def _find_deleted(self, progress: Sequence[Progress], before: AuditRun | None) -> Iterator[Finding]:
        for each in progress:
            positions = before.positions if before else {}
            yield from deleted_unread(each, positions, self._clock())

    def _find_unarchived(self, streams: Streams, known: Known, archived: AbstractSet[str]) -> Iterator[Finding]:
        """Compare records with the archive, by their places; nothing where no archiver has ever run."""
        hops: tuple[tuple[Hop, str, Mapping[Place, Event]], ...] = (
            ("archive", BRONZE_PROVIDER_EVENTS.identifier, streams.places),
            ("quarantine_archive", BRONZE_QUARANTINE.identifier, streams.dead_places),
        )
        for hop, table, places in hops:
            followed = [event for event in _followed(known, hop).values() if event.place is not None]
            due = {place: event for place, event in places.items() if place.topic in archived}
            due |= {event.place: event for event in followed if event.place is not None}
            if due:
                self._tell("the archive")
                has = self._archive.archived(table, due)
                expected = {_name(place): replace(event, money=None) for place, event in due.items()}
                yield from compare(hop, expected, {_name(place): None for place in has}, ())

    def _find_lost(
        self, window: Window, streams: Streams, known: Known, tally: Tally, again: Mapping[str, datetime]
    ) -> list[Finding]:
        """Follow the window's events, and those that are followed, through every hop after the raw topics."""
        self._tell("Bronze and the operational database")
        wide = Window(window.since - _LOOK_BACK, window.until)
        bronze = {} if window.is_empty else dict(self._lake.bronze_between(wide))
        rows = {} if window.is_empty else dict(self._rows.rows_between(wide))

        archived = self._archive.raw_before(window, streams.cut) if streams.cut and not window.is_empty else {}
        if archived:
            quarantined, dead = self._archive.gone_before(window)
            streams.quarantined |= quarantined
            streams.dead |= dead
        raw = _followed(known, "normalization") | streams.lost | dict(archived)
        normalized = _followed(known, "bronze") | streams.normalized
        # What was missing at a hop and came after all has not been looked at behind it yet.
        normalized |= {key: streams.seen[key] for key in raw if key in streams.seen}
        scored = _followed(known, "database") | _followed(known, "silver")

        missed = {
            key: event
            for key, event in (raw | normalized | scored | rows).items()
            if key not in bronze and key not in streams.quarantined and key not in streams.dead
        }
        rows |= self._rows.rows_of([key for key in missed.keys() | (bronze.keys() - rows.keys()) if key not in rows])
        elsewhere = {key: row.processed_at for key in missed if (row := rows.get(key)) and row.processed_at}
        bronze |= self._lake.bronze_of(missed, elsewhere, again) if missed else {}

        # Followed, and now gone from both places.
        normalized |= {key: event for key, event in scored.items() if key not in bronze and key not in rows}
        here = {key: event for key, event in bronze.items() if _is_inside(event, window)}
        scored_here = here | {key: bronze[key] for key in (raw | normalized | scored).keys() & bronze.keys()}
        rows_here = {
            key: event for key, event in rows.items() if _is_inside(event, window) or ("database", key) in known
        }
        lost = {key: each for key, each in archived.items() if key not in bronze and key not in rows}
        for key in self._archive.unsupported(lost) if lost else ():
            del raw[key]
            streams.unsupported += 1
        tally.counts |= {
            "raw": len(streams.raw | archived.keys()),
            "raw_records": len(streams.places),
            "unsupported": streams.unsupported,
            "quarantined": len(streams.raw & streams.quarantined),
            "dead_letters": len(streams.dead & streams.normalized.keys()),
        }
        tally.note("normalized", streams.normalized)
        tally.note("bronze", here)
        tally.note("database", {key: event for key, event in rows.items() if _is_inside(event, window)})

        self._tell("Silver")
        silver = self._lake.silver_of(scored_here, wide) if scored_here else {}
        tally.note("silver", {key: _told(here[key], silver[key]) for key in here.keys() & silver.keys()})

        normalized_ids: dict[str, Money | None] = dict.fromkeys(streams.seen.keys() | bronze.keys() | rows.keys())
        return [
            *compare("normalization", raw, normalized_ids, streams.quarantined | streams.dead),
            *compare("bronze", normalized, _money(bronze), streams.dead),
            *compare("database", scored_here, _money(rows), streams.dead),
            *unknown_before("database", rows_here, bronze.keys() | normalized.keys()),
            *compare("silver", scored_here, silver, ()),
        ]


def _own_positions(run: AuditRun | None) -> dict[str, int]:
    positions = run.positions.items() if run else ()
    return {name.removeprefix(_OWN): offset for name, offset in positions if name.startswith(_OWN)}


def _empty(progress: Sequence[Progress]) -> set[str]:
    """Return the topics that never got a record: nothing of them is missing anywhere."""
    return {each.topic for each in progress if each.bounds and not any(end for _, end in each.bounds.values())}


def _compared(archived: AbstractSet[str], providers: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the hops at which there was something to compare, by the topics that are archived and by gateways."""
    absent: dict[Hop, bool] = {
        "acknowledged": not providers,
        "archive": not archived - DEAD_LETTERS,
        "quarantine_archive": not archived >= DEAD_LETTERS,
    }
    return {hop: tuple(providers) if hop == "acknowledged" else () for hop in HOPS if not absent.get(hop)}


def _find_unkept(
    shortfalls: Sequence[tuple[Acknowledged, int]], before: Mapping[str, int], moment: datetime
) -> Iterator[Finding]:
    for each, missing in shortfalls:
        if missing <= 0:
            continue
        asked_at = gateways.said(each.provider, before).asked_at
        since = moment if asked_at is None else datetime.fromtimestamp(asked_at / 1000, UTC)
        subject = f"{each.provider}@{since:%Y-%m-%dT%H:%M:%SZ}"
        detail = f"{missing} fewer records than the gateway acknowledged webhooks"
        yield Finding("acknowledged", subject, "fewer", detail, Event(subject, since, each.provider))


def _followed(known: Known, hop: Hop) -> dict[str, Event]:
    return {subject: _event(each) for (name, subject), each in known.items() if name == hop}


def _event(each: AuditDifference) -> Event:
    place = None
    if each.topic is not None and each.partition is not None and each.offset is not None:
        place = Place(each.topic, each.partition, each.offset)
    money = None
    if each.currency is not None and each.amount_cents is not None:
        money = Money(each.currency, each.amount_cents)
    return Event(each.subject, each.since, each.provider, money, each.event_at, place)


def _name(place: Place) -> str:
    return f"{place.topic}/{place.partition}@{place.offset}"


def _is_inside(event: Event, window: Window) -> bool:
    return event.processed_at is not None and window.since <= event.processed_at < window.until


def _money(events: Events) -> dict[str, Money | None]:
    return {key: event.money for key, event in events.items()}


def _told(event: Event, money: Money) -> Event:
    return Event(event.event_id, event.since, event.provider, money)


def _by_hop(differences: Sequence[AuditDifference]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for each in differences:
        counts[each.hop] = counts.get(each.hop, 0) + 1
    return counts
