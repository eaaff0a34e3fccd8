"""The rows of merchants in the operational database; a version is added and never changed."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from kit.postgres import unreachable
from payments_contracts.database import MERCHANT_TERMS
from payments_contracts.pins.operations import Merchant
from psycopg import sql
from psycopg.rows import dict_row
from pydantic import SecretStr

from operations.errors import DeploymentError, UnavailableError

_CONNECT_TIMEOUT_SECONDS = 3
_TABLE = sql.Identifier(MERCHANT_TERMS.name)


class Register:
    """Reads and adds versions; one connection for each call."""

    def __init__(self, dsn: SecretStr) -> None:
        self._dsn = dsn

    def current(self) -> list[Merchant]:
        """Return the version of each merchant that holds, by id.

        Raises:
            DeploymentError: There is no such table, or the role may not read it.
            UnavailableError: The database does not answer.
        """
        return self._read(
            sql.SQL("SELECT DISTINCT ON (merchant_id) * FROM {} ORDER BY merchant_id, version DESC").format(_TABLE), []
        )

    def versions(self, merchant_id: str) -> list[Merchant]:
        """Return all versions of a merchant, the newest last.

        Raises:
            DeploymentError: There is no such table, or the role may not read it.
            UnavailableError: The database does not answer.
        """
        return self._read(
            sql.SQL("SELECT * FROM {} WHERE merchant_id = %s ORDER BY version").format(_TABLE), [merchant_id]
        )

    def add(self, merchant: Merchant) -> bool:
        """Add a version; False where somebody else has added one of its number meanwhile.

        Raises:
            DeploymentError: There is no such table, or the role may not write to it.
            UnavailableError: The database does not answer.
        """
        values = merchant.model_dump()
        row = [
            json.dumps(values[column.name]) if column.type == "jsonb" else values[column.name]
            for column in MERCHANT_TERMS.columns
        ]
        with self._connected() as connection, psycopg.RawCursor(connection) as cursor:
            cursor.execute(MERCHANT_TERMS.insert, row)
            return cursor.rowcount == 1

    def _read(self, statement: sql.Composed, parameters: list[Any]) -> list[Merchant]:
        names = {column.name for column in MERCHANT_TERMS.columns}
        with self._connected() as connection:
            found = connection.cursor(row_factory=dict_row).execute(statement, parameters).fetchall()
        return [Merchant.model_validate({name: value for name, value in row.items() if name in names}) for row in found]

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
                f"The operational database lacks {MERCHANT_TERMS.name}, or a column of it: run `make database`."
            ) from error
        except psycopg.errors.InsufficientPrivilege as error:
            raise DeploymentError(
                f"The role of POSTGRES_DSN may not read or write {MERCHANT_TERMS.name}: grant it INSERT and SELECT."
            ) from error
