"""Creates the Iceberg tables of the contracts through the REST catalog."""

from collections.abc import Iterator, Sequence

import stamina
from payments_contracts.tables import Table
from pyiceberg.catalog import Catalog
from pyiceberg.partitioning import PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table.sorting import SortOrder
from requests import RequestException

from operations.errors import DeploymentError, UnavailableError
from operations.topics import Change

_PATIENCE_SECONDS = 90.0


def apply_tables(catalog: Catalog, tables: Sequence[Table]) -> Iterator[Change]:
    """Create each table that is missing and check those that are there.

    Raises:
        DeploymentError: An existing table has columns that differ from its contract.
        UnavailableError: The catalog does not answer.
    """
    for table in tables:
        try:
            for attempt in stamina.retry_context(on=RequestException, attempts=None, timeout=_PATIENCE_SECONDS):
                with attempt:
                    change = _apply(catalog, table)
        except RequestException as error:
            raise UnavailableError(
                f"The Iceberg catalog does not answer ({type(error).__name__}). Is it up? See `make status`."
            ) from error
        yield change


def _apply(catalog: Catalog, table: Table) -> Change:
    identifier = (table.namespace, table.name)
    name = ".".join(identifier)
    wanted = Schema.model_validate_json(table.schema_json)
    catalog.create_namespace_if_not_exists(table.namespace)
    if not catalog.table_exists(identifier):
        catalog.create_table(
            identifier,
            schema=wanted,
            partition_spec=PartitionSpec.model_validate_json(table.partition_spec_json),
            sort_order=SortOrder.model_validate_json(table.sort_order_json),
            properties=dict(table.properties),
        )
        return Change(name, "created", f"{len(wanted.fields)} columns")
    present = catalog.load_table(identifier).schema()
    if differences := _differences(present, wanted):
        raise DeploymentError(
            f"{name} differs from contracts/tables/{name}.yaml: {'; '.join(differences)}. "
            "Evolve the table to the contract, or put the contract back."
        )
    return Change(name, "unchanged")


def _differences(present: Schema, wanted: Schema) -> list[str]:
    found = {field.name: field for field in present.fields}
    declared = {field.name: field for field in wanted.fields}
    differences = [f"column {name} is missing" for name in declared.keys() - found.keys()]
    differences += [f"column {name} is not declared" for name in found.keys() - declared.keys()]
    differences += [
        f"column {name} is {found[name].field_type}, declared {field.field_type}"
        for name, field in declared.items()
        if name in found and str(found[name].field_type) != str(field.field_type)
    ]
    return sorted(differences)
