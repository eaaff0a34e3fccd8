"""Follows an event, or the events of a payment, by one id through all parts at once."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial, reduce
from typing import Final

from kit.clock import Clock
from payments_contracts.pins.operations import ProviderEvent
from payments_contracts.tables import BRONZE_PROVIDER_EVENTS, BRONZE_QUARANTINE
from payments_contracts.topics import INGESTION_DLQ, NORMALIZED, VALIDATION_DLQ, raw_topic
from pyiceberg.expressions import And, Or

from operations.recovery.events import RawEvent
from operations.recovery.trial import try_raw
from operations.trace import gather
from operations.trace.asking import Asked, Parts
from operations.trace.facts import DATABASE, KAFKA, LAKE, TEMPORAL, Facts, Row, Seen, Workflow
from operations.trace.ids import SHORTEST, event_id_of, forms
from operations.trace.ports import Servers
from operations.trace.records import Within
from operations.trace.tables import Search

# What was written later than this may not be in the archive yet.
_ARCHIVED_AFTER: Final = timedelta(minutes=2)
_SEARCH_SECONDS: Final = 1.0
_NOT_SET: Final = "its address is not set"


@dataclass(frozen=True, slots=True)
class Look:
    """What was found under an id.

    Attributes:
        found: What is known of each event, the oldest first.
        looked: Where an id was looked for that was not found, in words.
        away: Which parts could not be asked, with why.
        more: Whether there may be more events than were followed.
    """

    found: list[Facts]
    looked: list[str]
    away: dict[str, str]
    more: bool = False


class Tracer:
    """Looks for events.

    Args:
        servers: See Servers.
        clock: Returns the present time.
        seconds: How long each part may take to answer.
    """

    def __init__(self, servers: Servers, clock: Clock, seconds: float) -> None:
        self._servers = servers
        self._now = clock()
        self._seconds = seconds
        self._parts = Parts(seconds)

    def look(self, wanted: str, *, limit: int, since: datetime | None = None) -> Look:
        """Return what all parts know of an event, a provider's event, or an object and what belongs to it.

        Args:
            wanted: An id of any of these.
            limit: Most events to follow: the newest.
            since: How far back an id is searched for that the operational database and Temporal do not know, however
                long that takes; a day, and for a second, unless said.
        """
        parts, servers = self._parts, self._servers
        addresses = {DATABASE: servers.rows, TEMPORAL: servers.workflows}
        parts.away |= {part: _NOT_SET for part, address in addresses.items() if address is None}
        connecting = Asked(servers.tables.connect)
        asked_rows = Asked(lambda: self._rows(wanted, limit))
        event_id = event_id_of(wanted)
        asked_workflow = Asked(lambda: {} if event_id is None else self._workflows([event_id], with_event=True))
        found = parts.get(DATABASE, asked_rows, [])
        workflows = parts.get(TEMPORAL, asked_workflow, {})
        looked: list[str] = []
        if not found:
            found = [Facts(each) for each in workflows]
        if not found:
            parts.get(LAKE, connecting, None)
            found = self._search(wanted, since, looked)
        for facts in found:
            facts.workflow = workflows.get(facts.event_id)
        self._gather(found)
        for facts in found:
            facts.away = dict(parts.away)
        ordered = sorted(found, key=lambda facts: facts.known("received_at") or self._now)
        return Look(ordered, looked if not found else [], parts.away, len(found) >= limit > 1)

    def _rows(self, wanted: str, limit: int) -> list[Facts]:
        if self._servers.rows is None:
            return []
        with self._servers.rows() as rows:
            found = next((found for each in forms(wanted) if (found := rows.find(each, limit))), [])
            notes = rows.notes([row["event_id"] for row in found])
            return [
                Facts(
                    row["event_id"],
                    row=row,
                    payment_id=gather.payment_of(row, rows),
                    notes=notes.get(row["event_id"], ()),
                )
                for row in found
            ]

    def _workflows(self, event_ids: Iterable[str], *, with_event: bool) -> dict[str, Workflow]:
        if self._servers.workflows is None:
            return {}
        with self._servers.workflows() as workflows:
            found = {each: workflows.find(each, with_event=with_event) for each in event_ids}
        return {event_id: workflow for event_id, workflow in found.items() if workflow is not None}

    def _gather(self, found: Sequence[Facts]) -> None:
        """Ask all parts for what they have of events that are known by now."""
        parts, servers = self._parts, self._servers
        in_tables = [Asked(partial(gather.from_tables, facts, servers.tables, self._now)) for facts in found]
        # What Postgres has a row of need not wait for Bronze.
        of_payments = self._ask_payments(found)
        missing = [facts.event_id for facts in found if facts.workflow is None]
        workflows = parts.get(TEMPORAL, Asked(lambda: self._workflows(missing, with_event=False)), {})
        for facts in found:
            facts.workflow = facts.workflow or workflows.get(facts.event_id)
        in_topics = Asked(lambda: self._from_records(found))
        for asked in (*in_tables, *of_payments):
            parts.get(LAKE, asked, None)
        parts.get(KAFKA, in_topics, None)
        unknown = [facts for facts in found if facts.row is None]
        if unknown:
            parts.get(DATABASE, Asked(lambda: self._notes(unknown)), None)
            for asked in self._ask_payments(unknown):
                parts.get(LAKE, asked, None)
        if KAFKA not in parts.away:
            parts.get(KAFKA, Asked(lambda: self._progress(found)), None)
        for facts in found:
            if facts.scored is None and not facts.normalized and facts.workflow is None:
                facts.trial = next((try_raw(each) for each in map(_raw_event, facts.raw) if each is not None), None)

    def _ask_payments(self, found: Sequence[Facts]) -> list[Asked[None]]:
        """Ask for each payment once, whichever of its events are followed."""
        of_payments: defaultdict[str, list[Facts]] = defaultdict(list)
        for facts in found:
            if facts.scored is not None and facts.payment_id is None:
                facts.payment_id = gather.payment_of(facts.scored, None)
            if facts.payment_id is not None and facts.scored is not None:
                of_payments[facts.payment_id].append(facts)
        return [Asked(partial(gather.payment_from_tables, each, self._servers.tables)) for each in of_payments.values()]

    def _from_records(self, found: Sequence[Facts]) -> None:
        with self._servers.records() as records:
            for facts in found:
                gather.from_records(facts, records)

    def _progress(self, found: Sequence[Facts]) -> None:
        waiting = [facts for facts in found if not facts.raw or facts.scored is None]
        if not waiting:
            return
        with self._servers.records() as records:
            for facts in waiting:
                gather.archived_places(facts, records)
                gather.progress(facts, records, self._servers.normalizer_group, self._servers.consumer_group)

    def _notes(self, found: Sequence[Facts]) -> None:
        if self._servers.rows is None:
            return
        with self._servers.rows() as rows:
            notes = rows.notes([facts.event_id for facts in found])
        for facts in found:
            facts.notes = notes.get(facts.event_id, ())

    def _search(self, wanted: str, since: datetime | None, looked: list[str]) -> list[Facts]:
        """Look for an id whose time is unknown: in the archive, and in the ends of topics that are not archived."""
        tables, seconds = self._servers.tables, _SEARCH_SECONDS if since is None else self._seconds
        earliest = since or self._now - timedelta(days=1)
        names = ("event_id", "provider_event_id")
        either = reduce(Or, (gather.equal(name, form) for form in forms(wanted) for name in names))
        among = And(either, gather.between("received_at", earliest, self._now + timedelta(days=1)))
        raw, letters = (
            Asked(partial(tables.search, table.identifier, among, "received_at", seconds))
            for table in (BRONZE_PROVIDER_EVENTS, BRONZE_QUARANTINE)
        )
        tail = Asked(lambda: self._tail(wanted))
        found: dict[str, Facts] = {}
        nothing = Search([], earliest)
        for table, asked in ((BRONZE_PROVIDER_EVENTS, raw), (BRONZE_QUARANTINE, letters)):
            search = self._parts.get(LAKE, asked, nothing)
            back_to = search.complete_since or earliest
            if LAKE not in self._parts.away:
                looked.append(f"{table.identifier}, received since {back_to:%Y-%m-%d %H:%M:%S}")
            for each in search.found:
                facts = found.setdefault(each.row["event_id"], Facts(each.row["event_id"]))
                if table is BRONZE_PROVIDER_EVENTS:
                    facts.archived = [*facts.archived, each]
                else:
                    facts.archived_letters = [*facts.archived_letters, gather.letter_of_row(each)]
        records = self._parts.get(KAFKA, tail, {})
        for topic, within in records.items():
            for seen in within.seen:
                event_id = seen.record.get("event_id", event_id_of(wanted) or wanted)
                _add(found.setdefault(event_id, Facts(event_id)), topic, seen)
        self._tell_places(wanted, [topic for topic, within in records.items() if not within.is_whole], looked)
        return list(found.values())

    def _tell_places(self, wanted: str, cut: Sequence[str], looked: list[str]) -> None:
        if len(wanted) < SHORTEST:
            looked.append(f"not in records of the topics: what has fewer than {SHORTEST} characters is in most of them")
        elif KAFKA not in self._parts.away:
            but = f", but not in all records of {', '.join(cut)}" if cut else ""
            looked.append(f"the topics, written since {self._now - _ARCHIVED_AFTER:%H:%M:%S}{but}")
        if self._servers.workflows is not None and TEMPORAL not in self._parts.away and event_id_of(wanted):
            looked.insert(0, "Temporal: workflow id")
        if self._servers.rows is not None and DATABASE not in self._parts.away:
            looked.insert(0, "the operational database: event id, provider's id, object, payment")

    def _tail(self, wanted: str) -> dict[str, Within]:
        if len(wanted) < SHORTEST:
            return {}
        topics = [*map(raw_topic, self._servers.providers), INGESTION_DLQ, VALIDATION_DLQ, NORMALIZED]
        since = self._now - _ARCHIVED_AFTER
        with self._servers.records() as records:
            return {topic.name: records.between(topic, set(forms(wanted)), since) for topic in topics}


def _add(facts: Facts, topic: str, seen: Seen) -> None:
    match topic:
        case NORMALIZED.name:
            facts.normalized = [*facts.normalized, seen]
        case INGESTION_DLQ.name | VALIDATION_DLQ.name:
            facts.letters = [*facts.letters, gather.letter_of(seen)]
        case _:
            facts.raw = [*facts.raw, seen]


def _raw_event(seen: Seen) -> RawEvent | None:
    record: Row = seen.record
    return RawEvent(ProviderEvent.model_validate(record), "topic", None) if record else None
