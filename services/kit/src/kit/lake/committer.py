"""Groups rows that arrive one by one into few commits."""

import asyncio
from collections import OrderedDict, deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from types import TracebackType
from typing import Self

import structlog

from kit.errors import Fault, Rejected, Transient
from kit.lake import metrics
from kit.lake.once import AppendTarget, OnceAppender, Written
from kit.lake.rows import Row, UnknownColumn

_log = structlog.get_logger(__name__)


class Outcome(StrEnum):
    """What became of a row: both mean that a committed snapshot holds it."""

    APPENDED = "appended"
    ALREADY_THERE = "already_there"


@dataclass(frozen=True, slots=True)
class GroupPolicy:
    """When a group is committed, and the bounds of waiting.

    Attributes:
        max_rows: Rows at which a group is full.
        max_wait_seconds: How long the first row of a group waits for others.
        waiting_rows: Rows that may wait in all; beyond it, callers are held back.
        expire_every: Commits after which old snapshots are expired, because each live one makes commits slower.
        remembered_keys: Committed keys kept in memory, so that most repeated rows cost no look-up.
        doubt_seconds: How long after another writer's commit every row is looked up: longer than an attempt may be
            under way, since a first attempt that comes late may find its repetition written elsewhere.
    """

    max_rows: int = 500
    max_wait_seconds: float = 0.5
    waiting_rows: int = 5_000
    expire_every: int = 50
    remembered_keys: int = 100_000
    doubt_seconds: float = 600.0


@dataclass(slots=True)
class _Entry:
    key: str
    row: Row
    suspect: bool
    moves: int
    arrived: float
    done: asyncio.Future[Outcome]


