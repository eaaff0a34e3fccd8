"""The dbt package `payments_sources`: the lake's tables as sources, and what models need to know of the contracts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codegen.avro import TimestampMillis, walk
from codegen.closed_sets import personal_columns
from codegen.derived import LAYERS, Column
from codegen.emit.trino import trino_type
from codegen.families import EVENT_TYPE
from codegen.staging import staged
from codegen.text import dumped_yaml, notice, render

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from codegen.avro import Field
    from codegen.derived import DerivedTable
    from codegen.families import Families, Family
    from codegen.model import Catalog, Freshness, GeneratedFile, Table
    from codegen.staging import Staging

_FOLDER = "dbt"
PACKAGE_NAME = "payments_sources"
_PERSONAL: Mapping[str, Any] = {"config": {"meta": {"personal_data": True}}}


def emit(catalog: Catalog) -> Iterator[GeneratedFile]:
    """Yield the package's project file, its sources and its macros."""
    source = notice("contracts/tables, contracts/avro")
    project = {
        "name": PACKAGE_NAME,
        "version": "1.0.0",
        "config-version": 2,
        "model-paths": ["models"],
        # As the layers of the project that uses the package: the view stands beside what is made from it.
        "models": {PACKAGE_NAME: {"staging": {"+schema": "silver", "+materialized": "view"}}},
        "macro-paths": ["macros"],
        "test-paths": ["tests"],
    }
    yield dumped_yaml(f"{_FOLDER}/dbt_project.yml", source, project)
    yield dumped_yaml(f"{_FOLDER}/models/sources.yml", source, sources(catalog))
    yield render(
        f"{_FOLDER}/models/columns.md",
        "columns.md",
        notice=notice("contracts/avro, contracts/derived"),
        blocks=list(docs(catalog)),
    )
    by_exponent: dict[int, list[str]] = {}
    for code, exponent in sorted(catalog.exponents.items()):
        by_exponent.setdefault(exponent, []).append(code)
    yield render(
        f"{_FOLDER}/macros/currency_exponent.sql",
        "currency_exponent.sql",
        notice=notice("contracts/reference/iso4217.yaml, contracts/providers"),
        by_exponent=sorted(by_exponent.items()),
    )
    yield from _families(catalog)
    for table in catalog.tables:
        if table.staging is not None:
            yield from _staging(catalog, table, table.staging)
    for derived in catalog.derived:
        yield render(
            f"{_FOLDER}/macros/{derived.name}.sql",
            "passed.sql",
            notice=notice(f"contracts/derived/{derived.identifier}.yaml"),
            table=derived,
        )
        if derived.passed:
            yield _described(catalog, derived)
    yield render(f"{_FOLDER}/tests/generic/not_null_columns.sql", "not_null_columns.sql", notice=source)


def _families(catalog: Catalog) -> Iterator[GeneratedFile]:
    declared = catalog.families
    if declared.source is None:
        return
    record = catalog.records[declared.record][-1].record
    all_of_them = declared.families.values()
    roles: dict[str, list[str]] = {}
    for family in all_of_them:
        roles.setdefault(family.role, []).append(family.name)
    yield render(
        f"{_FOLDER}/macros/families.sql",
        "families.sql",
        notice=notice(f"contracts/{declared.source.path}, contracts/avro/{declared.record}"),
        declared=declared,
        roles=sorted(roles.items()),
        of_payments=[family.name for family in all_of_them if family.role != "none"],
        parts=[family for family in all_of_them if family.role != "none"],
        belonging=lambda family: _belonging(declared, family),
        event_types=[value for field in record.fields if field.name == EVENT_TYPE for value in field.allowed],
    )


def _belonging(declared: Families, family: Family) -> str:
    """Return the SQL for the payment that an event names: of what may be a payment itself, in the end its own id."""
    own = [declared.identity, "event_id"] if family.role in {"payment", "attempt"} else []
    names = [*family.belongs_to, *own]
    return names[0] if len(names) == 1 else f"coalesce({', '.join(names)})"


def docs(catalog: Catalog) -> Iterator[tuple[str, str]]:
    """Yield the name and text of a docs block for each table, each column and each member inside a column."""
    meanings: dict[Column, str] = {}
    for table in catalog.tables:
        yield _block(table.identifier), table.description
        for path, field in walk(catalog.record(table.record, table.version).record):
            meanings[Column(table.identifier, path)] = field.doc
            yield _block(table.identifier, *path), field.doc
    for derived in sorted(catalog.derived, key=lambda each: LAYERS.index(each.namespace)):
        yield _block(derived.identifier), derived.description
        for column in derived.columns:
            meaning = column.doc or meanings[column.sources[0]]
            meanings[Column(derived.identifier, (column.name,))] = meaning
            yield _block(derived.identifier, column.name), meaning


