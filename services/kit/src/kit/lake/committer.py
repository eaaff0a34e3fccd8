"""Groups rows that arrive one by one into few commits, and holds them while the lake is away."""

import asyncio
from collections import OrderedDict, deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import monotonic
from types import TracebackType
from typing import Self

import stamina
import structlog

from kit.errors import Fault, Rejected, Transient
from kit.lake import metrics
from kit.lake.history import Mark
from kit.lake.policy import Describe, GroupPolicy, Outcome, Steps, Target
from kit.lake.rows import ColumnMissing, Row, UnknownColumn
from kit.lake.table import Conflict
from kit.lake.write import Pending, Written

_log = structlog.get_logger(__name__)
_SLOW_SECONDS = 5.0


@dataclass(slots=True)
class _Entry:
    key: str
    row: Row
    absent_at: Mark | None
    arrived: float
    done: asyncio.Future[Outcome]


class GroupCommitter:
    """Commits rows in groups: `append` returns once its row is in a committed snapshot.

    Its owner awaits `run`, as in a task group: what it raises must end the program, since rows then wait for nothing.
    As an async context manager it runs in a task of its own. All commits are made in one thread.
    """

    def __init__(
        self, target: Target, *, key: str, policy: GroupPolicy | None = None, describe: Describe | None = None
    ) -> None:
        self._target = target
        self._key = key
        self._policy = policy or GroupPolicy()
        self._describe = describe
        self._recent: OrderedDict[str, Mark] = OrderedDict()
        self._forgotten = Mark(0)
        self._pending: dict[str, _Entry] = {}
        self._waiting: deque[_Entry] = deque()
        self._room = asyncio.Semaphore(self._policy.waiting_rows)
        self._wake = asyncio.Event()
        self._is_closing = False
        self._end: Exception | None = None
        self._trouble: str | None = None
        self._stepping_since: float | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="lake-committer")
        self._look: asyncio.Future[None] | None = None
        self._stop = asyncio.Event()
        self._ended = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        metrics.begin_at_zero(target.name)

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self.run(self._stop), name="lake-committer")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def alive(self) -> bool:
        """Whether rows are accepted and committed."""
        return self._end is None and not self._is_closing

    def trouble(self) -> str | None:
        """Say why rows are not being committed at present; None while all is well. May be asked in any thread."""
        if self._end is not None:
            return str(self._end)
        since = self._stepping_since
        if self._trouble is None and since is not None and (took := monotonic() - since) > _SLOW_SECONDS:
            return f"a commit to {self._target.name} has been under way for {took:.0f} s"
        return self._trouble

    def mark(self) -> Mark:
        """Return the newest state of the table that was seen here.

        A row that is first heard of now cannot have been written here, or seen as written, before: it is `absent_at`
        this mark.
        """
        return self._target.mark

    async def append(self, row: Row, *, absent_at: Mark | None) -> Outcome:
        """Have the row committed together with others; wait for as long as that takes.

        A caller that gives up leaves its row here: whoever appends the same key again waits for the same commit.

        Args:
            row: Column name to value.
            absent_at: A `mark` at which the key is known not to be in the table: only what others have written since
                is searched for it. None if it may have been written before: then it is looked up.

        Raises:
            Rejected: The row does not fit the table.
            ColumnMissing: The table lacks a column that the row has a value for; no other row is held back by it.
            Transient: The committer was stopped; the row may be in the table.
            Fault: The committer has died.
        """
        key = self._key_of(row)
        if key in self._recent:
            return self._count(Outcome.ALREADY_THERE)
        entry = self._pending.get(key)
        if entry is None:
            await self._check(row)
            # Another caller may have brought the same row meanwhile.
            if key in self._recent:
                return self._count(Outcome.ALREADY_THERE)
            entry = self._pending.get(key) or await self._enqueue(key, row, absent_at)
        # The shield: a caller that gives up must not take the row from a commit under way.
        return self._count(await asyncio.shield(entry.done))

    async def run(self, stop: asyncio.Event) -> None:
        """Commit what is appended until `stop` is set, then what still waits, within `closing_seconds`.

        Raises:
            Fault: Something is wrong that waiting does not mend. All who wait get it, too.
        """
        end: Exception = Transient(f"the committer of {self._target.name} has stopped")
        try:
            async with asyncio.timeout(None) as limit:
                watch = asyncio.create_task(self._watch(stop, limit))
                try:
                    await self._work()
                finally:
                    watch.cancel()
        except TimeoutError:
            _log.warning("committer_stopped_with_rows_waiting", table=self._target.name, rows=len(self._pending))
        except Exception as error:
            end = error if isinstance(error, Fault) else Fault(f"{self._target.name}: {type(error).__name__}: {error}")
            _log.exception("committer_died", table=self._target.name, rows=len(self._pending))
            raise end from error
        finally:
            self._end = end
            self._ended.set()
            for entry in list(self._pending.values()):
                self._fail(entry, end)
            self._thread.shutdown(wait=False, cancel_futures=True)

    async def ended(self) -> None:
        """Return when `run` has ended, for whatever reason."""
        await self._ended.wait()

    async def close(self) -> None:
        """Stop what entering the context manager has started; raise what `run` raised."""
        self._stop.set()
        if self._task is not None:
            await self._task

    async def _watch(self, stop: asyncio.Event, limit: asyncio.Timeout) -> None:
        await stop.wait()
        self._is_closing = True
        self._wake.set()
        limit.reschedule(asyncio.get_running_loop().time() + self._policy.closing_seconds)

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
                raise ColumnMissing(self._target.name, error.column) from error

    async def _see_newest(self) -> None:
        """Have the table refreshed in the committing thread; all who ask meanwhile share one look."""
        self._refuse_when_ended()
        if self._look is None or self._look.done():
            self._look = asyncio.get_running_loop().run_in_executor(self._thread, self._target.refresh)
        await asyncio.shield(self._look)

    def _refuse_when_ended(self) -> None:
        if self._end is not None:
            raise self._end
        if self._is_closing:
            raise Transient(f"the committer of {self._target.name} is closing")

    def _count(self, outcome: Outcome) -> Outcome:
        metrics.ROWS.labels(self._target.name, outcome).inc()
        return outcome

    async def _enqueue(self, key: str, row: Row, absent_at: Mark | None) -> _Entry:
        self._refuse_when_ended()
        loop = asyncio.get_running_loop()
        entry = _Entry(key, row, absent_at, loop.time(), loop.create_future())
        self._pending[key] = entry
        try:
            await self._room.acquire()
        except BaseException:
            self._fail(entry, Transient("the caller gave up before its row could wait for a commit"))
            raise
        metrics.WAITING_ROWS.labels(self._target.name).inc()
        if not self.alive:
            self._release()
            self._fail(entry, self._end or Transient(f"the committer of {self._target.name} is closing"))
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

    async def _work(self) -> None:
        while True:
            await self._wake.wait()
            if self._waiting:
                await self._fill()
                size = min(self._policy.max_rows, len(self._waiting))
                await self._commit([self._waiting.popleft() for _ in range(size)])
            elif self._is_closing:
                return
            else:
                self._wake.clear()

    async def _fill(self) -> None:
        deadline = self._waiting[0].arrived + self._policy.max_wait_seconds
        while len(self._waiting) < self._policy.max_rows and not self._is_closing:
            self._wake.clear()
            try:
                async with asyncio.timeout_at(deadline):
                    await self._wake.wait()
            except TimeoutError:
                self._wake.set()
                return

    async def _commit(self, group: list[_Entry]) -> None:
        loop = asyncio.get_running_loop()
        started = loop.time()
        rows = {entry.key: Pending(entry.row, self._absent_at(entry)) for entry in group}
        properties = None if self._describe is None else self._describe([entry.row for entry in group])
        try:
            written = await self._write(self._target.begin(rows, properties))
        finally:
            metrics.COMMIT_SECONDS.labels(self._target.name).observe(loop.time() - started)
            for _ in group:
                self._release()
        metrics.COMMIT_ROWS.labels(self._target.name).observe(
            len(group) - len(written.already_there) - len(written.refused)
        )
        for entry in group:
            self._settle(entry, written)

    async def _write(self, group: Steps) -> Written:
        """Step until the group is written, with growing pauses and without end."""
        loop = asyncio.get_running_loop()
        async for attempt in stamina.retry_context(
            on=Transient,
            attempts=None,
            timeout=None,
            wait_initial=0.05,
            wait_max=self._policy.longest_pause_seconds,
            wait_jitter=0.1,
        ):
            with attempt:
                self._stepping_since = monotonic()
                try:
                    written = await loop.run_in_executor(self._thread, group.step)
                except Transient as error:
                    self._note(error)
                    raise
                finally:
                    self._stepping_since = None
                self._trouble = None
                return written
        raise AssertionError("stamina returns or raises")  # pragma: no cover

    def _note(self, error: Transient) -> None:
        is_conflict = isinstance(error, Conflict)
        metrics.RETRIES.labels(self._target.name, "conflict" if is_conflict else "unavailable").inc()
        if is_conflict:
            metrics.CONFLICTS.labels(self._target.name).inc()
            return
        if self._trouble is None:
            _log.warning("lake_is_away", table=self._target.name, rows=len(self._pending), error=str(error))
        self._trouble = str(error)

    def _absent_at(self, entry: _Entry) -> Mark | None:
        # What was committed here after that mark may have been forgotten: only the table can tell.
        if entry.absent_at is not None and entry.absent_at < self._forgotten:
            return None
        return entry.absent_at

    def _settle(self, entry: _Entry, written: Written) -> None:
        if entry.key in written.refused:
            self._fail(entry, written.refused[entry.key])
            return
        self._pending.pop(entry.key, None)
        self._remember(entry.key)
        if not entry.done.done():
            there = entry.key in written.already_there
            entry.done.set_result(Outcome.ALREADY_THERE if there else Outcome.APPENDED)

    def _remember(self, key: str) -> None:
        self._recent[key] = self._target.mark
        if len(self._recent) > self._policy.remembered_keys:
            _, self._forgotten = self._recent.popitem(last=False)
