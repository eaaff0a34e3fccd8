import asyncio
from collections.abc import Sequence

import pytest
from orchestrator.batches import Batches


class Oracle:
    """Answers each question with its length, once it is let."""

    def __init__(self, error: Exception | None = None) -> None:
        self.asked: list[list[str]] = []
        self.open = asyncio.Event()
        self.error = error

    async def answer(self, questions: Sequence[str]) -> list[int]:
        self.asked.append(list(questions))
        await self.open.wait()
        if self.error is not None:
            raise self.error
        return [len(each) for each in questions]


async def asked_by(batches: Batches[str, int], *questions: str) -> list[asyncio.Task[int]]:
    tasks = [asyncio.create_task(batches.ask(each)) for each in questions]
    await asyncio.sleep(0.01)
    return tasks


async def test_what_is_asked_while_another_is_under_way_is_asked_together_after_it() -> None:
    oracle = Oracle()
    batches = Batches(oracle.answer)
    tasks = [*await asked_by(batches, "a"), *await asked_by(batches, "bb", "ccc", "bb")]
    assert oracle.asked == [["a"]]
    oracle.open.set()
    assert await asyncio.gather(*tasks) == [1, 2, 3, 2]
    assert oracle.asked == [["a"], ["bb", "ccc", "bb"]]
    assert await batches.ask("later") == 5


async def test_so_many_are_asked_at_once_and_no_more() -> None:
    oracle = Oracle()
    oracle.open.set()
    batches = Batches(oracle.answer, most=2)
    assert await asyncio.gather(*(batches.ask("x" * n) for n in range(5))) == [0, 1, 2, 3, 4]
    assert [len(each) for each in oracle.asked] == [2, 2, 1]


async def test_a_failure_is_told_to_all_who_asked_and_to_nobody_after() -> None:
    oracle = Oracle(ValueError("no"))
    batches = Batches(oracle.answer)
    tasks = await asked_by(batches, "a", "b")
    oracle.open.set()
    told = await asyncio.gather(*tasks, return_exceptions=True)
    assert [str(each) for each in told] == ["no", "no"]
    oracle.error = None
    assert await batches.ask("c") == 1


async def test_one_who_gives_up_takes_nothing_from_the_others() -> None:
    oracle = Oracle()
    batches = Batches(oracle.answer)
    first, second = await asked_by(batches, "a", "bb")
    (waiting,) = await asked_by(batches, "gone")
    for each in (first, waiting):
        each.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    oracle.open.set()
    assert await second == 2
    assert await batches.ask("ccc") == 3
    # Nobody waits for it any more, so nobody is asked.
    assert oracle.asked == [["a", "bb"], ["ccc"]]
