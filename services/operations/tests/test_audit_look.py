"""A look follows each event through every hop, and looks behind a hop at what came late."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO

from operations.audit.balance import Progress
from operations.audit.gateways import Acknowledged, Answer
from operations.audit.hops import Event, Events, Money, Place, Window
from operations.audit.look import Auditor, Look
from operations.audit.ports import Places
from operations.audit.report import as_json, print_state
from operations.audit.stream import Reach, Streams
from operations.stretches import Offsets
from payments_contracts.pins.operations import AuditDifference, AuditRun
from payments_contracts.topics import INGESTION_DLQ, VALIDATION_DLQ
from rich.console import Console

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = Window(NOON - timedelta(hours=1), NOON)
EVENT_AT = NOON - timedelta(minutes=30)
NOTHING = Window(NOON, NOON)
RAW, NORMALIZED = "payments.stripe.raw", "payments.normalized"


def event(event_id: str, topic: str | None = None, amount: int = 500, at: datetime = EVENT_AT) -> Event:
    place = Place(topic, 0, 7) if topic else None
    return Event(event_id, at, "stripe", Money("EUR", amount), at, place, "2026-03-01")


def by_id(*events: Event) -> dict[str, Event]:
    return {each.event_id: each for each in events}


class World:
    """Every place of the path, in memory; what is looked up by its id is noted in `asked`."""

    def __init__(self) -> None:
        self.streams = Streams()
        self.bronze: dict[str, Event] = {}
        self.rows: dict[str, Event] = {}
        self.silver: dict[str, Money] = {}
        self.archive: set[Place] = set()
        self.older: dict[str, Event] = {}
        self.progress = [
            Progress("normalizer", RAW, {0: (0, 10)}, {0: 10}),
            Progress("orchestrator", NORMALIZED, {0: (0, 10)}, {0: 10}),
        ]
        self.acknowledged: tuple[Acknowledged, ...] = ()
        self.asked: set[str] = set()
        self.again: dict[str, datetime] = {}
        self.reach: Reach | None = None

    def put(self, *events: Event) -> None:
        """Put events at each place from Bronze on."""
        for each in events:
            self.bronze[each.event_id] = self.rows[each.event_id] = each
            if each.money:
                self.silver[each.event_id] = each.money

    def read(self, reach: Reach) -> Streams:
        self.reach = reach
        return self.streams

    def divide(self, window: Window) -> Iterator[Window]:
        yield window

    def bronze_between(self, window: Window) -> Events:
        return _between(self.bronze, window)

    def bronze_of(
        self, events: Events, elsewhere: Mapping[str, datetime], again: Mapping[str, datetime] | None = None
    ) -> Events:
        assert elsewhere.keys() <= events.keys()
        self.asked |= events.keys()
        self.again = dict(again or {})
        return {key: self.bronze[key] for key in events if key in self.bronze}

    def silver_of(self, events: Events, window: Window) -> Mapping[str, Money]:
        assert window.until >= window.since
        return {key: self.silver[key] for key in events if key in self.silver}

    def archived(self, table: str, places: Mapping[Place, Event]) -> set[Place]:
        assert table.startswith("bronze.")
        return self.archive & places.keys()

    def raw_before(self, window: Window, cut: Mapping[str, Offsets]) -> Events:
        assert cut
        return _between(self.older, window)

    def gone_before(self, window: Window) -> tuple[set[str], set[str]]:
        assert not window.is_empty
        return {"quarantined"} & self.older.keys(), set()

    def unsupported(self, events: Events) -> set[str]:
        return {"unsupported"} & events.keys()

    def rows_between(self, window: Window) -> Events:
        return _between(self.rows, window)

    def rows_of(self, event_ids: Iterable[str]) -> Events:
        return {key: self.rows[key] for key in event_ids if key in self.rows}

    def look(
        self,
        window: Window = HOUR,
        followed: Sequence[AuditDifference] = (),
        before: AuditRun | None = None,
        at: datetime = NOON + timedelta(hours=3),
    ) -> Look:
        auditor = Auditor(
            Places(self, self, self, self), lambda: self.progress, lambda _: self.acknowledged, clock=lambda: at
        )
        return auditor.look(window, followed, before, before, standing=True)


def _between(events: Events, window: Window) -> Events:
    return {
        key: each
        for key, each in events.items()
        if each.processed_at is not None and window.since <= each.processed_at < window.until
    }


def found(look: Look) -> dict[tuple[str, str], tuple[str, str]]:
    return {(each.hop, each.subject): (each.kind, each.state) for each in look.differences}


def test_where_each_place_has_all_there_is_nothing_to_tell() -> None:
    world = World()
    world.streams.normalized = by_id(event("a", NORMALIZED), event("b", NORMALIZED))
    world.put(event("a"), event("b"))
    look = world.look()
    assert (look.run.outcome, look.differences) == ("balanced", [])
    assert look.run.counts["bronze"] == look.run.counts["database"] == look.run.counts["silver"] == 2
    assert look.run.sums == {f"{place}.EUR": 1000 for place in ("normalized", "bronze", "database", "silver")}
    assert world.asked == set(), "nothing is looked up by itself"


def test_what_is_missing_is_told_at_its_hop_alone() -> None:
    world = World()
    world.streams.lost = by_id(event("raw", RAW))
    world.streams.normalized = by_id(*(event(name, NORMALIZED) for name in ("whole", "bronze", "database", "silver")))
    world.put(event("whole"), event("database"), event("silver"))
    del world.rows["database"], world.silver["silver"]
    assert found(world.look()) == {
        ("normalization", "raw"): ("missing", "open"),
        ("bronze", "bronze"): ("missing", "open"),
        ("database", "database"): ("missing", "open"),
        ("silver", "silver"): ("missing", "open"),
    }


def test_a_dead_letter_explains_every_row_that_is_missing_behind_it() -> None:
    world = World()
    world.streams.normalized = by_id(event("a", NORMALIZED), event("b", NORMALIZED))
    world.streams.dead = {"a", "b"}
    world.bronze["b"] = event("b")
    world.silver["b"] = Money("EUR", 500)
    assert found(world.look()) == {}


def test_a_row_of_the_database_that_nothing_before_it_knows_is_told() -> None:
    world = World()
    world.rows["a"] = event("a")
    assert found(world.look()) == {("database", "a"): ("unknown_before", "open")}


def test_a_row_that_was_made_of_an_earlier_webhook_of_the_event_is_found() -> None:
    world = World()
    world.streams.normalized = by_id(event("a", NORMALIZED))
    world.put(event("a", at=EVENT_AT - timedelta(days=3)))
    assert found(world.look()) == {}
    assert world.asked == {"a"}


def test_another_amount_is_told_at_the_hop_where_it_changed() -> None:
    world = World()
    world.streams.normalized = by_id(event("a", NORMALIZED))
    world.put(event("a", amount=501))
    world.rows["a"] = event("a", amount=502)
    assert found(world.look()) == {("bronze", "a"): ("differs", "open"), ("database", "a"): ("differs", "open")}


def test_what_came_a_moment_ago_is_under_way() -> None:
    world = World()
    world.streams.normalized = by_id(event("a", NORMALIZED))
    assert found(world.look(at=EVENT_AT + timedelta(minutes=5))) == {("bronze", "a"): ("missing", "pending")}
    assert world.look(at=EVENT_AT + timedelta(minutes=5)).run.outcome == "balanced"


def test_what_is_followed_is_resolved_once_it_is_there_and_looked_for_behind() -> None:
    world = World()
    world.streams.lost = by_id(event("a", RAW))
    first = world.look()
    world.streams = Streams(seen=by_id(event("a", NORMALIZED)))
    second = world.look(NOTHING, first.differences, first.run)
    assert world.reach is not None
    assert world.reach.followed == {"a"}
    assert found(second)["normalization", "a"][1] == "resolved"
    assert ("bronze", "a") in found(second)
    world.put(event("a"))
    third = world.look(NOTHING, second.of("open") + second.of("pending"), second.run)
    assert found(third) == {("bronze", "a"): ("missing", "resolved")}


def test_what_is_followed_and_gone_from_both_tables_is_not_forgotten() -> None:
    world = World()
    world.put(event("a"))
    del world.rows["a"]
    first = world.look()
    assert found(first) == {("database", "a"): ("missing", "open")}
    world.bronze.clear()
    assert ("bronze", "a") in found(world.look(NOTHING, first.differences, first.run))


def test_records_are_held_against_the_archive_where_an_archiver_runs() -> None:
    world = World()
    places = [Place(RAW, 0, offset) for offset in (3, 4)]
    world.streams.places = {place: replace(event(str(place.offset)), place=place) for place in places}
    world.archive = {places[0]}
    assert found(world.look()) == {}
    world.progress.append(Progress("archiver", RAW, {0: (0, 10)}, {0: 10}, required=False))
    first = world.look()
    assert found(first) == {("archive", f"{RAW}/0@4"): ("missing", "open")}
    world.streams = Streams()
    assert [each.state for each in world.look(NOTHING, first.differences, first.run).differences] == ["open"]


def test_what_the_topics_have_deleted_is_taken_from_the_archive() -> None:
    world = World()
    world.older = by_id(*(event(name, RAW) for name in ("whole", "quarantined", "unsupported", "lost")))
    world.put(event("whole"))
    assert found(world.look()) == {}, "nothing was deleted"
    world.streams.cut = {RAW: {0: 9}}
    look = world.look()
    assert found(look) == {("normalization", "lost"): ("missing", "open")}
    assert look.run.counts["raw"] == 4
    assert look.run.counts["unsupported"] == 1


def acknowledged(accepted: int, before: int, after: int) -> tuple[Acknowledged, ...]:
    return (Acknowledged("stripe", {"10.0.0.1": Answer(accepted)}, {0: before}, {0: after}, NOON),)


def test_an_acknowledgement_without_a_record_stays_open() -> None:
    world = World()
    world.acknowledged = acknowledged(10, 12, 12)
    first = world.look()
    world.acknowledged = acknowledged(13, 12, 14)
    second = world.look(NOTHING, (), first.run)
    assert [(each.hop, each.kind, each.state) for each in second.differences] == [("acknowledged", "fewer", "open")]
    assert [each.since for each in second.differences] == [NOON]
    world.acknowledged = acknowledged(13, 14, 14)
    assert world.look(NOTHING, second.differences, second.run).run.outcome == "differences"


def test_a_gateway_that_did_not_answer_is_compared_with_what_it_last_said() -> None:
    world = World()
    world.acknowledged = acknowledged(10, 12, 12)
    first = world.look()
    world.acknowledged = ()
    second = world.look(NOTHING, (), first.run)
    world.acknowledged = acknowledged(13, 12, 14)
    third = world.look(NOTHING, (), second.run)
    assert [each.hop for each in third.differences] == ["acknowledged"]


def test_a_hop_that_was_not_compared_has_no_green_tick() -> None:
    world = World()
    first = world.look()
    assert "- what the gateways acknowledged is in the raw topics: not compared" in printed(first)
    assert "- raw is in the archive: not compared" in printed(first)
    world.acknowledged = acknowledged(10, 12, 12)
    world.progress.append(Progress("archiver", RAW, {0: (0, 10)}, {0: 10}, required=False))
    second = world.look(NOTHING, (), first.run)
    assert "acknowledged" not in second.compared, "nothing to compare with yet"
    third = printed(second, world.look(NOTHING, (), second.run))
    assert "✓ what the gateways acknowledged is in the raw topics: compared stripe" in third
    assert "✓ raw is in the archive" in third
    assert "- dead letters are in the archive: not compared" in third


def test_hops_that_were_not_compared_are_told_to_machines_with_whose_gateways_they_are() -> None:
    world = World()
    world.acknowledged = acknowledged(10, 12, 12)
    first = world.look()
    assert as_json([first], [], ("square", "stripe"))["uncompared"] == {
        "acknowledged": ["square", "stripe"],
        "archive": [],
        "quarantine_archive": [],
    }
    # A topic that never got a record has nothing that could be missing in the archive.
    world.progress.append(Progress("archiver", RAW, {0: (0, 10)}, {0: 10}, required=False))
    world.progress.append(Progress("archiver", INGESTION_DLQ.name, {0: (0, 4)}, {0: 4}, required=False))
    world.progress.append(Progress("archiver", VALIDATION_DLQ.name, {0: (0, 0), 1: (0, 0)}, {}, required=False))
    second = world.look(NOTHING, (), first.run)
    assert as_json([second], [], ("square", "stripe"))["uncompared"] == {"acknowledged": ["square"]}
    world.progress[-1] = Progress("archiver", VALIDATION_DLQ.name, {0: (0, 0), 1: (3, 3)}, {}, required=False)
    third = world.look(NOTHING, (), second.run)
    assert as_json([third], [], ("stripe",))["uncompared"] == {"quarantine_archive": []}
    # Nor is one of the two topics both.
    world.progress[-1] = Progress("archiver", VALIDATION_DLQ.name, {0: (0, 3)}, {0: 3}, required=False)
    world.progress[-2] = Progress("archiver", INGESTION_DLQ.name, {0: (0, 4)}, {}, required=False)
    fourth = world.look(NOTHING, (), third.run)
    assert as_json([fourth], [], ("stripe",))["uncompared"] == {"quarantine_archive": []}


def test_what_the_gateways_refused_and_the_archive_lacks_is_named_by_its_place() -> None:
    world = World()
    kept, lost = Place(INGESTION_DLQ.name, 0, 1), Place(INGESTION_DLQ.name, 0, 2)
    world.streams.dead_places = {each: replace(event("refused"), place=each) for each in (kept, lost)}
    world.archive = {kept}
    world.progress.append(Progress("archiver", INGESTION_DLQ.name, {0: (0, 3)}, {0: 3}, required=False))
    assert found(world.look()) == {("quarantine_archive", f"{INGESTION_DLQ.name}/0@2"): ("missing", "open")}


def printed(*looks: Look) -> list[str]:
    text = StringIO()
    print_state(looks, [], Console(file=text, width=200))
    return text.getvalue().splitlines()


def test_what_was_looked_for_everywhere_is_so_again_on_the_next_day_alone() -> None:
    world = World()
    world.streams.normalized = by_id(event("a", NORMALIZED))
    first = world.look()
    assert world.again == {}, "nothing is followed yet"
    started = first.run.started_at
    world.look(NOTHING, first.differences, first.run, at=started + timedelta(hours=1))
    assert world.again == {"a": started - timedelta(hours=1)}, "who made a row just before may not have committed it"
    world.look(NOTHING, first.differences, first.run, at=started + timedelta(days=1))
    assert world.again == {}


def test_the_next_look_goes_on_where_this_one_ended() -> None:
    world = World()
    world.streams.positions = {f"{RAW}/0": 5}
    first = world.look()
    world.look(NOTHING, (), first.run)
    assert world.reach is not None
    assert world.reach.start == {f"{RAW}/0": 5}
    assert first.run.positions["normalizer:payments.stripe.raw/0"] == 10