class GroupCommitter:
    """The one committer of a table: `append` returns once its row is in a committed snapshot.

    Use it as an async context manager; leaving it commits what still waits. All commits run in one thread.
    """

    def __init__(self, target: AppendTarget, *, key: str, policy: GroupPolicy | None = None) -> None:
        self._target = target
        self._key = key
        self._policy = policy or GroupPolicy()
        self._once = OnceAppender(target)
        self._recent: OrderedDict[str, None] = OrderedDict()
        self._pending: dict[str, _Entry] = {}
        self._waiting: deque[_Entry] = deque()
        self._room = asyncio.Semaphore(self._policy.waiting_rows)
        self._wake = asyncio.Event()
        self._closing = False
        self._commits = 0
        self._moves = 0
        self._doubt_until = 0.0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="lake-committer")
        self._loop_task: asyncio.Task[None] | None = None
        self._look: asyncio.Future[bool] | None = None

    async def __aenter__(self) -> Self:
        self._loop_task = asyncio.create_task(self._run(), name="lake-committer")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def alive(self) -> bool:
        """Whether rows are accepted and committed."""
        return self._loop_task is not None and not self._loop_task.done() and not self._closing

    async def append(self, row: Row, *, repeated: bool = False) -> Outcome:
        """Have the row committed together with others.

        Args:
            row: Column name to value.
            repeated: True unless this is known to be the first attempt for this key.

        Raises:
            Rejected: The row does not fit the table.
            Transient: The group failed or the committer is closing; the row may be in the table: repeat. Or the table
                lacks a column that the row has, since its contract is newer: repeat once the table has evolved.
        """
        key = self._key_of(row)
        if key in self._recent:
            return self._count(Outcome.ALREADY_THERE)
        entry = self._pending.get(key)
        if entry is None:
            await self._check(row)
            # Another caller may have brought the same row meanwhile.
            entry = self._pending.get(key) or await self._enqueue(key, row, repeated=repeated)
        # The shield: a caller that gives up must not take the row from a commit under way.
        return self._count(await asyncio.shield(entry.done))

    async def close(self) -> None:
        """Refuse new rows, commit those that wait, and stop."""
        self._closing = True
        self._wake.set()
        if self._loop_task is not None:
            await self._loop_task
        self._thread.shutdown(wait=False)

    def _key_of(self, row: Row) -> str:
        key = row.get(self._key)
        if not isinstance(key, str):
            raise Rejected(f"column {self._key} must be text: it is the key of {self._target.name}")
        return key

    async def _check(self, row: Row) -> None:
        try:
            self._target.check(row)
        except UnknownColumn:
            await self._see_newest()
            try:
                self._target.check(row)
            except UnknownColumn as error:
                raise Transient(
                    f"{self._target.name}: {error}; its rows wait until `payments tables apply` has added it"
                ) from error

    async def _see_newest(self) -> None:
        """Have the table refreshed in the committing thread; all who ask meanwhile share one look."""
        if not self.alive:
            raise Transient(f"the committer of {self._target.name} is closing")
        if self._look is None or self._look.done():
            loop = asyncio.get_running_loop()
            self._look = loop.run_in_executor(self._thread, self._once.refresh)
        await asyncio.shield(self._look)

    def _count(self, outcome: Outcome) -> Outcome:
        metrics.ROWS.labels(self._target.name, outcome).inc()
        return outcome

    async def _enqueue(self, key: str, row: Row, *, repeated: bool) -> _Entry:
        loop = asyncio.get_running_loop()
        entry = _Entry(key, row, repeated, self._once.moves, loop.time(), loop.create_future())
        self._pending[key] = entry
        try:
            await self._room.acquire()
        except BaseException:
            self._fail(entry, Transient("the caller gave up before its row could wait for a commit"))
            raise
        metrics.WAITING_ROWS.labels(self._target.name).inc()
        if not self.alive:
            self._release()
            self._fail(entry, Transient(f"the committer of {self._target.name} is closing"))
        else:
            self._waiting.append(entry)
            self._wake.set()
        return entry

    def _release(self) -> None:
        self._room.release()
        metrics.WAITING_ROWS.labels(self._target.name).dec()

    def _fail(self, entry: _Entry, error: Exception) -> None:
        self._pending.pop(entry.key, None)
        if not entry.done.done():
            entry.done.set_exception(error)
            entry.done.exception()  # marks it as seen: all who waited may have given up

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            if self._waiting:
                await self._fill()
                size = min(self._policy.max_rows, len(self._waiting))
                await self._commit([self._waiting.popleft() for _ in range(size)])
            elif self._closing:
                return
            else:
                self._wake.clear()

    async def _fill(self) -> None:
        deadline = self._waiting[0].arrived + self._policy.max_wait_seconds
        while len(self._waiting) < self._policy.max_rows and not self._closing:
            self._wake.clear()
            try:
                async with asyncio.timeout_at(deadline):
                    await self._wake.wait()
            except TimeoutError:
                self._wake.set()
                return

    async def _commit(self, group: list[_Entry]) -> None:
        rows = {entry.key: entry.row for entry in group}
        loop = asyncio.get_running_loop()
        started = loop.time()
        moves = self._once.moves
        if moves != self._moves:
            self._moves, self._doubt_until = moves, started + self._policy.doubt_seconds
        in_doubt = started < self._doubt_until
        suspects = {entry.key for entry in group if in_doubt or entry.suspect or entry.moves != moves}
        try:
            written = await loop.run_in_executor(self._thread, partial(self._once.append, rows, suspects, moves=moves))
        except Exception as error:  # noqa: BLE001  # whatever it is, the callers must hear of it
            self._settle_failure(group, error)
            return
        finally:
            metrics.COMMIT_SECONDS.labels(self._target.name).observe(loop.time() - started)
            for _ in group:
                self._release()
        self._settle(group, written)
        self._commits += 1
        if self._commits % self._policy.expire_every == 0:
            await self._expire()

    def _settle(self, group: list[_Entry], written: Written) -> None:
        metrics.COMMIT_ROWS.labels(self._target.name).observe(len(group) - len(written.already_there))
        metrics.CONFLICTS.labels(self._target.name).inc(written.conflicts)
        for entry in group:
            there = entry.key in written.already_there
            self._pending.pop(entry.key, None)
            self._remember(entry.key)
            if not entry.done.done():
                entry.done.set_result(Outcome.ALREADY_THERE if there else Outcome.APPENDED)

    def _settle_failure(self, group: list[_Entry], error: Exception) -> None:
        if isinstance(error, Transient):
            _log.warning("commit_failed", table=self._target.name, rows=len(group), error=str(error))
        else:
            _log.error("commit_failed", table=self._target.name, rows=len(group), exc_info=error)
        if not isinstance(error, Transient | Rejected | Fault):
            error = Fault(f"{self._target.name}: a commit failed with {type(error).__name__}")
        for entry in group:
            self._fail(entry, error)

    def _remember(self, key: str) -> None:
        self._recent[key] = None
        if len(self._recent) > self._policy.remembered_keys:
            self._recent.popitem(last=False)

    async def _expire(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            expired = await loop.run_in_executor(self._thread, self._once.expire)
        except Transient as error:
            # Rows are safe; only commits stay slower until the next try.
            _log.warning("snapshots_not_expired", table=self._target.name, error=str(error))
        else:
            metrics.EXPIRED.labels(self._target.name).inc(expired)
