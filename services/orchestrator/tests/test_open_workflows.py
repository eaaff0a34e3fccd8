import asyncio
import uuid
from collections.abc import Iterable

import pytest
from orchestrator.open_workflows import OpenWorkflows


class Table:
    """Tells its state, and what is wrong with it."""

    def __init__(self) -> None:
        self.state = 1
        self.trouble: str | None = None

    def open(self, limit: int = 2, patience_seconds: float = 10.0, goal_seconds: float = 4.0) -> OpenWorkflows[int]:
        return OpenWorkflows(
            limit,
            mark=lambda: self.state,
            hindrance=lambda: self.trouble,
            patience_seconds=patience_seconds,
            goal_seconds=goal_seconds,
        )


async def test_each_workflow_takes_a_place_until_it_ends() -> None:
    opened = Table().open(limit=2)
    first, second = opened.begin("a"), opened.begin("b")
    assert opened.room() == 0
    opened.end("a", first)
    assert opened.room() == 1
    assert first != second


async def test_the_mark_is_that_of_the_beginning_and_is_given_once() -> None:
    table = Table()
    opened = table.open()
    token = opened.begin("a")
    table.state = 2
    assert opened.take_mark("a", token) == 1
    assert opened.take_mark("a", token) is None
    assert opened.take_mark("never begun", token) is None


async def test_a_workflow_that_is_open_already_does_not_begin_again() -> None:
    table = Table()
    opened = table.open()
    token = opened.begin("a")
    table.state = 2
    assert opened.begin("a") is None
    assert opened.take_mark("a", token) == 1


async def test_what_is_known_of_a_start_is_not_said_of_another_start_of_the_event() -> None:
    opened = Table().open(limit=1)
    of_a_former_process = Table().open().begin("a")
    token = opened.begin("a")
    assert opened.take_mark("a", of_a_former_process) is None
    assert opened.take_mark("a", None) is None
    opened.end("a", of_a_former_process)
    assert opened.room() == 0
    assert opened.take_mark("a", token) == 1


async def test_a_workflow_that_another_process_took_over_is_forgotten_after_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("orchestrator.open_workflows._FORGOTTEN_AFTER_SECONDS", 0.02)
    opened = Table().open(patience_seconds=0.01)
    token = opened.begin("a")
    await asyncio.sleep(0.03)
    assert opened.room() == 2
    assert opened.take_mark("a", token) is None


async def test_there_is_no_room_while_the_lake_is_away() -> None:
    table = Table()
    opened = table.open()
    table.trouble = "the catalog does not answer"
    assert opened.room() == 0
    table.trouble = None
    assert opened.room() == 2


async def test_a_workflow_that_waits_for_long_makes_room_for_others() -> None:
    opened = Table().open(limit=1, patience_seconds=0.02)
    token = opened.begin("slow")
    assert opened.room() == 0
    await asyncio.sleep(0.03)
    assert opened.room() == 1
    assert opened.take_mark("slow", token) == 1


async def test_whoever_waits_for_room_is_woken_when_a_workflow_ends() -> None:
    opened = Table().open(limit=1)
    token = opened.begin("a")
    waiting = asyncio.create_task(opened.wait_for_room(60))
    await asyncio.sleep(0)
    opened.end("a", token)
    async with asyncio.timeout(5):
        await waiting


async def test_waiting_for_room_has_an_end() -> None:
    opened = Table().open(limit=1)
    opened.begin("a")
    await opened.wait_for_room(0.01)
    assert opened.room() == 0


def begin(opened: OpenWorkflows[int], count: int) -> list[tuple[str, str]]:
    """Open workflows of new events."""
    events = [str(uuid.uuid4()) for _ in range(count)]
    return [(event, opened.begin(event) or "") for event in events]


def end(opened: OpenWorkflows[int], started: Iterable[tuple[str, str]]) -> None:
    for event, token in started:
        opened.end(event, token)


async def test_fewer_may_be_open_where_they_take_long() -> None:
    opened = Table().open(limit=100, goal_seconds=0.02)
    first = begin(opened, 100)
    await asyncio.sleep(0.03)
    end(opened, first)
    assert opened.room() == 50
    second = begin(opened, 50)
    await asyncio.sleep(0.03)
    end(opened, second)
    assert opened.room() == 25


async def test_what_began_before_fewer_were_allowed_tells_nothing_of_their_number() -> None:
    opened = Table().open(limit=100, goal_seconds=0.02)
    started = begin(opened, 60)
    await asyncio.sleep(0.03)
    end(opened, started[:30])
    await asyncio.sleep(0.03)
    end(opened, started[30:])
    assert opened.room() == 50


async def test_some_may_be_open_however_long_they_take() -> None:
    opened = Table().open(limit=100, goal_seconds=0.0)
    for _ in range(20):
        started = begin(opened, 1)
        await asyncio.sleep(0.001)
        end(opened, started)
    assert opened.room() == 8


async def test_a_limit_that_is_smaller_than_that_is_kept() -> None:
    opened = Table().open(limit=3, goal_seconds=0.0)
    for _ in range(5):
        started = begin(opened, 1)
        await asyncio.sleep(0.001)
        end(opened, started)
    assert opened.room() == 3


async def test_more_may_be_open_again_as_they_get_faster_but_never_more_than_the_limit() -> None:
    opened = Table().open(limit=20, goal_seconds=0.02)
    slow = begin(opened, 1)
    await asyncio.sleep(0.03)
    end(opened, slow)
    assert opened.room() == 10
    for _ in range(8):
        end(opened, begin(opened, 1))
    assert opened.room() == 12
    for _ in range(80):
        end(opened, begin(opened, 1))
    assert opened.room() == 20


async def test_a_start_that_made_no_workflow_tells_nothing() -> None:
    opened = Table().open(limit=20, goal_seconds=0.02)
    slow = begin(opened, 2)
    await asyncio.sleep(0.03)
    opened.withdraw(*slow[0])
    assert opened.room() == 19
    end(opened, slow[1:])
    assert opened.room() == 10
    for _ in range(8):
        opened.withdraw(*begin(opened, 1)[0])
    assert opened.room() == 10


async def test_a_workflow_that_is_forgotten_tells_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.open_workflows._FORGOTTEN_AFTER_SECONDS", 0.02)
    opened = Table().open(limit=20, patience_seconds=0.01, goal_seconds=0.01)
    begin(opened, 1)
    await asyncio.sleep(0.03)
    assert opened.room() == 20
