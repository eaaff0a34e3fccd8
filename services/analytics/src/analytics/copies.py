"""Tables of the operational database that Silver is made from, copied to Bronze row by row.

Their rows are added and never changed, so that the copy lacks rows and never differs: a run appends those whose key
Bronze does not have. Two runs at once append a row twice at worst, and Silver takes one of them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
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

_CONNECT_TIMEOUT_SECONDS = 3

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Copy:
    """A table of the operational database, and the table of Bronze that has its rows."""

    origin: DatabaseTable
    table: LakeTable

    @property
    def key(self) -> AssetKey:
        """Return the asset that is made."""
        return AssetKey(self.table.identifier.split("."))


COPIES = (Copy(MERCHANT_TERMS, BRONZE_MERCHANT_TERMS), Copy(RECOVERY_ACTIONS, BRONZE_RECOVERY_ACTIONS))


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
    """Append to Bronze the rows of a table that it lacks, in one commit; return how many.

    Raises:
        Failure: A table is not there, or the database does not answer.
    """
    try:
        table = catalog.load_table(copy.table.identifier)
    except NoSuchTableError:
        raise Failure(f"The lake has no {copy.table.identifier}: run `payments tables apply`.") from None
    known = {tuple(row.values()) for row in table.scan(selected_fields=copy.origin.key).to_arrow().to_pylist()}
    names = [field.name for field in table.schema().fields]
    missing = [
        {name: row[name] for name in names}
        for row in _read(copy.origin, dsn)
        if tuple(row[name] for name in copy.origin.key) not in known
    ]
    if missing:
        # Maps are pairs in Arrow.
        rows = [{n: list(v.items()) if isinstance(v, dict) else v for n, v in row.items()} for row in missing]
        table.append(pa.Table.from_pylist(rows, schema=table.schema().as_arrow()))
    return len(missing)


def _read(origin: DatabaseTable, dsn: SecretStr) -> list[Row]:
    columns = sql.SQL(", ").join(sql.Identifier(column.name) for column in origin.columns)
    statement = sql.SQL("SELECT {} FROM {}").format(columns, sql.Identifier(origin.name))
    try:
        with psycopg.connect(
            dsn.get_secret_value(), autocommit=True, connect_timeout=_CONNECT_TIMEOUT_SECONDS
        ) as connection:
            return list(connection.cursor(row_factory=dict_row).execute(statement))
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn):
        raise Failure(
            f"The operational database lacks {origin.name}, or a column of it: run `payments database apply`."
        ) from None
    except psycopg.errors.InsufficientPrivilege:
        raise Failure(f"The role of POSTGRES_DSN may not read {origin.name}: grant it SELECT.") from None
    except psycopg.OperationalError as error:
        # Without the driver's words: they may show the address with its login.
        why = refusal(error) or "The operational database does not answer"
        raise Failure(f"{why}; nothing of it was copied.") from None
