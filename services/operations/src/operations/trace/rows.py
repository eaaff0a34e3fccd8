"""The operational database, asked for events by any id that they are known by."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, LiteralString

import psycopg
from kit.postgres import refusal
from payments_contracts.database import AUDIT_DIFFERENCES, PAYMENT_EVENTS, RECOVERY_ACTIONS
from payments_contracts.providers import PROVIDERS
from psycopg import sql
from psycopg.rows import dict_row
from pydantic import SecretStr

from operations.errors import UnavailableError
from operations.shown import PERSONAL
from operations.trace.facts import Row

_CONNECT_TIMEOUT_SECONDS = 2
# One index each; an OR of them would read the table.
_WAYS: tuple[LiteralString, ...] = (
    "event_id = %(id)s",
    "provider_event_id = %(id)s",
    "provider = ANY(%(providers)s) AND provider_object_id = %(id)s",
    "provider = ANY(%(providers)s) AND related_payment_id = %(id)s",
)
_TOLD = frozenset({"event_id", "provider", "event_type", "merchant_id", "status", "processed_at"}) | {
    "amount_cents",
    "currency",
}


class EventRows:
    """Reads rows of events; one connection for all questions, so it is for one thread."""

    def __init__(self, connection: psycopg.Connection[dict[str, Any]]) -> None:
        self._connection = connection

    def find(self, wanted: str, limit: int) -> list[Row]:
        """Return the newest rows of an event, of a provider's event, or of an object and what belongs to it."""
        table = sql.Identifier(PAYMENT_EVENTS.name)
        columns = sql.SQL(", ").join(
            sql.Identifier(each.name) for each in PAYMENT_EVENTS.columns if each.name not in PERSONAL
        )
        newest = sql.SQL("(SELECT event_id FROM {table} WHERE {way} ORDER BY provider_created_at DESC LIMIT %(limit)s)")
        ids = sql.SQL(" UNION ").join(newest.format(table=table, way=sql.SQL(way)) for way in _WAYS)
        statement = sql.SQL(
            "SELECT {columns} FROM {table} WHERE event_id = ANY(ARRAY({ids})) "
            "ORDER BY provider_created_at DESC, event_id LIMIT %(limit)s"
        ).format(columns=columns, table=table, ids=ids)
        return list(self._connection.execute(statement, {"id": wanted, "providers": sorted(PROVIDERS), "limit": limit}))

    def newest(self, limit: int) -> list[Row]:
        """Return the events that were normalized last, the newest first: what tells them apart, and their amount."""
        named = [each.name for each in PAYMENT_EVENTS.columns if each.name in _TOLD]
        statement = sql.SQL("SELECT {} FROM {} ORDER BY processed_at DESC LIMIT %s").format(
            sql.SQL(", ").join(map(sql.Identifier, named)), sql.Identifier(PAYMENT_EVENTS.name)
        )
        return list(self._connection.execute(statement, [limit]))

    def payment_of_charge(self, provider: str, charge_id: str) -> str | None:
        """Return the payment that a charge belongs to, where one of its events tells."""
        statement = sql.SQL(
            "SELECT related_payment_id FROM {} WHERE provider = %s AND provider_object_id = %s "
            "AND related_payment_id IS NOT NULL LIMIT 1"
        ).format(sql.Identifier(PAYMENT_EVENTS.name))
        row = self._connection.execute(statement, [provider, charge_id]).fetchone()
        return None if row is None else str(row["related_payment_id"])

    def notes(self, event_ids: Collection[str]) -> dict[str, list[str]]:
        """Return, by event, what was done about it by hand and what the audit found, in the order of time."""
        found: list[tuple[Any, str, str]] = []
        actions = sql.SQL("SELECT * FROM {} WHERE event_id = ANY(%s)").format(sql.Identifier(RECOVERY_ACTIONS.name))
        for row in self._connection.execute(actions, [list(event_ids)]):
            detail = f": {row['detail']}" if row["detail"] else ""
            words = f"{row['command']} by {row['actor']}: {row['outcome']}{detail}"
            found.append((row["acted_at"], row["event_id"], words))
        differences = sql.SQL("SELECT * FROM {} WHERE subject = ANY(%s)").format(sql.Identifier(AUDIT_DIFFERENCES.name))
        found += [
            (row["found_at"], row["subject"], f"audit: {row['kind']} at {row['hop']}, {row['state']}")
            for row in self._connection.execute(differences, [list(event_ids)])
        ]
        notes: dict[str, list[str]] = {}
        for at, event_id, words in sorted(found, key=lambda each: each[0]):
            notes.setdefault(event_id, []).append(f"{at:%Y-%m-%d %H:%M:%S} {words}")
        return notes


@contextmanager
def open_rows(dsn: SecretStr) -> Iterator[EventRows]:
    """Connect.

    Raises:
        UnavailableError: The database does not answer, or lacks a table.
    """
    try:
        with psycopg.connect(
            dsn.get_secret_value(), autocommit=True, connect_timeout=_CONNECT_TIMEOUT_SECONDS, row_factory=dict_row
        ) as connection:
            connection.execute("SET timezone = 'UTC'")
            # A wrong plan must not hold the trace up, nor burden the database.
            connection.execute("SET statement_timeout = '2s'")
            yield EventRows(connection)
    except (psycopg.OperationalError, psycopg.errors.QueryCanceled) as error:
        # Without the driver's words: they may show the address with its login.
        raise UnavailableError(refusal(error) or "the operational database does not answer") from error
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn) as error:
        raise UnavailableError(f"{error.diag.message_primary}: run `make database`") from error
    except psycopg.errors.InsufficientPrivilege as error:
        raise UnavailableError(f"the operational database refuses it: {error.diag.message_primary}") from error
    except (psycopg.DataError, psycopg.InternalError) as error:
        # What it holds cannot be read, or it is broken; the driver's words may quote it.
        raise UnavailableError(f"the operational database cannot answer it ({type(error).__name__})") from error
