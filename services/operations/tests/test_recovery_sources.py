"""Events are found in topics and archive alike, and once where both have them."""

import tracemalloc
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

import pyarrow as pa
import pytest
from operations.recovery import lake
from operations.recovery.events import Failure, Position, RawEvent
from operations.recovery.filters import Filter
from operations.recovery.lake import LakeSource, Row
from operations.recovery.rows import read_rows
from operations.recovery.sources import Joined, NoArchive
from operations.recovery.topics import Decoders, Names, TopicSource
from operations.tables import apply_tables
from payments_contracts.tables import BRONZE_PROVIDER_EVENTS, BRONZE_QUARANTINE
from payments_contracts.topics import STRIPE_RAW, VALIDATION_DLQ
from pyiceberg.catalog import Catalog
from pyiceberg.catalog.memory import InMemoryCatalog
from pyiceberg.expressions import BooleanExpression
from pyiceberg.table import Table

from .recovery_cases import (
    HOUR,
    NOON,
    MemoryScan,
    SourceBehaviour,
    bare_failures,
    dead_letter_record,
    failure,
    numbers,
    raw,
    raw_row,
    refused,
)

Event = TypeVar("Event", RawEvent, Failure)


def topics_with(events: Sequence[RawEvent], failures: Sequence[Failure]) -> tuple[MemoryScan, TopicSource]:
    scan = MemoryScan()
    for event in events:
        assert event.position is not None
        scan.put(event.position, event.received_at, event.record.model_dump())
    for each in failures:
        scan.put(each.position, each.recorded_at, dead_letter_record(each))
    source = TopicSource(scan, Names.of(["square", "stripe"]), raw=scan, ingestion=scan, validation=scan)
    return scan, source


def lake_with(catalog: Catalog, events: Sequence[RawEvent], failures: Sequence[Failure]) -> LakeSource:
    list(apply_tables(catalog, (BRONZE_PROVIDER_EVENTS, BRONZE_QUARANTINE)))
    rows = (
        (BRONZE_PROVIDER_EVENTS, map(raw_row, events)),
        (BRONZE_QUARANTINE, (each.record.model_dump() for each in failures)),
    )
    for table, made in rows:
        loaded = catalog.load_table(table.identifier)
        loaded.append(pa.Table.from_pylist(list(made), schema=loaded.schema().as_arrow()))
    return LakeSource(lambda: catalog)


@pytest.fixture
def catalog() -> Iterator[Catalog]:
    catalog = InMemoryCatalog("test")
    yield catalog
    catalog.close()


class TestTopics(SourceBehaviour):
    @pytest.fixture
    def source(self) -> TopicSource:
        return topics_with(self.EVENTS, self.FAILURES)[1]

    def test_what_cannot_be_read_is_counted_and_passed_over(self, source: TopicSource) -> None:
        scan, source = topics_with(self.EVENTS, self.FAILURES)
        del scan.records[str(self.EVENTS[0].position).encode()]
        assert sorted(numbers(source.raw(Filter()))) == [1, 30]
        assert source.unreadable == 1

    def test_an_event_keeps_the_bytes_of_its_record(self, source: TopicSource) -> None:
        (event,) = source.raw(Filter(event_ids=frozenset({raw(0).event_id})))
        assert event.value == str(raw(0).position).encode()


class TestLake(SourceBehaviour):
    @pytest.fixture
    def source(self, catalog: Catalog) -> LakeSource:
        return lake_with(catalog, self.EVENTS, self.FAILURES)

    def test_bodies_that_nobody_wants_are_not_read(self, source: LakeSource, monkeypatch: pytest.MonkeyPatch) -> None:
        unread: list[frozenset[str]] = []

        def noted(table: Table, among: BooleanExpression, without: Collection[str] = ()) -> Iterator[Row]:
            unread.append(frozenset(without))
            return read_rows(table, among, without)

        monkeypatch.setattr(lake, "read_rows", noted)
        assert len(list(source.failures(Filter(), bodies=False))) == len(self.FAILURES)
        # The second looks for rows that the archiver could not read, whose content is in the payload.
        assert unread == [{"payload", "headers"}, frozenset()]

    def test_an_archive_that_does_not_exist_holds_nothing(self, catalog: Catalog) -> None:
        source = LakeSource(lambda: catalog)
        assert (list(source.raw(Filter())), list(source.failures(Filter()))) == ([], [])


