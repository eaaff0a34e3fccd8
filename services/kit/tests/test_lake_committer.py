import asyncio
import threading
from collections.abc import Callable, Mapping

import pytest
from kit.errors import Fault, Rejected, Transient
from kit.lake import ColumnMissing, GroupCommitter, GroupPolicy, Mark, Outcome, Pending, Row, UnknownColumn, Written

PATIENT = GroupPolicy(max_wait_seconds=60.0)
PROMPT = GroupPolicy(max_wait_seconds=0.0)


class Target:
    """A table in memory. `before_step` runs in the committing thread and may raise or block."""

    name = "memory"

    def __init__(self, before_step: Callable[[], None] = lambda: None) -> None:
        self.groups: list[list[Row]] = []
        self.asked: list[Mapping[str, Pending]] = []
        self.before_step = before_step
        self.threads: set[int] = set()
        self.started = threading.Event()

    @property
    def mark(self) -> Mark:
        return Mark(len(self.groups))

    def check(self, row: Row) -> None:
        if "bad" in row:
            raise Rejected("column bad is not in the table")

    def refresh(self) -> None: ...

    def begin(self, rows: Mapping[str, Pending], properties: Mapping[str, str] | None = None) -> "Group":
        self.asked.append(rows)
        return Group(self, rows)

    def keys(self) -> set[str]:
        return {str(row["id"]) for group in self.groups for row in group}


class Group:
    def __init__(self, target: Target, rows: Mapping[str, Pending]) -> None:
        self.target = target
        self.rows = rows

    def step(self) -> Written:
        self.target.threads.add(threading.get_ident())
        self.target.started.set()
        self.target.before_step()
        unknown = {key for key, pending in self.rows.items() if pending.absent_at is None}
        there = frozenset(unknown & self.target.keys())
        refused = {key: Rejected("it does not fit") for key in self.rows if key == "misfit"}
        left = [pending.row for key, pending in self.rows.items() if key not in there | refused.keys()]
        if left:
            self.target.groups.append(left)
        return Written(there, refused)


def _ignore(_answer: object) -> None: ...


def row(key: object) -> Row:
    return {"id": key}


async def test_commits_as_soon_as_a_group_is_full() -> None:
    target = Target()
    async with GroupCommitter(target, key="id", policy=GroupPolicy(max_rows=3, max_wait_seconds=60)) as committer:
        outcomes = await asyncio.gather(*(committer.append(row(str(n)), absent_at=Mark(0)) for n in range(3)))
    assert outcomes == [Outcome.APPENDED] * 3
    assert [len(group) for group in target.groups] == [3]


async def test_commits_a_group_that_is_not_full_after_its_time() -> None:
    target = Target()
    policy = GroupPolicy(max_rows=100, max_wait_seconds=0.02)
    async with GroupCommitter(target, key="id", policy=policy) as committer:
        await asyncio.gather(*(committer.append(row(str(n)), absent_at=Mark(0)) for n in range(5)))
        assert [len(group) for group in target.groups] == [5]


async def test_rows_that_arrive_during_a_commit_form_the_next_group() -> None:
    gate = threading.Event()
    target = Target(before_step=lambda: _ignore(gate.wait(5)))
    async with GroupCommitter(target, key="id", policy=PROMPT) as committer:
        first = asyncio.create_task(committer.append(row("first"), absent_at=Mark(0)))
        await asyncio.to_thread(target.started.wait, 5)
        others = [asyncio.create_task(committer.append(row(str(n)), absent_at=Mark(0))) for n in range(9)]
        await asyncio.sleep(0)
        gate.set()
        await asyncio.gather(first, *others)
    assert [len(group) for group in target.groups] == [1, 9]
    assert len(target.threads) == 1


class Growing(Target):
    """A table without the column `new`, until it has been looked at often enough."""

    def __init__(self, looks: int) -> None:
        super().__init__()
        self.missing = looks
        self.looks = 0

    def check(self, row: Row) -> None:
        if self.missing > 0 and "new" in row:
            raise UnknownColumn("new")

    def refresh(self) -> None:
        self.looks += 1
        self.missing -= 1


async def test_looks_at_the_table_again_where_a_row_has_a_column_more() -> None:
    target = Growing(looks=1)
    async with GroupCommitter(target, key="id", policy=PROMPT) as committer:
        assert await committer.append({"id": "a", "new": 1}, absent_at=Mark(0)) is Outcome.APPENDED
        assert await committer.append({"id": "b"}, absent_at=Mark(0)) is Outcome.APPENDED
    assert target.looks == 1
    assert target.keys() == {"a", "b"}


