"""Brings the tables of the operational database to their contracts; adds what is missing and drops nothing."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
import stamina
from kit.postgres import refusal, unreachable
from payments_contracts.database import Column, Table
from payments_contracts.widening import widens
from psycopg import sql
from pydantic import SecretStr

from operations.errors import DeploymentError, UnavailableError
from operations.topics import Change

_PATIENCE_SECONDS = 90.0
_CONNECT_TIMEOUT_SECONDS = 3
# A change of a table waits for everybody who reads it, and meanwhile everybody waits for it.
_LOCK_TIMEOUT = "5s"
# Any number, as long as it stays this one: two deployments at a time would meet in half-made tables.
_DEPLOYMENT_LOCK = 7_203_481

_COLUMNS = """
SELECT attname, format_type(atttypid, atttypmod), attnotnull, atthasdef OR attidentity <> ''
FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped
"""
# indoption has a bit for descending: https://www.postgresql.org/docs/current/catalog-pg-index.html.
_INDEXES = """
SELECT c.relname, i.indisprimary, i.indisvalid,
    array(SELECT coalesce(a.attname, pg_get_indexdef(i.indexrelid, k.place::int, true))
        FROM unnest(i.indkey) WITH ORDINALITY AS k (number, place)
        LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
        WHERE k.place <= i.indnkeyatts ORDER BY k.place),
    array(SELECT o.option & 1 = 1 FROM unnest(i.indoption) WITH ORDINALITY AS o (option, place) ORDER BY o.place)
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = to_regclass(%s)
"""

_Connection = psycopg.Connection[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement that a table needs, and what it does in words."""

    text: str
    does: str


@dataclass(frozen=True, slots=True)
class Present:
    """A table as the database has it: columns with type, whether null is refused, and whether there is a default."""

    columns: dict[str, tuple[str, bool, bool]]
    key: tuple[str, ...]
    indexes: dict[str, tuple[bool, tuple[tuple[str, bool], ...]]]


def plan_database(dsn: SecretStr, tables: Sequence[Table], patience: float = _PATIENCE_SECONDS) -> Iterator[Statement]:
    """Yield the statements that `apply_database` would run; changes nothing.

    Raises:
        DeploymentError: As of `apply_database`.
        UnavailableError: The database does not answer.
    """
    with _session(dsn, patience) as connection:
        for table in tables:
            yield from _plan(table, _present(connection, table))


def apply_database(dsn: SecretStr, tables: Sequence[Table], patience: float = _PATIENCE_SECONDS) -> Iterator[Change]:
    """Create each table that is missing, and add to the others what they lack; what is there is never dropped.

    Every statement stands for itself, so that none holds a lock for longer than it takes: running it again completes
    what an error interrupted. Indexes are built while others write.

    Raises:
        DeploymentError: A table differs in a way that nothing added can mend (nothing of it was changed), or the
            database refuses a statement or the login.
        UnavailableError: The database does not answer for `patience` seconds, another deployment is under way, or a
            table is in use for too long.
    """
    with _session(dsn, patience) as connection:
        for table in tables:
            present = _present(connection, table)
            statements = list(_plan(table, present))
            for statement in statements:
                _run(connection, table, statement)
            if not present.columns:
                yield Change(table.name, "created", f"{len(table.columns)} columns")
            else:
                detail = "; ".join(statement.does for statement in statements)
                yield Change(table.name, "updated" if detail else "unchanged", detail)


def _plan(table: Table, present: Present) -> Iterator[Statement]:
    """Yield what a table needs, after looking for all that stands in the way."""
    if not present.columns:
        yield Statement(table.create, f"created {table.name}")
    else:
        obstacles = list(_obstacles(table, present))
        if obstacles:
            raise DeploymentError(
                f"{table.name} differs from contracts/database/{table.name}.yaml: {'; '.join(obstacles)}. "
                "Put the contract back, or change the table by hand."
            )
        for column in table.columns:
            yield from _column(table, column, present)
    for index in table.indexes:
        if index.name not in present.indexes:
            yield Statement(index.create, f"added index {index.name}")


def _column(table: Table, column: Column, present: Present) -> Iterator[Statement]:
    if column.name not in present.columns:
        yield Statement(column.add, f"added {column.name}")
        return
    kind, required, _ = present.columns[column.name]
    alter = sql.SQL("ALTER TABLE {} ALTER COLUMN {} ").format(sql.Identifier(table.name), sql.Identifier(column.name))
    if kind != column.type:
        # Only more digits come this far; the type is of the contract, and no value of anybody.
        widened = alter + sql.SQL("TYPE ") + sql.SQL(column.type)
        yield Statement(widened.as_string(), f"widened {column.name} to {column.type}")
    if required != column.required:
        words = sql.SQL("SET NOT NULL") if column.required else sql.SQL("DROP NOT NULL")
        yield Statement((alter + words).as_string(), f"{column.name} {'required' if column.required else 'optional'}")


