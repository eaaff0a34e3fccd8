"""The operational database: one row per event, its columns derived from the contract."""

import asyncio
import types
import typing
from collections.abc import Mapping
from typing import Any

import psycopg
from kit.errors import Fault, Transient
from payments_contracts.records import ScoredPaymentV2
from psycopg import AsyncConnection, sql
from psycopg.types.json import Jsonb
from pydantic import AwareDatetime, BaseModel, SecretStr

_TABLE = sql.Identifier("payment_events")
_KEY = "event_id"
_CONNECT_TIMEOUT_SECONDS = 3
_COLUMN_TYPES: Mapping[Any, str] = {
    bool: "boolean",
    int: "bigint",
    float: "double precision",
    str: "text",
    AwareDatetime: "timestamptz",
    list: "jsonb",
    dict: "jsonb",
}


class PostgresStore:
    """Keeps scored payments in Postgres, over one connection that is made when needed and again after a failure."""

    def __init__(self, dsn: SecretStr) -> None:
        self._dsn = dsn
        self._lock = asyncio.Lock()
        self._connection: AsyncConnection[tuple[Any, ...]] | None = None
        self._put = _upsert()

    async def put(self, payment: ScoredPaymentV2) -> None:
        """Insert the row, or replace the one with the same event id.

        Raises:
            Transient: The database is away.
            Fault: It refuses the statement.
        """
        values = {name: _value(value) for name, value in payment.model_dump().items()}
        async with self._lock:
            try:
                connection = await self._connected()
                await connection.execute(self._put, values)
            except psycopg.OperationalError as error:
                await self._disconnect()
                raise Transient(f"the operational database is away: {type(error).__name__}") from error
            except psycopg.Error as error:
                # Not `from error`: the server's words may quote the row.
                raise Fault(f"the operational database refuses the row: {type(error).__name__}") from None

    async def close(self) -> None:
        """Close the connection."""
        async with self._lock:
            await self._disconnect()

    async def _connected(self) -> AsyncConnection[tuple[Any, ...]]:
        if self._connection is None:
            connection = await AsyncConnection.connect(
                self._dsn.get_secret_value(), autocommit=True, connect_timeout=_CONNECT_TIMEOUT_SECONDS
            )
            try:
                for statement in _schema():
                    await connection.execute(statement)
            except BaseException:
                await connection.close()
                raise
            self._connection = connection
        return self._connection

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()


def _columns() -> dict[str, str]:
    return {name: _column_type(field.annotation) for name, field in ScoredPaymentV2.model_fields.items()}


def _column_type(annotation: Any) -> str:
    """Return the Postgres type of a field's annotation; nested values become jsonb.

    Raises:
        Fault: The contract has a type that this does not know.
    """
    origin = typing.get_origin(annotation)
    arguments = typing.get_args(annotation)
    if origin is typing.Literal:
        return _column_type(type(arguments[0]))
    if origin is typing.Annotated:
        return _column_type(arguments[0])
    if origin in {typing.Union, types.UnionType}:
        (kind,) = {_column_type(argument) for argument in arguments if argument is not types.NoneType}
        return kind
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "jsonb"
    try:
        return _COLUMN_TYPES[origin or annotation]
    except KeyError:
        raise Fault(f"type {annotation} of the contract has no column type: add it to orchestrator.database") from None


def _schema() -> list[sql.Composed]:
    """Return statements that bring the table to the contract's columns, whatever version of it is there."""
    create = sql.SQL("CREATE TABLE IF NOT EXISTS {} ({} text PRIMARY KEY)").format(_TABLE, sql.Identifier(_KEY))
    columns = [
        sql.SQL("ALTER TABLE {} ADD COLUMN IF NOT EXISTS {} {}").format(_TABLE, sql.Identifier(name), sql.SQL(kind))
        for name, kind in _columns().items()
    ]
    index = sql.SQL("CREATE INDEX IF NOT EXISTS {} ON {} ({}, {} DESC)").format(
        sql.Identifier("payment_events_by_merchant"),
        _TABLE,
        sql.Identifier("merchant_id"),
        sql.Identifier("provider_created_at"),
    )
    return [create, *columns, index]


def _upsert() -> sql.Composed:
    names = list(ScoredPaymentV2.model_fields)
    return sql.SQL("INSERT INTO {} ({}) VALUES ({}) ON CONFLICT ({}) DO UPDATE SET {}").format(
        _TABLE,
        sql.SQL(", ").join(map(sql.Identifier, names)),
        sql.SQL(", ").join(map(sql.Placeholder, names)),
        sql.Identifier(_KEY),
        sql.SQL(", ").join(
            sql.SQL("{0} = EXCLUDED.{0}").format(sql.Identifier(name)) for name in names if name != _KEY
        ),
    )


def _value(value: object) -> object:
    return Jsonb(value) if isinstance(value, dict | list) else value