class TestRowsThatTheArchiverCouldNotRead:
    """Their records are read again: what the registry did not know then it may know now."""

    AT = raw(0).position

    @pytest.fixture
    def scan(self) -> MemoryScan:
        scan, _ = topics_with([raw(0, merchant_id="merch_2")], [failure(0), refused(1)])
        return scan

    @pytest.fixture
    def source(self, catalog: Catalog, scan: MemoryScan) -> LakeSource:
        lake_with(catalog, [unread(raw(0)), raw(2)], [unread(failure(0)), unread(refused(1)), failure(2)])
        return LakeSource(lambda: catalog, decoders=Decoders(scan, scan, scan))

    @pytest.mark.parametrize(
        "which",
        [
            Filter(merchants=frozenset({"merch_2"})),
            Filter(event_ids=frozenset({raw(0).event_id})),
            Filter(contract_version=STRIPE_RAW.version, until=NOON + HOUR),
        ],
        ids=str,
    )
    def test_a_filter_covers_what_is_in_them(self, source: LakeSource, which: Filter) -> None:
        (event,) = source.raw(which)
        assert (event.event_id, event.origin, event.position) == (raw(0).event_id, "archive", self.AT)
        assert event.value == str(self.AT).encode()
        assert source.unreadable == 0

    def test_they_are_found_at_their_places(self, source: LakeSource) -> None:
        assert self.AT is not None
        assert numbers(source.at([self.AT], Filter())) == [0]

    def test_dead_letters_of_both_topics_are_found(self, source: LakeSource) -> None:
        assert bare_failures(source.failures(Filter())) == bare_failures([failure(0), refused(1), failure(2)])

    def test_what_still_cannot_be_read_is_counted(self, source: LakeSource, scan: MemoryScan) -> None:
        scan.records.clear()
        assert numbers(source.raw(Filter())) == [2]
        assert source.unreadable == 1
        assert numbers(source.failures(Filter())) == [2]
        assert source.unreadable == 3


def unread(event: Event) -> Event:
    """Return an event as the archiver keeps it where it cannot read its record."""
    assert event.position is not None
    unknown: dict[str, object] = {
        "event_id": "made of the bytes",
        "merchant_id": "",
        "provider_event_type": "",
        "payload": str(event.position).encode(),
        "schema_version": 0,
    }
    return replace(event, record=event.record.model_copy(update=unknown))


def test_letters_that_are_read_again_lose_their_bodies_where_nobody_wants_them(catalog: Catalog) -> None:
    scan, _ = topics_with([], [failure(0)])
    lake_with(catalog, [], [unread(failure(0))])
    (found,) = LakeSource(lambda: catalog, decoders=Decoders(scan, scan, scan)).failures(Filter(), bodies=False)
    assert (found.event_id, found.record.payload) == (failure(0).event_id, b"")


def joined(catalog: Catalog, *, forgotten: int) -> Joined:
    """Return an archive with everything, and topics that have forgotten the first ones."""
    events, failures = [raw(n) for n in range(4)], [failure(n) for n in range(4)]
    scan, topics = topics_with(events, failures)
    if forgotten:
        scan.forget(STRIPE_RAW.name, forgotten)
        scan.forget(VALIDATION_DLQ.name, forgotten)
    return Joined(topics, lake_with(catalog, events, failures))


