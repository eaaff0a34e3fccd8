"""Rules on the lookup tables that several lookups of a mapping share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.suggestion import meant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.document import Place
    from codegen.findings import Finding
    from codegen.model import Catalog


def misnamed(catalog: Catalog) -> Iterator[Finding]:
    """Yield names of lookup tables that the mapping does not have, and tables that no lookup names."""
    for provider in catalog.providers:
        data, source = provider.mapping_source.data, provider.mapping_source
        known = data.get("tables", {})
        used: set[str] = set()
        holders: list[tuple[Place, dict[str, object]]] = [(("fields",), data.get("fields", {}))]
        holders += [(("groups", index, "fields"), group["fields"]) for index, group in enumerate(data["groups"])]
        for holder, fields in holders:
            for field, expression in fields.items():
                for name in _named(expression):
                    used.add(name)
                    if name not in known:
                        place = (*holder, field)
                        yield source.finding(
                            "table-name", place, f"there is no table {name!r}{meant(name, known)}", "add it to `tables`"
                        )
        for name in known:
            if name not in used:
                yield source.finding("table-name", ("tables", name), f"no lookup names the table {name!r}", "remove it")


def _named(expression: object) -> Iterator[str]:
    """Yield the tables that an expression, as it is written, refers to by name."""
    if isinstance(expression, dict):
        table = expression.get("table")
        if isinstance(table, str):
            yield table
        for each in expression.values():
            yield from _named(each)
    elif isinstance(expression, list):
        for each in expression:
            yield from _named(each)
