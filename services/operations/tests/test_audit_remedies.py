"""What is printed about a difference is a command that can be copied, with the time that it needs."""

from dataclasses import replace
from datetime import timedelta
from io import StringIO

from operations.audit.balance import Progress
from operations.audit.hops import Place
from operations.audit.report import print_state
from operations.audit.stream import Streams
from payments_contracts.pins.operations import AuditDifference
from payments_contracts.topics import INGESTION_DLQ
from rich.console import Console

from .test_audit_look import EVENT_AT, NOON, NORMALIZED, NOTHING, RAW, World, by_id, event


def test_records_that_were_deleted_unread_came_after_the_last_that_a_look_had_read() -> None:
    world = World()
    read, older = EVENT_AT, EVENT_AT - timedelta(minutes=9)
    world.streams.places = {
        Place(RAW, 0, offset): replace(event(str(offset), at=at), place=Place(RAW, 0, offset))
        for offset, at in ((8, older), (9, read))
    }
    first = world.look()
    world.streams = Streams()
    second = world.look(NOTHING, (), first.run)
    world.progress[0] = Progress("normalizer", RAW, {0: (12, 20)}, {0: 10})
    third = world.look(NOTHING, (), second.run)
    (told,) = third.differences
    assert (told.hop, told.since, told.event_at) == ("retention", read, read)
    fourth = world.look(NOTHING, third.differences, third.run, at=NOON + timedelta(days=1))
    assert [each.since for each in fourth.differences] == [read]
    assert (
        f"  → payments replay --since {read - timedelta(days=3):%Y-%m-%dT%H:%M:%S} --without-row --execute; "
        f"where that has sent what is missing: payments audit accept {RAW}/0@10 --note 'replayed from the archive'"
    ) in named(told)


def test_what_the_archiver_has_not_read_cannot_be_replayed_from_the_archive() -> None:
    world = World()
    world.progress[0] = Progress("archiver-provider_events", RAW, {0: (12, 20)}, {0: 10}, required=False)
    (told,) = world.look().differences
    (line,) = [line for line in named(told) if "→" in line]
    assert "replay" not in line
    assert line.endswith(f"payments audit accept {RAW}/0@10 --note 'lost to the archive'")


def test_what_the_gateways_refused_and_nobody_kept_can_only_be_asked_for_again() -> None:
    world = World()
    world.progress[0] = Progress("archiver-quarantine", INGESTION_DLQ.name, {0: (12, 20)}, {0: 10}, required=False)
    (told,) = world.look().differences
    (line,) = [line for line in named(told) if "→" in line]
    assert "ask the provider to send them again" in line
    assert "their events went on" not in line
    assert line.endswith(f"payments audit accept {INGESTION_DLQ.name}/0@10 --note 'lost to the archive'")


def test_the_time_of_what_was_deleted_before_the_first_look_does_not_move() -> None:
    world = World()
    world.progress[0] = Progress("normalizer", RAW, {0: (12, 20)}, {0: 10})
    first = world.look()
    (told,) = world.look(NOTHING, first.differences, first.run, at=NOON + timedelta(days=1)).differences
    assert told.since == first.differences[0].since
    assert told.event_at is None
    assert any("payments replay --without-row --execute; " in line for line in named(told))


def test_a_command_is_one_line_however_narrow_the_output_is() -> None:
    world = World()
    world.streams.normalized = by_id(event("3f6c1d2e-0000-5000-8000-000000000017", NORMALIZED))
    (told,) = world.look().differences
    assert f"  → payments replay --event {told.subject} --restart --execute" in named(told)


def named(*differences: AuditDifference) -> list[str]:
    """Return what is printed where a line has 40 characters, as in a pipe it has 80."""
    text = StringIO()
    print_state([], differences, Console(file=text, width=40))
    return text.getvalue().splitlines()
