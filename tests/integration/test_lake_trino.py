"""What the committer has written is read and maintained by Trino, while the committer goes on."""

import asyncio
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
import trino
from kit.lake import GroupCommitter, GroupPolicy, Outcome, load_catalog
from kit.settings import LakeSettings
from pyiceberg.catalog import Catalog

from tests.lakes import NAMESPACE, PARTITIONS, SCHEMA, Faulty, Identifier, row

pytestmark = [pytest.mark.integration, pytest.mark.trino]

Ask = Callable[[str], list[list[Any]]]
DAY = 24 * 60


@pytest.fixture(scope="module")
def catalog(stack: Mapping[str, str]) -> Catalog:
    catalog = load_catalog(LakeSettings.model_validate({name.lower(): value for name, value in stack.items()}))
    catalog.create_namespace_if_not_exists(NAMESPACE)
    return catalog


@pytest.fixture
def identifier(catalog: Catalog) -> Iterator[Identifier]:
    identifier = (NAMESPACE, f"t_{uuid.uuid4().hex}")
    catalog.create_table(identifier, SCHEMA, partition_spec=PARTITIONS)
    yield identifier
    catalog.drop_table(identifier)


@pytest.fixture
def ask(stack: Mapping[str, str], identifier: Identifier) -> Iterator[Ask]:
    """Ask Trino; `{t}` is the table, and `{t$name}` one of its metadata tables."""
    connection = trino.dbapi.connect(  # type: ignore[no-untyped-call]  # the library has half its types
        host=stack["TRINO_HOST"], port=int(stack["TRINO_PORT"]), user=stack["TRINO_USER"], catalog="lake"
    )

    def ask(statement: str) -> list[list[Any]]:
        cursor = connection.cursor()
        name = f'{NAMESPACE}."{identifier[1]}"'
        cursor.execute(
            statement.replace("{t}", name).replace("{t$", f'{NAMESPACE}."{identifier[1]}$').replace("$}", '"')
        )
        rows: list[list[Any]] = cursor.fetchall()
        return rows

    yield ask
    connection.close()


async def test_trino_reads_and_maintains_what_the_committer_writes(
    catalog: Catalog, identifier: Identifier, ask: Ask
) -> None:
    way = Faulty(catalog, threading.Lock())
    policy = GroupPolicy(max_rows=2, max_wait_seconds=0.0)

    async def write(committer: GroupCommitter, numbers: range) -> Counter[Outcome]:
        outcomes: Counter[Outcome] = Counter()
        for n in numbers:
            fresh = row(f"k{n}", (n % 2) * DAY, amount=n)
            outcomes[await committer.append(fresh, absent_at=committer.mark())] += 1
        return outcomes

    async with GroupCommitter(way.target(identifier), key="id", policy=policy) as committer:
        await write(committer, range(70))
        assert ask("SELECT count(*), sum(amount), count(DISTINCT id) FROM {t}") == [[70, sum(range(70)), 70]]
        assert ask("SELECT count(*) FROM {t} WHERE at < TIMESTAMP '2025-03-02 00:00:00 UTC'") == [[35]]
        assert ask("SELECT count(*), sum(record_count) FROM {t$files$}") == [[70, 70]]
        ((listed, files),) = ask(
            "SELECT count(*), sum(added_data_files_count + existing_data_files_count) FROM {t$manifests$}"
        )
        assert (listed < 40, files) == (True, 70)
        assert ask("SELECT count(*) FROM {t$partitions$}") == [[2]]
        await asyncio.to_thread(ask, "ALTER TABLE {t} EXECUTE optimize")
        assert await write(committer, range(60, 80)) == {Outcome.ALREADY_THERE: 10, Outcome.APPENDED: 10}
        await asyncio.to_thread(ask, "ALTER TABLE {t} EXECUTE optimize_manifests")
        await asyncio.to_thread(ask, "ALTER TABLE {t} EXECUTE expire_snapshots(retention_threshold => '0s')")
        await asyncio.to_thread(ask, "ALTER TABLE {t} EXECUTE remove_orphan_files(retention_threshold => '0s')")
        assert await write(committer, range(75, 90)) == {Outcome.ALREADY_THERE: 5, Outcome.APPENDED: 10}
    async with GroupCommitter(way.target(identifier), key="id", policy=policy) as restarted:
        again = await asyncio.gather(
            *(restarted.append(row(f"k{n}", (n % 2) * DAY, amount=n), absent_at=None) for n in range(92))
        )
    assert Counter(again) == {Outcome.ALREADY_THERE: 90, Outcome.APPENDED: 2}
    assert ask("SELECT count(*), count(DISTINCT id), sum(amount) FROM {t}") == [[92, 92, sum(range(92))]]
