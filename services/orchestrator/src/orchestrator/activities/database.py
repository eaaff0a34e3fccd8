"""Rows into the operational database, for queries that cannot wait for the lake."""

from typing import Protocol

from payments_contracts.pins.orchestrator import PaymentEvent, ScoredPayment
from temporalio import activity

from orchestrator.messages import Stored


class PaymentStore(Protocol):
    """Keeps one row per event; raises Transient while the database is away, Rejected for a row that it cannot hold."""

    async def put(self, payment: ScoredPayment) -> None:
        """Insert the row; one that is there with the same event id stays as it is."""

    async def attempts(self, event: PaymentEvent) -> int | None:
        """Return which attempt has failed, by what is known of earlier ones; None where that cannot be told."""


class DatabaseActivities:
    """Writes to the operational database, if this deployment has one."""

    def __init__(self, store: PaymentStore | None) -> None:
        self._store = store

    @activity.defn
    async def persist_to_database(self, payment: ScoredPayment) -> Stored:
        """Put the row into the database; safe to repeat.

        Raises:
            Rejected: The database cannot hold the row.
            Transient: The database is away.
        """
        if self._store is None:
            return "switched_off"
        await self._store.put(payment)
        return "stored"

    @activity.defn
    async def count_attempts(self, event: PaymentEvent) -> int | None:
        """Return which attempt at the event's payment or invoice has failed, from 1; None without a database.

        Raises:
            Transient: The database is away.
            Fault: The role may not look.
        """
        return None if self._store is None else await self._store.attempts(event)
