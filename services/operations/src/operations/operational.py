"""Asks the operational database what a run's events became there."""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from typing import Any

import psycopg
from kit.postgres import unreachable
from payments_contracts.database import PAYMENT_EVENTS
from psycopg import sql
from pydantic import SecretStr

from operations.errors import UnavailableError
from operations.money import Fact, Facts

_CONNECT_TIMEOUT_SECONDS = 3


class OperationalDatabase:
    """Reads rows of scored events; one connection for each question."""

    def __init__(self, dsn: SecretStr) -> None:
        self._dsn = dsn

    def read_facts(self, event_ids: Sequence[str]) -> Facts:
        """Return what the rows of some events say of money, by event id.

        Raises:
            UnavailableError: The database does not answer.
        """
        statement = sql.SQL(
            "SELECT event_id, currency, amount_cents, status, livemode FROM {} WHERE event_id = ANY(%s)"
        ).format(sql.Identifier(PAYMENT_EVENTS.name))
        found: defaultdict[str, Counter[Fact]] = defaultdict(Counter)
        for event_id, *said in self._ask(statement, event_ids):
            found[event_id][Fact(*said)] += 1
        return found

    def present(self, event_ids: Collection[str]) -> set[str]:
        """Return which of some events have a row.

        Raises:
            UnavailableError: The database does not answer.
        """
        statement = sql.SQL("SELECT event_id FROM {} WHERE event_id = ANY(%s)").format(
            sql.Identifier(PAYMENT_EVENTS.name)
        )
        return {event_id for (event_id,) in self._ask(statement, event_ids)}

    def _ask(self, statement: sql.Composed, event_ids: Collection[str]) -> list[tuple[Any, ...]]:
        try:
            with psycopg.connect(
                self._dsn.get_secret_value(), autocommit=True, connect_timeout=_CONNECT_TIMEOUT_SECONDS
            ) as connection:
                return connection.execute(statement, [list(event_ids)]).fetchall()
        except psycopg.OperationalError as error:
            # Without the driver's words: they may show the address with its login.
            raise UnavailableError(unreachable(error)) from error