def _obstacles(table: Table, present: Present) -> Iterator[str]:
    if present.key != table.key:
        yield f"its key is {', '.join(present.key) or 'nothing'} and should be {', '.join(table.key)}"
    for column in table.columns:
        if column.name in present.columns:
            kind = present.columns[column.name][0]
            if kind != column.type and not widens(kind, column.type):
                yield f"column {column.name} is {kind} and should be {column.type}"
    names = {column.name for column in table.columns}
    for name, (_, required, filled) in present.columns.items():
        if name not in names and required and not filled:
            yield f"column {name}, which the contract does not have, must have a value: no row could be inserted"
    yield from _index_obstacles(table, present)


def _index_obstacles(table: Table, present: Present) -> Iterator[str]:
    for index in table.indexes:
        if index.name in present.indexes:
            valid, columns = present.indexes[index.name]
            if columns != index.columns:
                yield f"index {index.name} is on {_worded(columns)} and should be on {_worded(index.columns)}"
            elif not valid:
                yield f"index {index.name} is invalid, since its building was interrupted: drop it and apply again"


def _worded(columns: Sequence[tuple[str, bool]]) -> str:
    return ", ".join(f"{name} descending" if descending else name for name, descending in columns)


def _present(connection: _Connection, table: Table) -> Present:
    name = [sql.Identifier(table.name).as_string()]
    columns = {
        column: (kind, required, filled) for column, kind, required, filled in connection.execute(_COLUMNS, name)
    }
    key: tuple[str, ...] = ()
    indexes: dict[str, tuple[bool, tuple[tuple[str, bool], ...]]] = {}
    for index, primary, valid, names, descending in connection.execute(_INDEXES, name):
        if primary:
            key = tuple(names)
        indexes[index] = (valid, tuple(zip(names, descending, strict=True)))
    return Present(columns, key, indexes)


def _run(connection: _Connection, table: Table, statement: Statement) -> None:
    try:
        connection.execute(statement.text.encode())
    except psycopg.errors.LockNotAvailable as error:
        raise UnavailableError(
            f"{table.name} is in use for longer than {_LOCK_TIMEOUT}; not done: {statement.does}. Try again."
        ) from error
    except psycopg.OperationalError as error:
        raise _away(error) from error
    except psycopg.Error as error:
        # The server's words are of the table: a statement that defines it holds no value of any row.
        raise DeploymentError(f"{table.name}: not {statement.does}: {error.diag.message_primary}") from error


@contextmanager
def _session(dsn: SecretStr, patience: float) -> Iterator[_Connection]:
    """Give a connection that is the only one of all deployments."""
    connection = stamina.retry(on=UnavailableError, attempts=None, timeout=patience)(_connect)(dsn)
    try:
        with connection:
            yield connection
    except psycopg.OperationalError as error:
        raise _away(error) from error


def _connect(dsn: SecretStr) -> _Connection:
    try:
        connection = psycopg.connect(dsn.get_secret_value(), autocommit=True, connect_timeout=_CONNECT_TIMEOUT_SECONDS)
    except psycopg.OperationalError as error:
        if error.pgconn is not None and error.pgconn.used_password:
            # It answered, and asked for the password: what it then says is about the login.
            raise DeploymentError(
                f"The operational database refuses the login of POSTGRES_DSN: {_said(error)}"
            ) from error
        raise _away(error) from error
    try:
        connection.execute("SELECT set_config('lock_timeout', %s, false)", [_LOCK_TIMEOUT])
        # Not by waiting in the server: an index is built only when no statement from before is under way.
        row = connection.execute("SELECT pg_try_advisory_lock(%s)", [_DEPLOYMENT_LOCK]).fetchone()
    except psycopg.OperationalError as error:
        connection.close()
        raise _away(error) from error
    if row != (True,):
        connection.close()
        raise UnavailableError("Another deployment changes the operational database. Try again when it is done.")
    return connection


def _away(error: psycopg.Error) -> UnavailableError:
    if refusal(error) is not None:
        return UnavailableError(unreachable(error))
    return UnavailableError(
        f"The operational database does not answer ({type(error).__name__}: {_said(error)}). Is it up? "
        "See `make status`."
    )


def _said(error: psycopg.Error) -> str:
    """Return the first line of what server or driver say; neither names the password."""
    return str(error).partition("\n")[0]
