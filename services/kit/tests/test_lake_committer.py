import asyncio
import threading
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet

import pytest
from kit.errors import Fault, Rejected, Transient
from kit.lake.committer import GroupCommitter, GroupPolicy, Outcome
from kit.lake.once import Conflict
from kit.lake.rows import Row, UnknownColumn

PATIENT = GroupPolicy(max_wait_seconds=60.0)
PROMPT = GroupPolicy(max_wait_seconds=0.0)


class Target:
    """A table in memory. `before_append` runs in the committing thread and may raise or block."""

    name = "memory"

    def __init__(self, before_append: Callable[[], None] = lambda: None) -> None:
        self.groups: list[list[Row]] = []
        self.before_append = before_append
        self.expiries = 0
        self.expiry_error: Exception | None = None
        self.threads: set[int] = set()
        self.started = threading.Event()

    def check(self, row: Row) -> None:
        if "bad" in row:
            raise Rejected("column bad is not in the table")

    def refresh(self) -> bool:
        return False

    def present(self, rows: Sequence[Row]) -> AbstractSet[str]:
        return {str(row["id"]) for row in rows} & self.keys()

    def append(self, rows: Sequence[Row]) -> None:
        self.threads.add(threading.get_ident())
        self.started.set()
        self.before_append()
        self.groups.append(list(rows))

    def expire(self) -> int:
        if self.expiry_error is not None:
            raise self.expiry_error
        self.expiries += 1
        return 3

    def keys(self) -> set[str]:
        return {str(row["id"]) for group in self.groups for row in group}


def _ignore(_answer: object) -> None: ...


def row(key: object) -> Row:
    return {"id": key}


async def test_commits_as_soon_as_a_group_is_full() -> None:
    target = Target()
    async with GroupCommitter(target, key="id", policy=GroupPolicy(max_rows=3, max_wait_seconds=60)) as committer:
        outcomes = await asyncio.gather(*(committer.append(row(str(n))) for n in range(3)))
    assert outcomes == [Outcome.APPENDED] * 3
    assert [len(group) for group in target.groups] == [3]


async def test_commits_a_group_that_is_not_full_after_its_time() -> None:
    target = Target()
    policy = GroupPolicy(max_rows=100, max_wait_seconds=0.02)
    async with GroupCommitter(target, key="id", policy=policy) as committer:
        await asyncio.gather(*(committer.append(row(str(n))) for n in range(5)))
        assert [len(group) for group in target.groups] == [5]


async def test_rows_that_arrive_during_a_commit_form_the_next_group() -> None:
    gate = threading.Event()
    target = Target(before_append=lambda: _ignore(gate.wait(5)))
    async with GroupCommitter(target, key="id", policy=PROMPT) as committer:
        first = asyncio.create_task(committer.append(row("first")))
        await asyncio.to_thread(target.started.wait, 5)
        others = [asyncio.create_task(committer.append(row(str(n)))) for n in range(9)]
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
            raise UnknownColumn("column new is not in the table")

    def refresh(self) -> bool:
        self.looks += 1
        self.missing -= 1
        return False


async def test_looks_at_the_table_again_where_a_row_has_a_column_more() -> None:
    target = Growing(looks=1)
    async with GroupCommitter(target, key="id", policy=PROMPT) as committer:
        assert await committer.append({"id": "a", "new": 1}) is Outcome.APPENDED
        assert await committer.append({"id": "b"}) is Outcome.APPENDED
    assert target.looks == 1
    assert target.keys() == {"a", "b"}


async def test_rows_wait_for_a_table_that_is_older_than_they_are_and_share_one_look() -> None:
    target = Growing(looks=2)
    async with GroupCommitter(target, key="id", policy=PROMPT) as committer:
        rows = [committer.append({"id": str(n), "new": 1}) for n in range(20)]
        results = await asyncio.gather(*rows, return_exceptions=True)
        assert {type(result) for result in results} == {Transient}
        assert "payments tables apply" in str(results[0])
        assert target.looks == 1
        assert await committer.append({"id": "0", "new": 1}, repeated=True) is Outcome.APPENDED


async def test_closing_commits_what_waits() -> None:
    target = Target()
    committer = GroupCommitter(target, key="id", policy=PATIENT)
    async with committer:
        waiting = [asyncio.create_task(committer.append(row(str(n)))) for n in range(4)]
        await asyncio.sleep(0)
    assert await asyncio.gather(*waiting) == [Outcome.APPENDED] * 4
    assert not committer.alive


async def test_refuses_rows_after_closing_as_transient() -> None:
    committer = GroupCommitter(Target(), key="id", policy=PROMPT)
    async with committer:
        pass
    with pytest.raises(Transient, match="closing"):
        await committer.append(row("late"))


async def test_a_failed_group_fails_all_of_its_callers_and_the_next_one_goes_on() -> None:
    errors = [Transient("object store away")]

    def fail_once() -> None:
        if errors:
            raise errors.pop()

    target = Target(fail_once)
    async with GroupCommitter(target, key="id", policy=GroupPolicy(max_wait_seconds=0.01)) as committer:
        results = await asyncio.gather(*(committer.append(row(key)) for key in "abc"), return_exceptions=True)
        assert [type(result) for result in results] == [Transient] * 3
        again = await asyncio.gather(*(committer.append(row(key), repeated=True) for key in "abc"))
    assert again == [Outcome.APPENDED] * 3


