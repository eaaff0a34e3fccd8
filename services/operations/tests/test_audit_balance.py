"""What one place has and the next one has not, when it is due, and what is followed."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from operations.audit.balance import (
    Known,
    Progress,
    compare,
    deleted_unread,
    judge,
    reached,
    resolve,
    was_behind,
    young,
)
from operations.audit.hops import HOPS, Event, Finding, Money, Place, Tally, remedy
from payments_contracts.pins.operations import AuditRun

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
GRACE = timedelta(minutes=15)
TOPIC = "payments.normalized"


def event(event_id: str = "a", since: datetime = NOON, **changes: object) -> Event:
    return Event(event_id, since, "stripe", Money("EUR", 500), NOON, Place(TOPIC, 0, 7), **changes)  # type: ignore[arg-type]


def run(finished_at: datetime, positions: Mapping[str, int]) -> AuditRun:
    return AuditRun(
        run_id="1",
        since=NOON,
        until=NOON,
        standing=True,
        started_at=finished_at,
        finished_at=finished_at,
        outcome="balanced",
        counts={},
        sums={},
        open={},
        pending={},
        positions=dict(positions),
        gateways={},
    )


def progress(committed: Mapping[int, int], low: int = 0, end: int = 10, **changes: object) -> Progress:
    return Progress("orchestrator", TOPIC, {0: (low, end)}, committed, **changes)  # type: ignore[arg-type]


def test_what_is_missing_or_has_another_amount_is_named_and_what_is_excused_is_not() -> None:
    expected = {name: event(name) for name in ("there", "missing", "excused", "other", "untold")}
    found = {"there": Money("EUR", 500), "other": Money("EUR", 499), "untold": None}
    assert [(each.subject, each.kind) for each in compare("bronze", expected, found, {"excused"})] == [
        ("missing", "missing"),
        ("other", "differs"),
    ]


def test_the_same_number_in_another_currency_differs() -> None:
    assert [each.kind for each in compare("database", {"a": event()}, {"a": Money("USD", 500)}, ())] == ["differs"]


def test_records_deleted_before_a_group_read_them_are_found_whether_it_stands_or_went_on() -> None:
    def ranges(committed: Mapping[int, int], before: Mapping[str, int], low: int) -> list[str]:
        return [each.subject for each in deleted_unread(progress(committed, low), before, NOON)]

    assert ranges({0: 3}, {}, low=3) == []
    assert ranges({0: 3}, {}, low=4) == [f"{TOPIC}/0@3"]
    assert ranges({0: 9}, {f"orchestrator:{TOPIC}/0": 3}, low=4) == [f"{TOPIC}/0@3"]
    assert ranges({0: 9}, {f"orchestrator:{TOPIC}/0": 4}, low=4) == []
    assert ranges({}, {}, low=4) == [], "a group that never read anything has begun nowhere"
    assert ranges({0: 11}, {}, low=0) == [f"{TOPIC}/0@10"], "the end was cut"


def test_a_record_is_due_once_every_reader_that_runs_has_passed_it() -> None:
    archiver = Progress("archiver", TOPIC, {0: (0, 10), 1: (0, 10)}, {0: 4}, required=False)
    orchestrator = Progress("orchestrator", TOPIC, {0: (0, 10), 1: (0, 10)}, {0: 8, 1: 2})
    assert reached([orchestrator, archiver]) == {TOPIC: {0: 4, 1: 0}}
    idle = Progress("archiver", TOPIC, {0: (0, 10), 1: (0, 10)}, {}, required=False)
    assert reached([orchestrator, idle]) == {TOPIC: {0: 8, 1: 2}}
    assert reached([Progress("orchestrator", TOPIC, {0: (0, 10)}, {})]) == {TOPIC: {0: 0}}


def test_what_waited_at_the_look_before_gets_until_the_next_one() -> None:
    later = NOON + timedelta(hours=2)
    waiting = run(later, {f"orchestrator:{TOPIC}/0": 7})
    assert was_behind(event(), [progress({0: 9})], waiting, GRACE)
    assert not was_behind(event(), [progress({0: 9})], run(later, {f"orchestrator:{TOPIC}/0": 8}), GRACE)
    assert not was_behind(event(since=later), [progress({0: 9})], waiting, GRACE), "it came after that look"
    assert not was_behind(event(), [progress({0: 9})], None, GRACE)


def test_an_event_is_young_for_its_grace_and_no_longer() -> None:
    assert young(event(), NOON + GRACE - timedelta(seconds=1), GRACE)
    assert not young(event(), NOON + GRACE, GRACE)


def test_a_difference_keeps_when_it_was_first_seen_and_is_resolved_once_it_is_gone() -> None:
    finding = Finding("bronze", "a", "missing", "no row", event())
    first = judge([finding], {}, lambda _: True, NOON)
    known: Known = {(each.hop, each.subject): each for each in first}
    second = judge([finding], known, lambda _: False, NOON + GRACE)
    assert [(each.state, each.found_at, each.amount_cents) for each in first + second] == [
        ("pending", NOON, 500),
        ("open", NOON, 500),
    ]
    assert resolve(known, second, NOON) == []
    assert [each.state for each in resolve(known, [], NOON)] == ["resolved"]


def test_what_was_deleted_unread_stays_open_until_a_person_closes_it() -> None:
    finding = Finding("retention", "t/0@3", "deleted_unread", "gone", Event("t/0@3", NOON))
    known: Known = {(each.hop, each.subject): each for each in judge([finding], {}, lambda _: False, NOON)}
    assert resolve(known, [], NOON) == []


def test_sums_are_by_currency_and_places_that_tell_of_no_money_have_none() -> None:
    tally = Tally()
    tally.note("bronze", {"a": event("a"), "b": event("b"), "c": Event("c", NOON, money=Money("JPY", 7))})
    tally.note("raw", {"a": Event("a", NOON)})
    assert tally.counts == {"bronze": 3, "raw": 1}
    assert tally.sums == {"bronze": {"EUR": 1000, "JPY": 7}}


def test_each_hop_has_words_and_a_remedy() -> None:
    for hop in HOPS:
        assert remedy(hop, "missing", "the-subject")
    assert remedy("bronze", "missing", "0b5c").endswith("--event 0b5c --restart --execute")
