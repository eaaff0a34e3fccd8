"""Whatever happens to a commit, every row is in the table once and the table can be read.

The same tests run on a catalog of local files, as unit tests, and on the real catalog and object store.
"""

import asyncio
import random
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from kit.errors import Fault
from kit.lake import ColumnMissing, GroupCommitter, GroupPolicy, Mark, Outcome, load_catalog, objects
from kit.settings import LakeSettings
from pyiceberg.catalog import Catalog
from pyiceberg.types import LongType, StringType

from tests.lakes import (
    NAMESPACE,
    Faulty,
    Identifier,
    Send,
    answer_lost,
    counts,
    local_catalog,
    lost_on_the_way,
    new_table,
    row,
    sent_twice,
)

PROMPT = GroupPolicy(max_wait_seconds=0.0, longest_pause_seconds=0.2)


@pytest.fixture(params=["local", pytest.param("real", marks=pytest.mark.integration)])
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> Catalog:
    if request.param == "local":
        return local_catalog(tmp_path)
    stack: Mapping[str, str] = request.getfixturevalue("stack")
    catalog = load_catalog(LakeSettings.model_validate({name.lower(): value for name, value in stack.items()}))
    catalog.create_namespace_if_not_exists(NAMESPACE)
    return catalog


@pytest.fixture
def identifier(catalog: Catalog) -> Iterator[Identifier]:
    identifier = new_table(catalog)
    yield identifier
    if catalog.table_exists(identifier):
        catalog.drop_table(identifier)


@pytest.fixture
def way(catalog: Catalog) -> Faulty:
    return Faulty(catalog, threading.Lock())


def another(way: Faulty) -> Faulty:
    return Faulty(way.catalog, way.lock)


def committer_of(way: Faulty, identifier: Identifier, policy: GroupPolicy = PROMPT, **options: int) -> GroupCommitter:
    return GroupCommitter(way.target(identifier, **options), key="id", policy=policy)


@pytest.mark.parametrize("fault", [answer_lost, sent_twice, lost_on_the_way])
async def test_a_commit_without_a_usable_answer_is_settled_by_its_snapshot(
    way: Faulty, identifier: Identifier, fault: object
) -> None:
    async with committer_of(way, identifier) as committer:
        await committer.append(row("before"), absent_at=committer.mark())
        way.commits = [fault, fault]  # type: ignore[list-item]
        outcomes = await asyncio.gather(*(committer.append(row(key), absent_at=committer.mark()) for key in "abc"))
        await committer.append(row("after"), absent_at=committer.mark())
    assert outcomes == [Outcome.APPENDED] * 3
    assert counts(way.catalog, identifier) == Counter(["before", "a", "b", "c", "after"])


async def test_a_request_that_arrives_late_is_not_done_twice(way: Faulty, identifier: Identifier) -> None:
    late: list[Send] = []

    def delayed(send: Send) -> None:
        late.append(send)
        lost_on_the_way(send)

    async with committer_of(way, identifier) as committer:
        await committer.append(row("a"), absent_at=committer.mark())
        way.commits = [delayed, lambda _send: late.pop()()]
        await committer.append(row("b"), absent_at=committer.mark())
        way.commits = [delayed]
        await committer.append(row("c"), absent_at=committer.mark())
        with pytest.raises(Exception, match=r"."):
            late.pop()()
    assert counts(way.catalog, identifier) == Counter("abc")


async def test_two_committers_write_each_key_once(way: Faulty, identifier: Identifier) -> None:
    """Every key goes to both: one is told that it is new, the other that it may have been written before."""
    policy = GroupPolicy(max_rows=10, max_wait_seconds=0.02, longest_pause_seconds=0.3)
    dice = random.Random(7)  # noqa: S311  # a schedule, no secret

    async def persist(committer: GroupCommitter, key: str, absent_at: Mark | None) -> Outcome:
        await asyncio.sleep(dice.random())
        return await committer.append(row(key, ord(key[-1])), absent_at=absent_at)

    async with (
        committer_of(way, identifier, policy, keep_snapshots=2) as one,
        committer_of(another(way), identifier, policy, keep_snapshots=2) as two,
    ):
        keys = [f"k{n}" for n in range(40)]
        outcomes = await asyncio.gather(
            *(persist(one, key, Mark(0)) for key in keys), *(persist(two, key, None) for key in keys)
        )
    assert Counter(outcomes) == {Outcome.APPENDED: 40, Outcome.ALREADY_THERE: 40}
    assert counts(way.catalog, identifier) == Counter(keys)


async def test_a_commit_that_landed_and_was_expired_before_anyone_asked_is_found_by_its_keys(
    way: Faulty, identifier: Identifier
) -> None:
    async with (
        committer_of(another(way), identifier, keep_snapshots=1) as other,
        committer_of(way, identifier) as committer,
    ):
        gone = asyncio.Event()
        loop = asyncio.get_running_loop()

        def forestalled(send: Send) -> None:
            send()
            for key in "xyz":
                asyncio.run_coroutine_threadsafe(other.append(row(key), absent_at=None), loop).result(60)
            loop.call_soon_threadsafe(gone.set)
            lost_on_the_way(send)

        way.commits = [forestalled]
        await committer.append(row("a"), absent_at=committer.mark())
        assert gone.is_set()
    assert counts(way.catalog, identifier) == Counter("axyz")


