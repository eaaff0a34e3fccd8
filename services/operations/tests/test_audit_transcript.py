"""What the documentation shows of an audit is what the report prints of such a look. UPDATE_TRANSCRIPTS=1 writes it."""

import os
from dataclasses import replace
from io import StringIO
from pathlib import Path
from uuid import UUID

from operations.audit.balance import Progress
from operations.audit.hops import Event, Money
from operations.audit.report import print_look, print_state
from rich.console import Console

from tests.docs.transcripts import rewritten, transcripts

from .test_audit_look import NORMALIZED, RAW, World, acknowledged, by_id, event

OPERATIONS = Path(__file__).parents[3] / "docs" / "operations.md"
LOST, UNBUILT = (str(UUID(f"3f6c1d2e-0000-5000-8000-{number:012d}")) for number in (17, 23))


def printed() -> str:
    """Return what `payments audit` prints of an hour in which an event has no row, and one is not in Silver."""
    events = [event(str(UUID(int=number)), NORMALIZED, amount=1999) for number in range(40)]
    lost, unbuilt = (replace(events[0], event_id=each) for each in (LOST, UNBUILT))
    world = World()
    world.streams.raw = {each.event_id for each in (*events, lost, unbuilt)}
    world.streams.normalized = by_id(*events, lost, unbuilt)
    world.put(*(_row(each) for each in (*events, unbuilt)))
    del world.silver[UNBUILT]
    world.progress.append(Progress("archiver", RAW, {0: (0, 10)}, {0: 10}, required=False))
    world.acknowledged = acknowledged(42, 42, 42)
    before = world.look()
    look = world.look(before=before.run)
    text = StringIO()
    console = Console(file=text, width=140)
    print_look(look, console)
    print_state([look], look.differences, console)
    return "$ payments audit\n" + "".join(f"{line.rstrip()}\n" for line in text.getvalue().splitlines())


def _row(found: Event) -> Event:
    return replace(found, place=None, money=found.money or Money("EUR", 0))


def test_the_audit_of_the_documentation_is_what_is_printed() -> None:
    document = OPERATIONS.read_text(encoding="utf-8")
    (shown,) = (each for each in transcripts(document) if each.commands == ["payments audit"])
    text = printed()
    if os.environ.get("UPDATE_TRANSCRIPTS"):
        OPERATIONS.write_text(rewritten(document, shown, text), encoding="utf-8")
    else:
        assert shown.text == text
    assert f"{LOST}\n" in text
    assert UNBUILT in text