def test_what_topics_have_forgotten_comes_from_the_archive_and_nothing_twice(catalog: Catalog) -> None:
    both = joined(catalog, forgotten=2)
    assert [(event.origin, event.event_id) for event in both.raw(Filter())] == [
        ("archive", raw(0).event_id),
        ("archive", raw(1).event_id),
        # Read from the archive too, since clocks differ.
        ("archive", raw(2).event_id),
        ("topic", raw(3).event_id),
    ]
    assert numbers(both.failures(Filter())) == [0, 1, 2, 3]


def test_the_archive_is_not_asked_for_what_topics_hold() -> None:
    def nobody() -> Catalog:
        raise AssertionError("the archive was asked")

    _, topics = topics_with([raw(0), raw(1)], [refused(0), failure(0), failure(1)])
    both, later = Joined(topics, LakeSource(nobody)), Filter(providers=frozenset({"stripe"}), since=NOON + HOUR)
    assert numbers(both.raw(later)) == [1]
    assert numbers(both.failures(later)) == [1]
    assert numbers(both.at([raw(0).position], Filter())) == [0]  # type: ignore[list-item]  # it has one


LATE = failure(1, kafka_offset=5, kafka_timestamp=NOON + 4 * HOUR)
"""A letter that was written three hours after its webhook was received."""


def test_letters_are_found_by_when_they_were_written(catalog: Catalog) -> None:
    letters = [failure(0), failure(2), failure(3), LATE]
    since = Filter(quarantined_since=NOON + 3 * HOUR)
    assert sorted(numbers(lake_with(catalog, [], letters).failures(since))) == [1, 3]
    assert sorted(numbers(topics_with([], letters)[1].failures(since))) == [1, 3]


def test_the_archive_is_not_asked_for_letters_that_were_written_when_the_topics_held_all() -> None:
    def nobody() -> Catalog:
        raise AssertionError("the archive was asked")

    _, topics = topics_with([], [refused(0), failure(0), failure(3), LATE])
    found = Joined(topics, LakeSource(nobody)).failures(Filter(quarantined_since=NOON + 3 * HOUR))
    assert sorted(numbers(found)) == [1, 3]


def test_what_was_written_before_a_topic_was_made_anew_comes_from_the_archive(catalog: Catalog) -> None:
    # The topics begin at their first offsets, where the archive knows other events.
    _, topics = topics_with([raw(7, position=raw(0).position)], [failure(7, kafka_offset=0)])
    both = Joined(topics, lake_with(catalog, [raw(0), raw(1)], [failure(0), failure(1)]))
    assert numbers(both.raw(Filter())) == [0, 1, 7]
    assert numbers(both.failures(Filter())) == [0, 1, 7]


def test_what_both_have_at_reused_places_is_found_of_before_and_of_now(catalog: Catalog) -> None:
    _, topics = topics_with([raw(7, position=raw(0).position)], [failure(7, kafka_offset=0)])
    again = failure(7, kafka_offset=0)
    archived = [raw(0), raw(7, position=raw(0).position)]
    both = Joined(topics, lake_with(catalog, archived, [failure(0), again]))
    assert numbers(both.raw(Filter())) == [0, 7]
    assert numbers(both.failures(Filter())) == [0, 7]


def test_the_archive_is_not_asked_for_times_that_topics_hold(catalog: Catalog) -> None:
    _, topics = topics_with([raw(2), raw(3)], [])
    both = Joined(topics, lake_with(catalog, [raw(3, event_id="of the archive alone")], []))
    assert [event.event_id for event in both.raw(Filter(since=NOON + 3 * HOUR))] == [raw(3).event_id]


def test_a_record_that_was_sent_again_comes_once_though_its_webhook_is_older_than_its_topic(catalog: Catalog) -> None:
    # Received long before the topic's first record; both have it at the place of the second sending.
    again = raw(0, position=Position(STRIPE_RAW.name, 0, 50))
    scan, topics = topics_with([raw(40)], [])
    assert again.position is not None
    scan.put(again.position, NOON + 50 * HOUR, again.record.model_dump())
    both = Joined(topics, lake_with(catalog, [again], []))
    assert numbers(both.raw(Filter())) == [0, 40]


