from collections import Counter
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.errors import Transient
from kit.lake.once import Conflict, OnceAppender
from kit.lake.rows import Row

FAULTS = ("none", "none", "refused", "landed but lost", "lost and late", "lost for ever", "forestalled")


@dataclass
class Table:
    """A table whose commits name the commit they build on, as Iceberg's do; late requests land when they can."""

    commits: list[list[Row]] = field(default_factory=list)
    late: list[tuple[int, list[Row]]] = field(default_factory=list)

    def commit(self, base: int, rows: Sequence[Row]) -> bool:
        if base != len(self.commits):
            return False
        self.commits.append(list(rows))
        return True

    def land_late_requests(self) -> None:
        waiting, self.late = self.late, []
        for base, rows in waiting:
            self.commit(base, rows)

    def written(self) -> list[str]:
        return [str(row["id"]) for commit in self.commits for row in commit]


class Writer:
    """An AppendTarget on the fake table that fails as it is told to."""

    name = "fake"

    def __init__(self, table: Table, faults: Iterator[str]) -> None:
        self.table = table
        self.faults = faults
        self.seen = len(table.commits)
        self.lookups = 0

    def check(self, row: Row) -> None: ...

    def refresh(self) -> bool:
        moved, self.seen = self.seen != len(self.table.commits), len(self.table.commits)
        return moved

    def present(self, rows: Sequence[Row]) -> AbstractSet[str]:
        self.lookups += 1
        asked = {str(row["id"]) for row in rows}
        seen = {str(row["id"]) for commit in self.table.commits[: self.seen] for row in commit}
        return asked & seen

    def append(self, rows: Sequence[Row]) -> None:
        fault = next(self.faults, "none")
        if fault == "forestalled":
            self.table.land_late_requests()
            self.table.commit(len(self.table.commits), [{"id": f"foreign-{len(self.table.commits)}"}])
        if fault == "lost and late":
            self.table.late.append((self.seen, list(rows)))
        if fault in {"refused", "lost and late", "lost for ever"}:
            raise Transient(fault)
        if not self.table.commit(self.seen, rows):
            raise Conflict
        if fault == "landed but lost":
            raise Transient(fault)
        self.seen = len(self.table.commits)

    def expire(self) -> int:
        return 0


def appender(writer: Writer, attempts: int = 20) -> OnceAppender:
    return OnceAppender(writer, attempts=attempts, sleep=lambda _: None)


def rows(*keys: str) -> dict[str, Row]:
    return {key: {"id": key} for key in keys}


def test_appends_a_group_in_one_commit_without_looking_it_up() -> None:
    table = Table()
    writer = Writer(table, iter(()))
    written = appender(writer).append(rows("a", "b"), set())
    assert table.commits == [[{"id": "a"}, {"id": "b"}]]
    assert written.already_there == frozenset()
    assert writer.lookups == 0


def test_leaves_out_a_suspect_that_is_there() -> None:
    table = Table([[{"id": "a"}]])
    written = appender(Writer(table, iter(()))).append(rows("a", "b"), {"a"})
    assert table.written() == ["a", "b"]
    assert written.already_there == {"a"}


def test_commits_nothing_when_all_rows_are_there() -> None:
    table = Table([[{"id": "a"}]])
    appender(Writer(table, iter(()))).append(rows("a"), {"a"})
    assert len(table.commits) == 1


def test_looks_all_rows_up_again_when_another_writer_came_first() -> None:
    table = Table()
    writer = Writer(table, iter(()))
    table.commit(0, [{"id": "a"}])
    once = appender(writer)
    written = once.append(rows("a", "b"), set())
    assert table.written() == ["a", "b"]
    assert written.conflicts == 1
    assert once.moves > 0


def test_gives_up_as_transient_when_it_is_always_forestalled() -> None:
    with pytest.raises(Transient, match="other writers came first 3 times"):
        appender(Writer(Table(), iter(["forestalled"] * 9)), attempts=3).append(rows("a"), set())


def test_finds_a_lost_request_that_lands_after_the_look_up() -> None:
    table = Table()
    once = appender(Writer(table, iter(["lost and late", "forestalled"])))
    with pytest.raises(Transient):
        once.append(rows("a"), set())
    once.append(rows("a"), {"a"})
    assert table.written().count("a") == 1


@given(
    faults=st.lists(st.sampled_from(FAULTS), max_size=25),
    turns=st.lists(st.tuples(st.integers(0, 1), st.sets(st.sampled_from("abcdef"), min_size=1)), max_size=12),
)
def test_every_key_is_in_the_table_once_whatever_fails_and_whoever_writes(
    faults: list[str], turns: list[tuple[int, set[str]]]
) -> None:
    """Two processes share the table. A key's later attempts are suspect, wherever its first one was made."""
    table = Table()
    script = iter(faults)
    processes = [appender(Writer(table, script)) for _ in range(2)]
    tried: set[str] = set()
    acknowledged: set[str] = set()
    for process, keys in [*turns, (0, set("abcdef")), (1, set("abcdef"))]:
        wanted = rows(*sorted(keys))
        for _ in range(40):
            suspects = keys & tried
            tried |= keys
            try:
                processes[process].append(wanted, suspects)
            except Transient:
                continue
            acknowledged |= keys
            break
    table.land_late_requests()
    counts = Counter(key for key in table.written() if not key.startswith("foreign"))
    assert set(counts) == acknowledged == set("abcdef")
    assert set(counts.values()) == {1}


def test_looks_all_rows_up_when_another_writer_came_since_the_suspects_were_named() -> None:
    table = Table()
    once = appender(Writer(table, iter(())))
    moves = once.moves
    table.commit(0, [{"id": "a"}])
    once.refresh()
    assert once.append(rows("a", "b"), set(), moves=moves).already_there == {"a"}
    assert table.written() == ["a", "b"]