async def test_rows_wait_for_a_table_that_is_older_than_they_are_and_share_one_look() -> None:
    target = Growing(looks=2)
    async with GroupCommitter(target, key="id", policy=PROMPT) as committer:
        rows = [committer.append({"id": str(n), "new": 1}, absent_at=Mark(0)) for n in range(20)]
        results = await asyncio.gather(*rows, return_exceptions=True)
        assert {type(result) for result in results} == {ColumnMissing}
        assert "payments tables apply" in str(results[0])
        assert target.looks == 1
        assert await committer.append({"id": "0", "new": 1}, absent_at=None) is Outcome.APPENDED


async def test_closing_commits_what_waits() -> None:
    target = Target()
    committer = GroupCommitter(target, key="id", policy=PATIENT)
    async with committer:
        waiting = [asyncio.create_task(committer.append(row(str(n)), absent_at=Mark(0))) for n in range(4)]
        await asyncio.sleep(0)
    assert await asyncio.gather(*waiting) == [Outcome.APPENDED] * 4
    assert not committer.alive


async def test_a_repeated_row_that_is_in_the_table_is_not_appended_again() -> None:
    target = Target()
    target.groups.append([row("a")])
    async with GroupCommitter(target, key="id", policy=PROMPT) as committer:
        assert await committer.append(row("a"), absent_at=None) is Outcome.ALREADY_THERE
    assert len(target.groups) == 1


async def test_remembers_what_it_committed_lately() -> None:
    target = Target()
    async with GroupCommitter(target, key="id", policy=PROMPT) as committer:
        await committer.append(row("a"), absent_at=Mark(0))
        assert await committer.append(row("a"), absent_at=Mark(0)) is Outcome.ALREADY_THERE
    assert len(target.groups) == 1


async def test_forgets_the_oldest_key_beyond_its_memory() -> None:
    policy = GroupPolicy(max_wait_seconds=0.0, remembered_keys=2)
    async with GroupCommitter(Target(), key="id", policy=policy) as committer:
        for key in "abc":
            await committer.append(row(key), absent_at=Mark(0))
        assert list(committer._recent) == ["b", "c"]


async def test_two_callers_of_one_key_share_one_row() -> None:
    target = Target()
    async with GroupCommitter(target, key="id", policy=GroupPolicy(max_wait_seconds=0.01)) as committer:
        await asyncio.gather(committer.append(row("a"), absent_at=Mark(0)), committer.append(row("a"), absent_at=None))
    assert target.groups == [[row("a")]]


async def test_a_caller_that_gives_up_takes_no_row_from_the_commit() -> None:
    target = Target()
    async with GroupCommitter(target, key="id", policy=PATIENT) as committer:
        leaving = asyncio.create_task(committer.append(row("a"), absent_at=Mark(0)))
        staying = asyncio.create_task(committer.append(row("b"), absent_at=Mark(0)))
        await asyncio.sleep(0)
        leaving.cancel()
        await asyncio.wait([leaving])
    assert leaving.cancelled()
    assert await staying is Outcome.APPENDED
    assert target.keys() == {"a", "b"}


async def test_holds_callers_back_when_too_many_rows_wait() -> None:
    policy = GroupPolicy(max_rows=100, max_wait_seconds=60, waiting_rows=2)
    target = Target()
    async with GroupCommitter(target, key="id", policy=policy) as committer:
        callers = [asyncio.create_task(committer.append(row(key), absent_at=Mark(0))) for key in "abc"]
        for _ in range(5):
            await asyncio.sleep(0)
        assert len(committer._waiting) == 2
    results = await asyncio.gather(*callers, return_exceptions=True)
    assert results[:2] == [Outcome.APPENDED] * 2
    assert isinstance(results[2], Transient)


async def test_a_caller_that_gives_up_before_there_is_room_leaves_nothing_behind() -> None:
    policy = GroupPolicy(max_rows=100, max_wait_seconds=60, waiting_rows=1)
    target = Target()
    async with GroupCommitter(target, key="id", policy=policy) as committer:
        first = asyncio.create_task(committer.append(row("a"), absent_at=Mark(0)))
        held = asyncio.create_task(committer.append(row("b"), absent_at=Mark(0)))
        await asyncio.sleep(0)
        held.cancel()
        await asyncio.wait([held])
        assert list(committer._pending) == ["a"]
    assert await first is Outcome.APPENDED
    assert target.keys() == {"a"}


