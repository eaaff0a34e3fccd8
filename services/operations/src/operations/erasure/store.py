"""Counts and erases rows of the operational database, and keeps the record of erasures there."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from kit.postgres import unreachable
from payments_contracts.database import ERASURES, PAYMENT_EVENTS
from payments_contracts.pins.operations import Erasure
from psycopg import sql
from pydantic import SecretStr

from operations.erasure.bodies import Condition
from operations.errors import DeploymentError, UnavailableError

TABLE = f"database {PAYMENT_EVENTS.name}"
"""The name of the table in counts, beside those of the lake."""
COLUMNS = frozenset(column.name for column in PAYMENT_EVENTS.columns)
_CONNECT_TIMEOUT_SECONDS = 3


class DatabaseErasure:
    """Rows of events, and the record of erasures; one connection for each call."""

    def __init__(self, dsn: SecretStr) -> None:
        self._dsn = dsn
        self.unreclaimed = ""
        """What the server said where it did not reclaim the pages of deleted rows; empty where it did."""

    def count(self, rows: Condition) -> int:
        """Count rows of events.

        Raises:
            DeploymentError: There is no such table, or the role may not.
            UnavailableError: The database does not answer.
        """
        with self._connected() as connection:
            found = connection.execute(_statement("SELECT count(*) FROM {} WHERE ", rows), rows.values).fetchone()
        return int(found[0]) if found else 0

    def erase(self, *rows: Condition) -> None:
        """Delete rows of events, one portion after the other, and have the server reclaim their pages.

        Raises:
            DeploymentError: There is no such table, or the role may not.
            UnavailableError: The database does not answer.
        """
        with self._connected() as connection:
            for each in rows:
                connection.execute(_statement("DELETE FROM {} WHERE ", each), each.values)
            self.unreclaimed = ""
            # Whose role may not is told by a warning alone: the statement succeeds and has done nothing.
            connection.add_notice_handler(self._note)
            connection.execute(sql.SQL("VACUUM {}").format(sql.Identifier(PAYMENT_EVENTS.name)))

    def record(self, erasure: Erasure) -> None:
        """Add a step to the record.

        Raises:
            DeploymentError: There is no such table, or the role may not.
            UnavailableError: The database does not answer.
        """
        values = erasure.model_dump()
        parameters = [
            json.dumps(values[each.name]) if each.type == "jsonb" else values[each.name] for each in ERASURES.columns
        ]
        names = sql.SQL(", ").join(sql.Identifier(each.name) for each in ERASURES.columns)
        marks = sql.SQL(", ").join(sql.Placeholder() for _ in ERASURES.columns)
        statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(sql.Identifier(ERASURES.name), names, marks)
        with self._connected() as connection:
            connection.execute(statement, parameters)

    def _note(self, notice: psycopg.errors.Diagnostic) -> None:
        if notice.severity_nonlocalized == "WARNING":
            self.unreclaimed = notice.message_primary or "no reason is told"

    @contextmanager
    def _connected(self) -> Iterator["psycopg.Connection[tuple[Any, ...]]"]:
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
                f"The operational database lacks a table, {ERASURES.name} or {PAYMENT_EVENTS.name}, or a column of it: "
                "run `payments database apply`."
            ) from error
        except psycopg.errors.InsufficientPrivilege as error:
            raise DeploymentError(
                f"The role of POSTGRES_DSN may not erase or record it: grant it SELECT and DELETE on "
                f"{PAYMENT_EVENTS.name}, and INSERT on {ERASURES.name}; for VACUUM also MAINTAIN on "
                f"{PAYMENT_EVENTS.name} (from Postgres 17 on), or make it the owner."
            ) from error


def _statement(text: str, rows: Condition) -> sql.Composed:
    # The condition is made of names of columns and marks alone.
    condition = sql.SQL(rows.text.replace("?", "%s"))
    return sql.SQL(text).format(sql.Identifier(PAYMENT_EVENTS.name)) + condition
