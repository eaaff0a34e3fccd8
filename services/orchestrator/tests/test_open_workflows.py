import asyncio

import pytest
from orchestrator.open_workflows import OpenWorkflows


class Table:
    """Tells its state, and what is wrong with it."""

    def __init__(self) -> None:
        self.state = 1
        self.trouble: str | None = None

    def open(
        self, limit: int = 2, patience_seconds: float = 10.0, before_commit: int | None = None
    ) -> OpenWorkflows[int]:
        return OpenWorkflows(
            limit,
            mark=lambda: self.state,
            before_commit=before_commit,
            hindrance=lambda: self.trouble,
            patience_seconds=patience_seconds,
        )


async def test_each_workflow_takes_a_place_until_it_ends() -> None:
    opened = Table().open(limit=2)
    first, second = opened.begin("a"), opened.begin("b")
    assert opened.room() == 0
    opened.end("a", first)
    assert opened.room() == 1
    assert first != second


async def test_those_that_wait_for_a_commit_take_the_place_of_none_that_works() -> None:
    opened = Table().open(limit=5, before_commit=2)
    first, second = opened.begin("a"), opened.begin("b")
    assert opened.room() == 0
    opened.take_mark("a", first)
    opened.take_mark("b", second)
    assert opened.room() == 2
    opened.begin("c")
    opened.begin("d")
    assert opened.room() == 0
    # Of all there may be five, whatever they do.
    opened.end("a", first)
    assert opened.room() == 0


async def test_a_row_that_the_committer_has_ends_a_wait_for_room() -> None:
    opened = Table().open(limit=2, before_commit=1)
    token = opened.begin("a")
    waiting = asyncio.create_task(opened.wait_for_room(30))
    await asyncio.sleep(0)
    opened.take_mark("a", token)
    await asyncio.wait_for(waiting, 5)
    assert opened.room() == 1


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