async def test_expiry_by_another_does_no_harm(way: Faulty, identifier: Identifier) -> None:
    async with committer_of(way, identifier, keep_snapshots=3) as committer:
        for key in "abcde":
            await committer.append(row(key), absent_at=committer.mark())
        table = way.catalog.load_table(identifier)
        old = [one.snapshot_id for one in table.metadata.snapshots if one != table.current_snapshot()]
        table.maintenance.expire_snapshots().by_ids(old).commit()
        for key in "fgh":
            await committer.append(row(key), absent_at=committer.mark())
    assert counts(way.catalog, identifier) == Counter("abcdefgh")
    assert len(way.catalog.load_table(identifier).metadata.snapshots) == 3


async def test_rows_wait_while_the_catalog_is_away(way: Faulty, identifier: Identifier) -> None:
    async with committer_of(way, identifier) as committer:
        back = threading.Event()
        asked = asyncio.Event()
        loop = asyncio.get_running_loop()

        def until_back(send: Send) -> object:
            if not back.is_set():
                loop.call_soon_threadsafe(asked.set)
                way.commits.append(until_back)
                way.looks.append(until_back)
                return lost_on_the_way(send)
            return send()

        way.commits = [until_back]
        waiting = asyncio.create_task(committer.append(row("a"), absent_at=None))
        await asked.wait()
        more = asyncio.create_task(committer.append(row("b"), absent_at=committer.mark()))
        await asyncio.wait([more], timeout=0.2)
        assert "away" in str(committer.trouble())
        assert committer.alive
        back.set()
        assert list(await asyncio.gather(waiting, more)) == [Outcome.APPENDED] * 2
        assert committer.trouble() is None
    assert counts(way.catalog, identifier) == Counter("ab")


async def test_rows_wait_while_the_object_store_is_away(
    way: Faulty, identifier: Identifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = objects._write
    failures = [OSError("no route to the store") for _ in range(7)]

    def unreliable(*arguments: Any) -> None:
        if failures:
            raise failures.pop()
        write(*arguments)

    async with committer_of(way, identifier) as committer:
        await committer.append(row("a"), absent_at=committer.mark())
        monkeypatch.setattr(objects, "_write", unreliable)
        outcomes = await asyncio.gather(*(committer.append(row(key), absent_at=committer.mark()) for key in "bcd"))
    assert outcomes == [Outcome.APPENDED] * 3
    assert failures == []
    assert counts(way.catalog, identifier) == Counter("abcd")


async def test_a_compaction_between_adds_no_rows_and_stops_nobody(way: Faulty, identifier: Identifier) -> None:
    async with committer_of(way, identifier) as committer:
        for key in "abc":
            await committer.append(row(key), absent_at=committer.mark())
        table = way.catalog.load_table(identifier)
        table.overwrite(table.scan().to_arrow())
        assert await committer.append(row("d"), absent_at=committer.mark()) is Outcome.APPENDED
    async with committer_of(way, identifier) as restarted:
        again = await asyncio.gather(*(restarted.append(row(key), absent_at=None) for key in "abcde"))
    assert again == [Outcome.ALREADY_THERE] * 4 + [Outcome.APPENDED]
    assert counts(way.catalog, identifier) == Counter("abcde")


async def test_a_column_that_is_missing_holds_back_only_its_rows(way: Faulty, identifier: Identifier) -> None:
    async with committer_of(way, identifier) as committer:
        with pytest.raises(ColumnMissing, match=r"lacks column note.*payments tables apply") as missing:
            await committer.append(row("a", note="x"), absent_at=None)
        assert missing.value.column == "note"
        assert await committer.append(row("b", note=None), absent_at=None) is Outcome.APPENDED
        with way.catalog.load_table(identifier).update_schema() as change:
            change.add_column("note", StringType())
            change.add_column("count", LongType())
        assert await committer.append(row("a", note="x"), absent_at=None) is Outcome.APPENDED
        assert await committer.append(row("c"), absent_at=committer.mark()) is Outcome.APPENDED
    rows = way.catalog.load_table(identifier).scan().to_arrow().sort_by("id")
    assert rows.column("note").to_pylist() == ["x", None, None]


async def test_a_table_that_was_replaced_is_a_fault(way: Faulty, identifier: Identifier) -> None:
    committer = committer_of(way, identifier)
    ended = asyncio.create_task(committer.run(asyncio.Event()))
    await committer.append(row("a"), absent_at=None)
    way.catalog.drop_table(identifier)
    way.catalog.create_table(identifier, way.catalog.load_table(new_table(way.catalog)).schema())
    with pytest.raises(Fault, match="replaced"):
        await committer.append(row("b"), absent_at=committer.mark())
    with pytest.raises(Fault, match="replaced"):
        await ended
    assert not committer.alive


async def test_a_commit_says_in_its_summary_what_it_is_told(way: Faulty, identifier: Identifier) -> None:
    committer = GroupCommitter(
        way.target(identifier), key="id", policy=PROMPT, describe=lambda rows: {"rows-seen": str(len(rows))}
    )
    async with committer:
        await committer.append(row("a"), absent_at=None)
    head = way.catalog.load_table(identifier).current_snapshot()
    assert head is not None
    assert head.summary is not None
    assert head.summary["rows-seen"] == "1"
