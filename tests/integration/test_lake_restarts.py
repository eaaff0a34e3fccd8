"""The catalog is killed while rows are committed: every row is in the table once, and the table can be read."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest
from kit.lake import GroupCommitter, GroupPolicy, Outcome, load_catalog, open_target
from kit.settings import LakeSettings
from pyiceberg.catalog import Catalog

from tests.integration.orchestration import wait_for
from tests.lakes import NAMESPACE, Identifier, counts, new_table, row
from tests.supervised import pid_of

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600), pytest.mark.alone]


@pytest.fixture
def catalog(stack: Mapping[str, str]) -> Catalog:
    catalog = load_catalog(LakeSettings.model_validate({name.lower(): value for name, value in stack.items()}))
    catalog.create_namespace_if_not_exists(NAMESPACE)
    return catalog


@pytest.fixture
def identifier(catalog: Catalog) -> Iterator[Identifier]:
    identifier = new_table(catalog)
    yield identifier
    catalog.drop_table(identifier)


async def test_a_catalog_that_is_killed_again_and_again_costs_time_and_no_row(
    stack: Mapping[str, str], catalog: Catalog, identifier: Identifier
) -> None:
    keys = [f"k{number:03}" for number in range(150)]
    policy = GroupPolicy(max_rows=20, max_wait_seconds=0.1, longest_pause_seconds=1.0)

    async def kill_twice() -> int:
        killed = 0
        for _ in range(2):
            await asyncio.sleep(1.0)
            os.kill(pid_of("catalog", Path(stack["PAYMENTS_STATE_DIR"])), signal.SIGKILL)
            killed += 1
            # Until it is there again, or there is nothing to kill.
            await asyncio.to_thread(wait_for_catalog, stack)
        return killed

    async with GroupCommitter(open_target(catalog, identifier, key="id"), key="id", policy=policy) as committer:

        async def persist(number: int, key: str) -> Outcome:
            await asyncio.sleep(number * 0.05)
            return await committer.append(row(key), absent_at=committer.mark())

        killing = asyncio.create_task(kill_twice())
        outcomes = await asyncio.gather(*(persist(number, key) for number, key in enumerate(keys)))
        killed = await killing
    assert killed == 2
    assert Counter(outcomes) == {Outcome.APPENDED: 150}
    assert counts(catalog, identifier) == Counter(keys)


def wait_for_catalog(stack: Mapping[str, str]) -> None:
    wait_for("the catalog", lambda: answers(f"{stack['CATALOG_URI']}/v1/config"))


def answers(url: str) -> bool:
    try:
        return httpx.get(url).is_success
    except httpx.TransportError:
        return False
