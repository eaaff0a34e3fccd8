"""What a change to the contracts does to everything that comes from them: its blast radius, in words."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from codegen.compat import breakages
from codegen.diff import (
    apis,
    database,
    derived,
    families,
    files,
    flows,
    payloads,
    providers,
    records,
    rules,
    services,
    tables,
)
from codegen.diff.change import Change, Section
from codegen.diff.render import markdown, text
from codegen.families import Families
from codegen.services import Services

if TYPE_CHECKING:
    from codegen.model import Catalog

__all__ = ["Change", "Section", "diff", "markdown", "nothing", "text"]

_COMPARISONS = (
    services.services,
    services.owners,
    flows.consumers,
    flows.topics,
    records.subjects,
    flows.columns,
    tables.tables,
    tables.followers,
    tables.upkeep,
    tables.columns,
    tables.sources,
    derived.tables,
    derived.columns,
    families.families,
    families.identity,
    database.tables,
    database.columns,
    database.indexes,
    files.files,
    records.models,
    providers.providers,
    payloads.payloads,
    providers.mappings,
    rules.rules,
    rules.references,
    apis.apis,
    apis.words,
)


def diff(old: Catalog, new: Catalog) -> tuple[Change, ...]:
    """Return all that a change touches, by section, with the rules that each breaks."""
    broken: dict[tuple[str, ...], set[str]] = {}
    for rule, breakage in breakages(old, new):
        broken.setdefault(breakage.concern, set()).add(rule)
    found = [change for compare in _COMPARISONS for change in compare(old, new)]
    order = list(Section)
    found.sort(key=lambda change: order.index(change.section))
    return tuple(
        replace(change, rules=tuple(sorted({rule for each in change.concerns for rule in broken.get(each, ())})))
        for change in found
    )


def nothing(like: Catalog) -> Catalog:
    """Return contracts that declare nothing, to compare with where there were none."""
    return replace(
        like,
        records={},
        topics=(),
        tables=(),
        derived=(),
        database=(),
        files=(),
        providers=(),
        apis=(),
        services=Services(),
        families=Families(),
        currencies=(),
        validation=replace(like.validation, reason_codes={}, fields={}),
        ingestion=replace(like.ingestion, reason_codes={}, fields={}),
    )
