import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from kit.errors import Fault, Transient
from orchestrator.program import _run_in_stages

Part = Callable[[asyncio.Event], Coroutine[Any, Any, None]]


class Parts:
    """Parts of a process that tell in which order they end."""

    def __init__(self) -> None:
        self.ended: list[str] = []

    def until_told(self, name: str, *, lingers: float = 0.0) -> Part:
        async def run(stop: asyncio.Event) -> None:
            try:
                await stop.wait()
                await asyncio.sleep(lingers)
            finally:
                self.ended.append(name)

        return run


def breaking(error: Exception) -> Part:
    async def run(_stop: asyncio.Event) -> None:
        raise error

    return run


async def stopped(stages: list[list[Part]]) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(0.01, stop.set)
    async with asyncio.timeout(10):
        await _run_in_stages(stages, stop)


async def test_what_reads_ends_before_what_works_and_the_committer_last() -> None:
    parts = Parts()
    reading, working = parts.until_told("reads", lingers=0.05), parts.until_told("works", lingers=0.02)
    await stopped([[reading], [working], [parts.until_told("commits")]])
    assert parts.ended == ["reads", "works", "commits"]


async def test_a_stage_may_be_empty() -> None:
    parts = Parts()
    await stopped([[], [parts.until_told("works")], []])
    assert parts.ended == ["works"]


async def test_a_committer_that_dies_ends_the_program_and_says_why() -> None:
    parts = Parts()
    others = [[parts.until_told("reads")], [parts.until_told("works")]]
    with pytest.raises(Fault, match="the table was dropped"):
        await _run_in_stages([*others, [breaking(Fault("the table was dropped"))]], asyncio.Event())
    assert sorted(parts.ended) == ["reads", "works"]


async def test_of_several_errors_the_gravest_is_reported() -> None:
    stages = [[breaking(Transient("away"))], [breaking(Fault("no such namespace"))], []]
    with pytest.raises(Fault, match="no such namespace"):
        await _run_in_stages(stages, asyncio.Event())
