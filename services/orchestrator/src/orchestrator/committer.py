"""The committer of the Bronze table."""

import asyncio
from dataclasses import replace

import stamina
from kit.errors import Transient
from kit.lake import GroupCommitter, load_catalog, open_target
from payments_contracts.tables import BRONZE_PAYMENT_EVENTS

from orchestrator.settings import CommitterSettings


async def open_committer(settings: CommitterSettings, *, open_workflows: int | None = None) -> GroupCommitter:
    """Make the committer, once the lake answers; the caller runs it.

    Args:
        settings: Its settings.
        open_workflows: How many workflows can wait for it at once, where they are those of this process alone: a group
            of half of them need not wait for more, since hardly more can come.

    Raises:
        Fault: The table does not exist.
    """
    async for attempt in stamina.retry_context(on=Transient, attempts=None, timeout=None, wait_max=5.0):
        with attempt:
            return await asyncio.to_thread(_open, settings, open_workflows)
    raise AssertionError("stamina returns or raises")  # pragma: no cover


def _open(settings: CommitterSettings, open_workflows: int | None) -> GroupCommitter:
    policy = settings.group_policy
    if open_workflows is not None:
        policy = replace(policy, max_rows=min(policy.max_rows, max(1, open_workflows // 2)))
    (key,) = BRONZE_PAYMENT_EVENTS.key
    target = open_target(
        load_catalog(settings),
        tuple(settings.lake_table.split(".")),
        key=key,
        # Two deliveries of one event were received at two times; when the provider made it is the same in both.
        narrow_by="provider_created_at",
        followed_by="processed_at",
        keep_snapshots=settings.commit_keep_snapshots,
    )
    return GroupCommitter(target, key=key, policy=policy)
