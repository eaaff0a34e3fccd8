"""What was done by hand, in the operational database: one row for each event and command, never changed."""

import json
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import psycopg
from kit.postgres import unreachable
from payments_contracts.database import RECOVERY_ACTIONS
from payments_contracts.pins.operations import RecoveryAction
from psycopg import sql
from psycopg.rows import dict_row
from pydantic import SecretStr

from operations.errors import DeploymentError, UnavailableError

_CONNECT_TIMEOUT_SECONDS = 3
_TABLE = sql.Identifier(RECOVERY_ACTIONS.name)


class Trail:
    """Writes and reads the rows; one connection for each call."""

    def __init__(self, dsn: SecretStr) -> None:
        self._dsn = dsn

    def check(self) -> None:
        """Return if rows can be written: before anything is done that has to be on record.

        Raises:
            DeploymentError: There is no such table, or the role may not write to it.
            UnavailableError: The database does not answer.
        """
        with self._connected() as connection:
            connection.execute(sql.SQL("SELECT 1 FROM {} LIMIT 0").format(_TABLE))

    def record(self, actions: Sequence[RecoveryAction]) -> None:
        """Keep what was done, all of it or nothing.

        Raises:
            DeploymentError: There is no such table, or the role may not write to it.
            UnavailableError: The database does not answer.
        """
        rows = [_row(action) for action in actions]
        with self._connected() as connection, connection.transaction(), psycopg.RawCursor(connection) as cursor:
            cursor.executemany(RECOVERY_ACTIONS.insert, rows)

    def last(self, event_ids: Collection[str]) -> dict[str, RecoveryAction]:
        """Return the last thing that was done about each of some events, where anything was.

        What was left alone is no deed: it is kept for who asks why, and changes no standing.

        Raises:
            DeploymentError: There is no such table.
            UnavailableError: The database does not answer.
        """
        statement = sql.SQL(
            "SELECT DISTINCT ON (event_id) * FROM {} WHERE event_id = ANY(%s) AND outcome <> ALL(%s) "
            "ORDER BY event_id, acted_at DESC"
        ).format(_TABLE)
        return {each.event_id: each for each in self._read(statement, [list(event_ids), ["still_fails", "not_found"]])}

    def history(self, event_id: str) -> list[RecoveryAction]:
        """Return all that was done about an event, in order.

        Raises:
            DeploymentError: There is no such table.
            UnavailableError: The database does not answer.
        """
        statement = sql.SQL("SELECT * FROM {} WHERE event_id = %s ORDER BY acted_at").format(_TABLE)
        return self._read(statement, [event_id])

    def count_since(self, moment: datetime) -> dict[str, int]:
        """Return how many events something was done about since a moment, by outcome.

        Raises:
            DeploymentError: There is no such table.
            UnavailableError: The database does not answer.
        """
        statement = sql.SQL(
            "SELECT outcome, count(DISTINCT event_id) FROM {} WHERE acted_at >= %s GROUP BY outcome"
        ).format(_TABLE)
        with self._connected() as connection:
            return {str(outcome): int(count) for outcome, count in connection.execute(statement, [moment])}

    def _read(self, statement: sql.Composed, parameters: list[Any]) -> list[RecoveryAction]:
        names = {column.name for column in RECOVERY_ACTIONS.columns}
        with self._connected() as connection:
            found = connection.cursor(row_factory=dict_row).execute(statement, parameters).fetchall()
        return [
            RecoveryAction.model_validate({name: value for name, value in row.items() if name in names})
            for row in found
        ]

    @contextmanager
    def _connected(self) -> Iterator[psycopg.Connection[Any]]:
        try:
            with psycopg.connect(
                self._dsn.get_secret_value(), autocommit=True, connect_timeout=_CONNECT_TIMEOUT_SECONDS
            ) as connection:
                yield connection
        except psycopg.OperationalError as error:
            # Without the driver's words: they may show the address with its login.
            raise UnavailableError(unreachable(error)) from error
        except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn) as error:
            raise DeploymentError(
                f"The operational database lacks {RECOVERY_ACTIONS.name}, or a column of it: run `make database`."
            ) from error
        except psycopg.errors.InsufficientPrivilege as error:
            raise DeploymentError(
                f"The role of POSTGRES_DSN may not read or write {RECOVERY_ACTIONS.name}: grant it INSERT and SELECT."
            ) from error


def _row(action: RecoveryAction) -> list[object]:
    values = action.model_dump()
    return [
        json.dumps(values[column.name]) if column.type == "jsonb" else values[column.name]
        for column in RECOVERY_ACTIONS.columns
    ]