def test_a_partition_that_reaches_further_back_than_the_others_repeats_nothing(catalog: Catalog) -> None:
    # One partition has forgotten what the other still holds, so the archive is read up to the younger one.
    events = [raw(0), raw(1, position=Position(STRIPE_RAW.name, 1, 9))]

    class Shortened(MemoryScan):
        def held_since(self, topic: str) -> datetime:
            del topic
            return NOON + HOUR

    scan = Shortened()
    for event in events:
        assert event.position is not None
        scan.put(event.position, event.received_at, event.record.model_dump())
    topics = TopicSource(scan, Names.of(["stripe"]), raw=scan, ingestion=scan, validation=scan)
    assert sorted(numbers(Joined(topics, lake_with(catalog, events, [])).raw(Filter()))) == [0, 1]


class Vast(NoArchive):
    """An archive of more events than are held at once."""

    COUNT = 20_000

    def __init__(self) -> None:
        self._event, self._failure = raw(0), failure(0)

    def raw(self, which: Filter) -> Iterator[RawEvent]:
        del which
        for number in range(self.COUNT):
            yield replace(self._event, position=Position(STRIPE_RAW.name, 0, number))

    def failures(self, which: Filter, *, bodies: bool = True) -> Iterator[Failure]:
        del which, bodies
        for number in range(self.COUNT):
            record = self._failure.record.model_copy(update={"kafka_offset": number})
            yield replace(self._failure, record=record)


def test_what_is_remembered_of_the_archive_does_not_grow_with_it() -> None:
    last = Vast.COUNT - 1
    at_the_end = (raw(0, position=Position(STRIPE_RAW.name, 0, last)), failure(0, kafka_offset=last))
    _, topics = topics_with(at_the_end[:1], at_the_end[1:])
    both = Joined(topics, Vast())
    tracemalloc.start()
    try:
        events = sum(1 for _ in both.raw(Filter(providers=frozenset({"stripe"}))))
        failures = sum(1 for _ in both.failures(Filter()))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (events, failures) == (Vast.COUNT, Vast.COUNT), "the last of them is in both"
    assert peak < 500_000


def test_a_quiet_provider_is_no_reason_to_read_the_archive_of_the_others(catalog: Catalog) -> None:
    # The topic of Square is empty: all of it may be in the archive alone.
    _, topics = topics_with([raw(2), raw(3)], [])
    place = Position("payments.square.raw", 0, 0)
    archived = [raw(3, event_id="nobody looks for it"), raw(4, provider="square", position=place)]
    both = Joined(topics, lake_with(catalog, archived, []))
    assert numbers(both.raw(Filter(since=NOON + 3 * HOUR))) == [4, 3]


def test_the_archive_is_asked_only_for_those_named_events_that_topics_do_not_hold(catalog: Catalog) -> None:
    asked: list[Filter] = []

    class Noting(LakeSource):
        def raw(self, which: Filter) -> Iterator[RawEvent]:
            asked.append(which)
            return super().raw(which)

    lake_with(catalog, [raw(0), raw(2)], [])
    _, topics = topics_with([raw(2), raw(3)], [])
    both = Joined(topics, Noting(lambda: catalog))
    held, forgotten = frozenset({raw(2).event_id, raw(3).event_id}), frozenset({raw(0).event_id})
    assert numbers(both.raw(Filter(event_ids=held))) == [2, 3]
    assert asked == []
    assert numbers(both.raw(Filter(event_ids=held | forgotten))) == [2, 3, 0]
    assert {each.event_ids for each in asked} == {forgotten}


def test_places_that_topics_have_forgotten_are_looked_for_in_the_archive(catalog: Catalog) -> None:
    both = joined(catalog, forgotten=2)
    places = [raw(n).position for n in (1, 3)]
    within = Filter(since=NOON, until=NOON + 5 * HOUR)
    found = {event.event_id: event.origin for event in both.at(places, within)}  # type: ignore[arg-type]  # they have one
    assert found == {raw(1).event_id: "archive", raw(3).event_id: "topic"}
