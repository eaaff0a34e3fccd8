"""What a look reads of the topics: from where to where, and what of it is kept."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from operations.audit.hops import Place, Window
from operations.audit.stream import Reach, StreamReader, Streams
from operations.audit.topics import Decode, Record
from operations.stretches import Offsets
from payments_contracts.examples import EXAMPLES
from payments_contracts.topics import INGESTION_DLQ, NORMALIZED, STRIPE_RAW, VALIDATION_DLQ

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = Window(NOON - timedelta(hours=1), NOON)
WEBHOOK = next(each for each in EXAMPLES if each.kind == "accepted" and b"payment_intent.succeeded" in each.body)


class Log:
    """Topics of one partition in memory, as `Topics` reads them; what was read is noted, as topic, start and end."""

    def __init__(self) -> None:
        topics = (STRIPE_RAW, NORMALIZED, VALIDATION_DLQ, INGESTION_DLQ)
        self.records: dict[str, list[Record]] = {each.name: [] for each in topics}
        self.stretches: list[tuple[str, int, int]] = []

    def raw(self, event_id: str, at: datetime) -> None:
        value = {
            "event_id": event_id,
            "payload": WEBHOOK.body,
            "merchant_id": WEBHOOK.merchant_id,
            "provider_event_id": "",
            "provider_event_type": "",
            "received_at": at,
            "provider_created_at": None,
            "livemode": True,
        }
        self._append(STRIPE_RAW.name, at, value)

    def normalized(self, event_id: str, at: datetime) -> None:
        value = {"event_id": event_id, "provider": "stripe", "amount_cents": 5, "currency": "EUR", "processed_at": at}
        self._append(NORMALIZED.name, at, value)

    def refused(self, event_id: str, at: datetime) -> None:
        self._append(INGESTION_DLQ.name, at, {"event_id": event_id, "received_at": at})

    def bounds(self, topic: str) -> Mapping[int, tuple[int, int]]:
        return {0: (0, len(self.records[topic]))}

    def locate(self, topic: str, moment: datetime) -> Offsets:
        return {0: sum(record.at < moment for record in self.records[topic])}

    def read(self, topic: str, start: Offsets, end: Offsets, decode: Decode) -> Iterator[Record]:
        del decode
        self.stretches.append((topic, start[0], end[0]))
        yield from self.records[topic][start[0] : end[0]]

    def _append(self, topic: str, at: datetime, value: dict[str, Any]) -> None:
        self.records[topic].append(Record(Place(topic, 0, len(self.records[topic])), at, value))


def reader(log: Any, registry: Any = None) -> StreamReader:
    return StreamReader(log, registry, ["stripe"])


def look(log: Log, start: Mapping[str, int] | None = None, **changes: Any) -> Streams:
    committed = {name: {0: len(records)} for name, records in log.records.items()}
    return reader(log).read(Reach(HOUR, start or {}, committed, HOUR.since, **changes))


def test_a_topic_that_was_made_anew_is_read_from_the_windows_begin() -> None:
    log = Log()
    for number in range(3):
        log.raw(str(number), NOON - timedelta(minutes=30))
    found = look(log, {f"{STRIPE_RAW.name}/0": 1000})
    assert found.raw == {"0", "1", "2"}
    assert found.positions[f"{STRIPE_RAW.name}/0"] == 3
    assert look(log, {f"{STRIPE_RAW.name}/0": 3}).raw == set(), "a look that ended at the end goes on there"


def test_what_the_gateways_refused_is_looked_for_in_the_archive_and_counted_nowhere() -> None:
    log = Log()
    for name, minutes in (("before", 90), ("inside", 30), ("not archived yet", 20)):
        log.refused(name, NOON - timedelta(minutes=minutes))
    # The same webhook came again, and was taken: its event is no quarantined one.
    log.raw("inside", NOON - timedelta(minutes=10))
    committed = {STRIPE_RAW.name: {0: 1}, INGESTION_DLQ.name: {0: 2}}
    found = reader(log).read(Reach(HOUR, {}, committed, HOUR.since))
    assert {place: event.event_id for place, event in found.dead_places.items()} == {
        Place(INGESTION_DLQ.name, 0, 1): "inside"
    }
    assert found.unread[INGESTION_DLQ.name] == 1
    assert found.positions[f"{INGESTION_DLQ.name}/0"] == 2
    assert not found.quarantined | found.dead
    assert found.lost.keys() == {"inside"}


def test_where_no_archiver_has_run_what_the_gateways_refused_waits_for_nobody() -> None:
    log = Log()
    log.refused("a", NOON - timedelta(minutes=30))
    found = reader(log).read(Reach(HOUR, {}, {}, HOUR.since))
    assert (found.dead_places, found.unread.get(INGESTION_DLQ.name)) == ({}, None)


def test_past_the_window_only_what_is_missing_or_followed_is_kept() -> None:
    log = Log()
    log.raw("late", NOON - timedelta(minutes=30))
    for number in range(5):
        log.normalized(f"other-{number}", NOON + timedelta(minutes=20))
    for name in ("late", "followed"):
        log.normalized(name, NOON + timedelta(minutes=30))
    found = look(log, followed=frozenset({"followed"}))
    assert found.seen.keys() == {"late", "followed"}
    assert found.lost == {}


def test_the_topics_end_is_read_once_for_what_stays_missing() -> None:
    log = Log()
    log.raw("lost", NOON - timedelta(minutes=30))
    for number in range(5):
        log.normalized(f"other-{number}", NOON + timedelta(minutes=20))
    reach = Reach(HOUR, {}, {STRIPE_RAW.name: {0: 1}}, HOUR.since)
    stream = reader(log)
    assert stream.read(reach).lost.keys() == {"lost"}
    assert (NORMALIZED.name, 0, 5) in log.stretches
    log.normalized("lost", NOON + timedelta(minutes=30))
    log.stretches.clear()
    again = stream.read(replace(reach, start={f"{STRIPE_RAW.name}/0": 1}, followed=frozenset({"lost"})))
    assert again.seen.keys() == {"lost"}
    assert log.stretches[-1] == (NORMALIZED.name, 5, 6)
    stream.read(replace(reach, followed=frozenset({"another"})))
    assert log.stretches[-1] == (NORMALIZED.name, 0, 6), "what was not looked for before is looked for in all of it"


def test_a_window_with_many_records_is_looked_at_in_pieces() -> None:
    log = Log()
    for number in range(120):
        log.normalized(str(number), HOUR.since + timedelta(seconds=number))
    stream = reader(log)
    assert list(stream.divide(HOUR, most=120)) == [HOUR]
    pieces = list(stream.divide(HOUR, most=119))
    assert pieces[0] == Window(HOUR.since, HOUR.since + timedelta(seconds=225)), (
        "below five minutes it is left as it is"
    )
    assert [(each.since, each.until) for each in pieces[1:]] == [
        (HOUR.since + timedelta(seconds=start), HOUR.since + timedelta(seconds=end))
        for start, end in ((225, 450), (450, 900), (900, 1800), (1800, 3600))
    ]
    assert list(stream.divide(Window(NOON, NOON))) == [Window(NOON, NOON)]
