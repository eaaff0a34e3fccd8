"""Brings the Iceberg tables of the contracts into the catalog, and tables that are there to their contracts."""

from collections.abc import Iterator, Sequence

import stamina
from payments_contracts.tables import Table
from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import CommitFailedException
from pyiceberg.partitioning import PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import Table as LakeTable
from pyiceberg.table.sorting import SortOrder
from pyiceberg.table.update.schema import UpdateSchema
from requests import RequestException

from operations.errors import DeploymentError, UnavailableError
from operations.evolution import Evolution, columns_up_to, compare
from operations.topics import Change

_PATIENCE_SECONDS = 90.0


def apply_tables(catalog: Catalog, tables: Sequence[Table]) -> Iterator[Change]:
    """Create each table that is missing, and evolve the others to their contracts; a column is never dropped.

    Raises:
        DeploymentError: An existing table differs from its contract in a way that evolution cannot follow.
        UnavailableError: The catalog does not answer.
    """
    for table in tables:
        try:
            for attempt in stamina.retry_context(
                on=(RequestException, CommitFailedException), attempts=None, timeout=_PATIENCE_SECONDS
            ):
                with attempt:
                    change = _apply(catalog, table)
        except RequestException as error:
            raise UnavailableError(
                f"The Iceberg catalog does not answer ({type(error).__name__}). Is it up? See `make status`."
            ) from error
        except CommitFailedException as error:
            raise UnavailableError(
                f"{table.identifier} changes faster than it can be evolved. Stop its writers, or try again."
            ) from error
        yield change


def _apply(catalog: Catalog, table: Table) -> Change:
    identifier = (table.namespace, table.name)
    wanted = Schema.model_validate_json(table.schema_json)
    catalog.create_namespace_if_not_exists(table.namespace)
    if catalog.table_exists(identifier):
        detail = "; ".join(_evolve(catalog.load_table(identifier), table, wanted))
        return Change(table.identifier, "updated" if detail else "unchanged", detail)
    # A catalog numbers columns anew when it makes a table: so it gets those of the first version, and then evolves.
    created = catalog.create_table(
        identifier,
        schema=columns_up_to(wanted, table.last_ids[0]),
        partition_spec=PartitionSpec.model_validate_json(table.partition_spec_json),
        sort_order=SortOrder.model_validate_json(table.sort_order_json),
        properties=dict(table.properties),
    )
    list(_evolve(created, table, wanted))
    return Change(table.identifier, "created", f"{len(wanted.fields)} columns")


def _evolve(present: LakeTable, table: Table, wanted: Schema) -> Iterator[str]:
    """Bring a table to its contract, one commit for each version that it has not seen; tell each change in words."""
    unseen = [last_id for last_id in table.last_ids if last_id > present.metadata.last_column_id]
    for last_id in unseen or table.last_ids[-1:]:
        evolution = compare(present.schema(), columns_up_to(wanted, last_id), last_id=present.metadata.last_column_id)
        if evolution.obstacles:
            raise DeploymentError(
                f"{table.identifier} differs from contracts/tables/{table.identifier}.yaml: "
                f"{'; '.join(evolution.obstacles)}. "
                "Put the contract back, or move the rows to a table of another name."
            )
        if evolution.changes:
            with present.transaction() as transaction:
                _change_columns(transaction.update_schema(), evolution)
            yield from evolution.changes
    properties = {name: text for name, text in table.properties.items() if present.properties.get(name) != text}
    if properties:
        with present.transaction() as transaction:
            transaction.set_properties(properties)
        yield "properties " + ", ".join(sorted(properties))


def _change_columns(update: UpdateSchema, evolution: Evolution) -> None:
    with update:
        for path, field in evolution.additions.items():
            update.add_column(path, field.field_type, doc=field.doc, required=field.required)
        for path in evolution.relaxations:
            update.make_column_optional(path)
        for path, text in evolution.descriptions.items():
            update.update_column(path, doc=text)
