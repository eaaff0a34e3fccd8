"""What Silver and Gold promise of their rows, as tests of the dbt package: a query for each table and kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.closed_sets import closed_set, stored_fields
from codegen.text import notice, render

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.derived import DerivedTable
    from codegen.model import Catalog, GeneratedFile

_FOLDER = "dbt/tests/contract"


def emit(catalog: Catalog) -> Iterator[GeneratedFile]:
    """Yield the tests of each derived table, and the macros that tell of orders and of what is recoverable."""
    fields = stored_fields(catalog)
    for table in catalog.derived:
        sets = [(column.name, values) for column in table.columns if (values := closed_set(column, fields))]
        kinds: list[tuple[str, dict[str, object]]] = [("unique", {}), ("not_null", {})]
        if sets:
            kinds.append(("accepted_values", {"sets": sets}))
        if table.references:
            kinds.append(("relationships", {}))
        for kind, parts in kinds:
            yield _test(table, kind, parts)
    keys = [(each.name, each.attempts.key) for each in catalog.providers if each.attempts and each.attempts.key]
    yield render("dbt/macros/order.sql", "order.sql", notice=notice("contracts/providers"), keys=sorted(keys))
    judged = [each for each in (catalog.validation, catalog.ingestion) if each.recoverable_by]
    by_class: dict[str, dict[str, None]] = {}
    for rules in judged:
        for name, codes in rules.recoverable_by.items():
            by_class.setdefault(name, {}).update(dict.fromkeys(codes))
    if judged:
        yield render(
            "dbt/macros/recoverability.sql",
            "recoverability.sql",
            notice=notice(", ".join(f"contracts/{each.source.path}" for each in judged)),
            by_class=list(by_class.items()),
        )


def _test(table: DerivedTable, kind: str, parts: dict[str, object]) -> GeneratedFile:
    return render(
        f"{_FOLDER}/{kind}_{table.name}.sql",
        f"{kind}.sql",
        notice=notice(f"contracts/{table.source.path}"),
        table=table,
        **parts,
    )
