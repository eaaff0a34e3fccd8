"""Tables of the operational database that Silver is made from, copied to Bronze row by row.

Their rows are added and never changed, so that the copy lacks rows and never differs: a run appends those whose key
Bronze does not have. Of a table that tells when its rows were added, it looks at none that are older than what Bronze
had already. Two runs at once append a row twice at worst, and Silver takes one of them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import psycopg
import pyarrow as pa
from dagster import (
    AssetExecutionContext,
    AssetKey,
    AssetsDefinition,
    AssetSpec,
    Failure,
    MaterializeResult,
    multi_asset,
)
from kit.clock import utc_now
from kit.postgres import refusal
from payments_contracts.database import MERCHANT_TERMS, RECOVERY_ACTIONS
from payments_contracts.database import Table as DatabaseTable
from payments_contracts.tables import BRONZE_MERCHANT_TERMS, BRONZE_RECOVERY_ACTIONS
from payments_contracts.tables import Table as LakeTable
from psycopg import sql
from psycopg.rows import dict_row
from pydantic import SecretStr
from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.expressions import AlwaysTrue, GreaterThanOrEqual, Reference
from pyiceberg.expressions.literals import literal
from pyiceberg.table import Table as IcebergTable

_CONNECT_TIMEOUT_SECONDS = 3
# A row may be committed so long after its time, or after one of a later time: its time is that of the machine of
# whoever acts, whose clock may be taken for another time zone's, and what takes long is committed at its end.
_OVERLAP = timedelta(days=1)
# Rows that are held at once.
_PORTION = 5_000

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Copy:
    """A table of the operational database, and the table of Bronze that has its rows.

    `time` is a column that says when a row was added; without one all rows are compared each time.
    """

    origin: DatabaseTable
    table: LakeTable
    time: str | None = None

    @property
    def key(self) -> AssetKey:
        """Return the asset that is made."""
        return AssetKey(self.table.identifier.split("."))


COPIES = (Copy(MERCHANT_TERMS, BRONZE_MERCHANT_TERMS), Copy(RECOVERY_ACTIONS, BRONZE_RECOVERY_ACTIONS, "acted_at"))


def build_copies(
    dsn: SecretStr | None,
    copies: Sequence[Copy] = COPIES,
) -> AssetsDefinition:
    """The copies as assets; `dsn` is the address of the operational database, by a role that may read the tables."""

    @multi_asset(
        name="copied",
        specs=[
            AssetSpec(each.key, group_name=each.table.namespace, description=each.table.description, kinds={"iceberg"})
            for each in copies
        ],
        required_resource_keys={"catalog"},
    )
    def copied(context: AssetExecutionContext) -> Iterator[MaterializeResult[Any]]:
        if dsn is None:
            raise Failure("Set POSTGRES_DSN to the address of the operational database, whose tables are copied.")
        for each in copies:
            count = append_missing(each, dsn, context.resources.catalog)
            context.log.info("%s: %d rows appended", each.table.identifier, count)
            yield MaterializeResult(asset_key=each.key, metadata={"rows_appended": count})

    return copied


def append_missing(copy: Copy, dsn: SecretStr, catalog: Catalog) -> int:
    """Append to Bronze the rows of a table that it lacks, the older ones first; return how many.

    Raises:
        Failure: A table is not there, or the database does not answer.
    """
    try:
        table = catalog.load_table(copy.table.identifier)
    except NoSuchTableError:
        raise Failure(f"The lake has no {copy.table.identifier}: run `payments tables apply`.") from None
    since = None if copy.time is None else _copied_until(table, copy.time, utc_now())
    known = _keys(table, copy, since)
    names = [field.name for field in table.schema().fields]
    missing = (
        {name: row[name] for name in names}
        for row in _read(copy, since, dsn)
        if tuple(row[name] for name in copy.origin.key) not in known
    )
    count = 0
    while portion := list(islice(missing, _PORTION)):
        # Maps are pairs in Arrow.
        rows = [{n: list(v.items()) if isinstance(v, dict) else v for n, v in row.items()} for row in portion]
        table.append(pa.Table.from_pylist(rows, schema=table.schema().as_arrow()))
        count += len(rows)
    return count


def _copied_until(table: IcebergTable, column: str, now: datetime) -> datetime | None:
    """Return the time before which Bronze has all rows; None where that is not known, as of an empty table.

    A file whose newest row is of the future tells nothing: somebody's clock was wrong, and the rows of until then are
    yet to come. What is left is earlier at worst, and more rows are compared.
    """
    field = table.schema().find_field(column).field_id
    bounds = [(task.file.upper_bounds or {}).get(field) for task in table.scan().plan_files()]
    newest = [
        datetime.fromtimestamp(int.from_bytes(each, "little", signed=True) / 1_000_000, UTC)
        for each in bounds
        if each is not None
    ]
    until = max((each for each in newest if each <= now), default=None)
    return None if until is None else until - _OVERLAP


def _keys(table: IcebergTable, copy: Copy, since: datetime | None) -> set[tuple[Any, ...]]:
    newer = (
        AlwaysTrue()
        if copy.time is None or since is None
        else GreaterThanOrEqual(term=Reference(copy.time), value=literal(since.isoformat()))
    )
    found = table.scan(row_filter=newer, selected_fields=copy.origin.key).to_arrow()
    return set(zip(*(found.column(name).to_pylist() for name in copy.origin.key), strict=True))


def _question(copy: Copy, since: datetime | None) -> sql.Composed:
    columns = sql.SQL(", ").join(sql.Identifier(column.name) for column in copy.origin.columns)
    question = sql.SQL("SELECT {} FROM {}").format(columns, sql.Identifier(copy.origin.name))
    if copy.time is None:
        return question
    time = sql.Identifier(copy.time)
    if since is not None:
        question += sql.SQL(" WHERE {} >= {}").format(time, sql.Literal(since))
    # What is appended before a later portion fails must not be newer than what that portion has.
    return question + sql.SQL(" ORDER BY {}").format(time)


def _read(copy: Copy, since: datetime | None, dsn: SecretStr) -> Iterator[Row]:
    name = copy.origin.name
    try:
        with (
            psycopg.connect(
                dsn.get_secret_value(), autocommit=True, connect_timeout=_CONNECT_TIMEOUT_SECONDS
            ) as connection,
            connection.transaction(),
            connection.cursor(name="copied", row_factory=dict_row) as cursor,
        ):
            cursor.itersize = _PORTION
            yield from cursor.execute(_question(copy, since))
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn):
        raise Failure(
            f"The operational database lacks {name}, or a column of it: run `payments database apply`."
        ) from None
    except psycopg.errors.InsufficientPrivilege:
        raise Failure(f"The role of POSTGRES_DSN may not read {name}: grant it SELECT.") from None
    except psycopg.OperationalError as error:
        # Without the driver's words: they may show the address with its login.
        why = refusal(error) or "The operational database does not answer"
        raise Failure(f"{why}; what is missing of {name} is copied another time.") from None
