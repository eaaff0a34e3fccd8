"""The committer of the Bronze table."""

import asyncio

import stamina
from kit.errors import Transient
from kit.lake import GroupCommitter, load_catalog, open_target
from payments_contracts.tables import BRONZE_PAYMENT_EVENTS

from orchestrator.settings import CommitterSettings


async def open_committer(settings: CommitterSettings) -> GroupCommitter:
    """Make the committer, once the lake answers; the caller runs it.

    Raises:
        Fault: The table does not exist.
    """
    async for attempt in stamina.retry_context(on=Transient, attempts=None, timeout=None, wait_max=5.0):
        with attempt:
            return await asyncio.to_thread(_open, settings)
    raise AssertionError("stamina returns or raises")  # pragma: no cover


def _open(settings: CommitterSettings) -> GroupCommitter:
    (key,) = BRONZE_PAYMENT_EVENTS.key
    target = open_target(
        load_catalog(settings),
        tuple(settings.lake_table.split(".")),
        key=key,
        narrow_by="processed_at",
        keep_snapshots=settings.commit_keep_snapshots,
    )
    return GroupCommitter(target, key=key, policy=settings.group_policy)
