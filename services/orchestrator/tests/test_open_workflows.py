import asyncio

from orchestrator.open_workflows import OpenWorkflows


class Table:
    """Tells its state, and what is wrong with it."""

    def __init__(self) -> None:
        self.state = 1
        self.trouble: str | None = None

    def open(self, limit: int = 2, patience_seconds: float = 10.0) -> OpenWorkflows[int]:
        return OpenWorkflows(
            limit, mark=lambda: self.state, hindrance=lambda: self.trouble, patience_seconds=patience_seconds
        )


async def test_each_workflow_takes_a_place_until_it_ends() -> None:
    opened = Table().open(limit=2)
    assert [opened.begin("a"), opened.begin("b")] == [True, True]
    assert opened.room() == 0
    opened.end("a")
    assert opened.room() == 1


async def test_the_mark_is_that_of_the_beginning_and_is_given_once() -> None:
    table = Table()
    opened = table.open()
    opened.begin("a")
    table.state = 2
    assert opened.take_mark("a") == 1
    assert opened.take_mark("a") is None
    assert opened.take_mark("never begun") is None


async def test_a_workflow_that_is_open_already_does_not_begin_again() -> None:
    table = Table()
    opened = table.open()
    opened.begin("a")
    table.state = 2
    assert not opened.begin("a")
    assert opened.take_mark("a") == 1


async def test_there_is_no_room_while_the_lake_is_away() -> None:
    table = Table()
    opened = table.open()
    table.trouble = "the catalog does not answer"
    assert opened.room() == 0
    table.trouble = None
    assert opened.room() == 2


async def test_a_workflow_that_waits_for_long_makes_room_for_others() -> None:
    opened = Table().open(limit=1, patience_seconds=0.02)
    opened.begin("slow")
    assert opened.room() == 0
    await asyncio.sleep(0.03)
    assert opened.room() == 1
    assert opened.take_mark("slow") == 1


async def test_whoever_waits_for_room_is_woken_when_a_workflow_ends() -> None:
    opened = Table().open(limit=1)
    opened.begin("a")
    waiting = asyncio.create_task(opened.wait_for_room(60))
    await asyncio.sleep(0)
    opened.end("a")
    async with asyncio.timeout(5):
        await waiting


async def test_waiting_for_room_has_an_end() -> None:
    opened = Table().open(limit=1)
    opened.begin("a")
    await opened.wait_for_room(0.01)
    assert opened.room() == 0