def _block(identifier: str, *path: str) -> str:
    return "__".join((*identifier.split("."), *path))


def _reference(identifier: str, *path: str) -> str:
    return f"{{{{ doc('{_block(identifier, *path)}') }}}}"


def _described(catalog: Catalog, table: DerivedTable) -> GeneratedFile:
    """Return what describes a model whose columns arrive without an edit.

    Not among the package's own models, since dbt lets a project alone describe what it makes: it names the folder.
    """
    personal = personal_columns(catalog)
    columns = [
        {
            "name": each.name,
            "description": _reference(table.identifier, each.name),
            **(_PERSONAL if Column(table.identifier, (each.name,)) in personal else {}),
        }
        for each in table.columns
    ]
    model = {"name": table.name, "description": _reference(table.identifier), "columns": columns}
    source = notice(f"contracts/derived/{table.identifier}.yaml")
    return dumped_yaml(f"{_FOLDER}/described/{table.name}.yml", source, {"version": 2, "models": [model]})


def _staging(catalog: Catalog, table: Table, view: Staging) -> Iterator[GeneratedFile]:
    columns = list(staged(view, catalog.record(table.record, table.version).record))
    source = notice(f"contracts/tables/{table.identifier}.yaml")
    yield render(f"{_FOLDER}/models/staging/{view.name}.sql", "staging.sql", notice=source, table=table, view=view)
    described = [
        {
            "name": each.name,
            "description": _reference(table.identifier, *each.path),
            **(_PERSONAL if each.field.personal else {}),
            **({"data_tests": ["not_null"]} if table.key == each.path else {}),
        }
        for each in columns
    ]
    model = {"name": view.name, "description": view.description, "columns": described}
    yield dumped_yaml(f"{_FOLDER}/models/staging/{view.name}.yml", source, {"version": 2, "models": [model]})
    compared = [(each.name, isinstance(each.field.bare, TimestampMillis)) for each in columns if each.path != table.key]
    yield render(
        f"{_FOLDER}/macros/{view.name}.sql",
        "staged.sql",
        notice=source,
        table=table,
        view=view,
        staged=columns,
        columns=compared,
    )


def sources(catalog: Catalog) -> dict[str, Any]:
    """Return the sources file: one source for each namespace of the lake."""
    namespaces = dict.fromkeys(table.namespace for table in catalog.tables)
    return {
        "version": 2,
        "sources": [
            {
                "name": namespace,
                "description": f"Tables of the lake's {namespace} layer.",
                "database": "{{ var('lake', env_var('TRINO_CATALOG', 'lake')) }}",
                "schema": namespace,
                "tables": [_table(catalog, table) for table in catalog.tables if table.namespace == namespace],
            }
            for namespace in namespaces
        ],
    }


def _table(catalog: Catalog, table: Table) -> dict[str, Any]:
    record = catalog.record(table.record, table.version).record
    meta = {
        "owner": table.owner,
        "contract": f"{table.record} v{table.version}",
        "dagster": {"asset_key": [table.namespace, table.name]},
    }
    if table.freshness is None:
        # No schedule looks at it: tests of a table that only grows would cost more with each run.
        columns = [_column(field, is_key=False, tested=False) for field in record.fields]
        return {"name": table.name, "description": table.description, "config": {"meta": meta}, "columns": columns}
    required = [field.name for field in record.fields if not field.nullable]
    return {
        "name": table.name,
        "description": table.description,
        "config": {
            "loaded_at_field": table.freshness.field,
            "freshness": _freshness(table.freshness),
            "meta": meta,
        },
        "data_tests": [{"not_null_columns": {"arguments": {"columns": required}}}],
        "columns": [_column(field, is_key=table.key == (field.name,)) for field in record.fields],
    }


def _freshness(freshness: Freshness) -> dict[str, Any]:
    return {
        "warn_after": {"count": freshness.warn_after_minutes, "period": "minute"},
        "error_after": {"count": freshness.error_after_minutes, "period": "minute"},
    }


def _column(field: Field, *, is_key: bool, tested: bool = True) -> dict[str, Any]:
    tests: list[Any] = []
    if is_key:
        # A layer of appends: what a writer repeated after a crash is told apart in Silver, and must not stop it.
        tests.append({"unique": {"config": {"severity": "warn"}}})
    if field.allowed:
        tests.append({"accepted_values": {"arguments": {"values": list(field.allowed)}}})
    column: dict[str, Any] = {
        "name": field.name,
        "description": field.doc,
        "data_type": trino_type(field.type),
    }
    if field.personal:
        column |= _PERSONAL
    if tests and tested:
        column["data_tests"] = tests
    return column