async def test_refuses_a_bad_row_alone() -> None:
    target = Target()
    async with GroupCommitter(target, key="id", policy=GroupPolicy(max_wait_seconds=0.01)) as committer:
        good = asyncio.create_task(committer.append(row("a"), absent_at=Mark(0)))
        with pytest.raises(Rejected, match="column bad"):
            await committer.append({"id": "b", "bad": 1}, absent_at=Mark(0))
        assert await good is Outcome.APPENDED


async def test_refuses_a_row_without_its_key() -> None:
    async with GroupCommitter(Target(), key="id", policy=PROMPT) as committer:
        with pytest.raises(Rejected, match="column id must be text"):
            await committer.append(row(None), absent_at=Mark(0))


async def test_rows_wait_while_the_lake_is_away_and_the_same_group_goes_on() -> None:
    errors = [Transient("object store away")] * 3
    said: list[str | None] = []

    def fail_at_first() -> None:
        if errors:
            said.append(committer.trouble())
            raise errors.pop()

    target = Target(fail_at_first)
    committer = GroupCommitter(target, key="id", policy=GroupPolicy(max_wait_seconds=0.01, longest_pause_seconds=0.01))
    async with committer:
        outcomes = await asyncio.gather(*(committer.append(row(key), absent_at=Mark(0)) for key in "abc"))
        assert committer.trouble() is None
    assert outcomes == [Outcome.APPENDED] * 3
    assert said == [None, "object store away", "object store away"]
    assert len(target.asked) == 1


async def test_stops_within_bounded_time_while_the_lake_is_away_and_says_so_to_all_who_wait() -> None:
    def away() -> None:
        raise Transient("object store away")

    policy = GroupPolicy(max_wait_seconds=0.0, longest_pause_seconds=0.01, closing_seconds=0.05)
    async with GroupCommitter(Target(away), key="id", policy=policy) as committer:
        waiting = [asyncio.create_task(committer.append(row(key), absent_at=None)) for key in "ab"]
        await asyncio.sleep(0)
    assert [type(end) for end in await asyncio.gather(*waiting, return_exceptions=True)] == [Transient] * 2


@pytest.mark.parametrize("error", [ZeroDivisionError("x"), Fault("column x has an unknown type")])
async def test_an_unexpected_error_ends_the_committer_loudly_and_reaches_all_who_wait(error: Exception) -> None:
    def break_down() -> None:
        raise error

    committer = GroupCommitter(Target(break_down), key="id", policy=GroupPolicy(max_rows=2, max_wait_seconds=0.05))
    running = asyncio.create_task(committer.run(asyncio.Event()))
    waiting = [asyncio.create_task(committer.append(row(key), absent_at=None)) for key in "abcde"]
    assert {type(end) for end in await asyncio.gather(*waiting, return_exceptions=True)} == {Fault}
    with pytest.raises(Fault, match=str(error)):
        await running
    await committer.ended()
    assert not committer.alive
    with pytest.raises(Fault):
        await committer.append(row("late"), absent_at=None)


async def test_a_stopped_committer_takes_no_rows() -> None:
    committer = GroupCommitter(Target(), key="id", policy=PROMPT)
    async with committer:
        pass
    with pytest.raises(Transient, match="has stopped"):
        await committer.append(row("late"), absent_at=None)


async def test_a_row_that_the_table_does_not_take_fails_alone() -> None:
    target = Target()
    async with GroupCommitter(target, key="id", policy=GroupPolicy(max_wait_seconds=0.01)) as committer:
        ends = await asyncio.gather(
            *(committer.append(row(key), absent_at=None) for key in ("a", "misfit", "b")), return_exceptions=True
        )
    assert [type(end) for end in ends] == [Outcome, Rejected, Outcome]
    assert target.keys() == {"a", "b"}


async def test_a_mark_from_before_a_forgotten_key_is_not_proof() -> None:
    """Written here, forgotten, and appended again by someone whose mark is older than that."""
    target = Target()
    policy = GroupPolicy(max_wait_seconds=0.0, remembered_keys=1)
    async with GroupCommitter(target, key="id", policy=policy) as committer:
        before = committer.mark()
        for key in "ab":
            await committer.append(row(key), absent_at=before)
        assert await committer.append(row("a"), absent_at=before) is Outcome.ALREADY_THERE
    assert target.asked[-1]["a"].absent_at is None