async def test_an_unexpected_error_becomes_a_fault_for_all_callers() -> None:
    def break_down() -> None:
        raise ZeroDivisionError

    async with GroupCommitter(Target(break_down), key="id", policy=PROMPT) as committer:
        with pytest.raises(Fault, match="ZeroDivisionError"):
            await committer.append(row("a"))
        assert committer.alive


async def test_a_repeated_row_that_is_in_the_table_is_not_appended_again() -> None:
    target = Target()
    target.groups.append([row("a")])
    async with GroupCommitter(target, key="id", policy=PROMPT) as committer:
        assert await committer.append(row("a"), repeated=True) is Outcome.ALREADY_THERE
    assert len(target.groups) == 1


async def test_remembers_what_it_committed_lately() -> None:
    target = Target()
    async with GroupCommitter(target, key="id", policy=PROMPT) as committer:
        await committer.append(row("a"))
        assert await committer.append(row("a")) is Outcome.ALREADY_THERE
    assert len(target.groups) == 1


async def test_forgets_the_oldest_key_beyond_its_memory() -> None:
    policy = GroupPolicy(max_wait_seconds=0.0, remembered_keys=2)
    async with GroupCommitter(Target(), key="id", policy=policy) as committer:
        for key in "abc":
            await committer.append(row(key))
        assert list(committer._recent) == ["b", "c"]


async def test_a_row_that_waited_while_another_process_wrote_it_is_not_appended_again() -> None:
    class Shared(Target):
        """Another process commits `b` just before our first commit."""

        moved = True

        def append(self, rows: Sequence[Row]) -> None:
            if self.moved:
                self.groups.append([row("b")])
                raise Conflict
            super().append(rows)

        def refresh(self) -> bool:
            moved, self.moved = self.moved, False
            return moved

    target = Shared()
    policy = GroupPolicy(max_rows=1, max_wait_seconds=60)
    async with GroupCommitter(target, key="id", policy=policy) as committer:
        outcomes = await asyncio.gather(committer.append(row("a")), committer.append(row("b")))
    assert list(outcomes) == [Outcome.APPENDED, Outcome.ALREADY_THERE]
    assert target.groups == [[row("b")], [row("a")]]


async def test_two_callers_of_one_key_share_one_row() -> None:
    target = Target()
    async with GroupCommitter(target, key="id", policy=GroupPolicy(max_wait_seconds=0.01)) as committer:
        await asyncio.gather(committer.append(row("a")), committer.append(row("a"), repeated=True))
    assert target.groups == [[row("a")]]


async def test_a_caller_that_gives_up_takes_no_row_from_the_commit() -> None:
    target = Target()
    async with GroupCommitter(target, key="id", policy=PATIENT) as committer:
        leaving = asyncio.create_task(committer.append(row("a")))
        staying = asyncio.create_task(committer.append(row("b")))
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
        callers = [asyncio.create_task(committer.append(row(key))) for key in "abc"]
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
        first = asyncio.create_task(committer.append(row("a")))
        held = asyncio.create_task(committer.append(row("b")))
        await asyncio.sleep(0)
        held.cancel()
        await asyncio.wait([held])
        assert list(committer._pending) == ["a"]
    assert await first is Outcome.APPENDED
    assert target.keys() == {"a"}


async def test_refuses_a_bad_row_alone() -> None:
    target = Target()
    async with GroupCommitter(target, key="id", policy=GroupPolicy(max_wait_seconds=0.01)) as committer:
        good = asyncio.create_task(committer.append(row("a")))
        with pytest.raises(Rejected, match="column bad"):
            await committer.append({"id": "b", "bad": 1})
        assert await good is Outcome.APPENDED


async def test_refuses_a_row_without_its_key() -> None:
    async with GroupCommitter(Target(), key="id", policy=PROMPT) as committer:
        with pytest.raises(Rejected, match="column id must be text"):
            await committer.append(row(None))


async def test_expires_snapshots_every_so_many_commits() -> None:
    target = Target()
    policy = GroupPolicy(max_wait_seconds=0.0, expire_every=2)
    async with GroupCommitter(target, key="id", policy=policy) as committer:
        for key in "abcde":
            await committer.append(row(key))
    assert target.expiries == 2


async def test_a_failed_expiry_fails_no_row() -> None:
    target = Target()
    target.expiry_error = Transient("catalog away")
    policy = GroupPolicy(max_wait_seconds=0.0, expire_every=1)
    async with GroupCommitter(target, key="id", policy=policy) as committer:
        assert await committer.append(row("a")) is Outcome.APPENDED
        assert await committer.append(row("b")) is Outcome.APPENDED


async def test_a_first_attempt_that_comes_late_is_looked_up_where_others_write_too() -> None:
    class Shared(Target):
        """Another writer's commit comes into sight at the first look."""

        looks = 0

        def refresh(self) -> bool:
            self.looks += 1
            return self.looks == 1

    target = Shared()
    target.groups.append([row("late")])
    policy = GroupPolicy(max_wait_seconds=0.0)
    async with GroupCommitter(target, key="id", policy=policy) as committer:
        assert await committer.append(row("other"), repeated=True) is Outcome.APPENDED
        assert await committer.append(row("late")) is Outcome.ALREADY_THERE
    assert target.groups == [[row("late")], [row("other")]]
