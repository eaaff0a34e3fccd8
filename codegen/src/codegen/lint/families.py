"""Rules on families: every event belongs to one, every state has a rank, no event says more of money than it may."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.families import EVENT_TYPE, STATUS, family_of
from codegen.language.model import Coalesce, Const, Lookup, Null, When
from codegen.suggestion import meant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.avro import Field
    from codegen.document import Document, Place
    from codegen.findings import Finding
    from codegen.language.model import Expression, Group
    from codegen.model import Catalog, Provider

_FILE = "contracts/families.yaml"


def undeclared(catalog: Catalog) -> Iterator[Finding]:
    """Yield fields that no event has, event types without a family, families without one, and states without a rank."""
    declared, source = catalog.families, catalog.families.source
    if source is None:
        return
    versions = catalog.records.get(declared.record)
    if versions is None:
        message = f"there is no record {declared.record!r}{meant(declared.record, catalog.records)}"
        yield source.finding("family", ("record",), message, "name a record of contracts/avro")
        return
    fields = {each.name: each for each in versions[-1].record.fields}
    yield from _unknown_fields(catalog, source, fields)
    yield from _unlike_event_types(catalog, source, _allowed(fields, EVENT_TYPE))
    # A record without states has none to rank.
    if STATUS in fields:
        yield from _unlike_statuses(catalog, source, _allowed(fields, STATUS))


def _unlike_event_types(catalog: Catalog, source: Document, event_types: tuple[str, ...]) -> Iterator[Finding]:
    declared = catalog.families
    known = dict.fromkeys(map(family_of, event_types))
    for name in known:
        if name not in declared.families:
            message = f"{EVENT_TYPE} knows events of the family {name}, which is not declared"
            yield source.finding("family", ("families",), message, "declare it here")
    for name in declared.families:
        if name not in known:
            message = f"no {EVENT_TYPE} of {declared.record} begins with {name}{meant(name, known)}"
            yield source.finding("family", ("families", name), message, "correct the name, or remove the family")


def _unlike_statuses(catalog: Catalog, source: Document, statuses: tuple[str, ...]) -> Iterator[Finding]:
    declared = catalog.families
    for name, family in declared.families.items():
        for index, status in enumerate(family.statuses):
            if status not in statuses:
                message = f"{declared.record} has no status {status!r}{meant(status, statuses)}"
                place: Place = ("families", name, "statuses", index)
                yield source.finding("family", place, message, "name a status of its closed set")
    ranked = {status for family in declared.families.values() for status in family.statuses}
    for status in statuses:
        if status not in ranked:
            message = f"the status {status} of {declared.record} has no rank in any family"
            yield source.finding("family", ("families",), message, "add it to the statuses of its family")


def unfit(catalog: Catalog) -> Iterator[Finding]:
    """Yield what mappings make that the family of their events has not: a status, or an amount."""
    declared = catalog.families
    for provider in catalog.providers:
        if provider.mapping.record != declared.record:
            continue
        for index, group in enumerate(provider.mapping.groups):
            yield from _group(catalog, provider, index, group)


def _group(catalog: Catalog, provider: Provider, index: int, group: Group) -> Iterator[Finding]:
    declared, source = catalog.families, provider.mapping_source
    event_types = outcomes(group.fields[EVENT_TYPE]) if EVENT_TYPE in group.fields else set()
    names = sorted({family_of(each) for each in event_types} & declared.families.keys())
    if not names:
        return
    families = [declared.families[name] for name in names]
    listed = " or ".join(names)
    statuses = {status for family in families for status in family.statuses}
    for status in sorted(outcomes(group.fields[STATUS]) - statuses) if STATUS in group.fields else ():
        message = f"{STATUS}: {status} is not a status of the family {listed}"
        hint = f"map it to one of its statuses, or give it a rank in {_FILE}"
        yield source.finding("family-mapping", group.place(index, STATUS), message, hint)
    amounts = {amount for family in families for amount in family.amounts}
    for field in sorted(declared.amounts - amounts):
        if field in group.fields and not _empty(group.fields[field]):
            message = f"{field}: the family {listed} carries no such amount"
            hint = f"write {{const: null}}, or add it to the amounts of the family in {_FILE}"
            yield source.finding("family-mapping", group.place(index, field), message, hint)


def outcomes(expression: Expression) -> set[str]:
    """Return the texts that an expression may give by what is written in it; what a payload gives is none of them."""
    match expression:
        case Const(value):
            return {value} if isinstance(value, str) else set()
        case Lookup(_, table, otherwise):
            texts = {value for value in table.values() if isinstance(value, str)}
            return texts | (outcomes(otherwise) if otherwise is not None else set())
        case When(_, _, then, otherwise):
            return outcomes(then) | outcomes(otherwise)
        case Coalesce(of):
            return {value for each in of for value in outcomes(each)}
    return set()


def _empty(expression: Expression) -> bool:
    match expression:
        case Null():
            return True
        case Const(value):
            return str(value) == "0"
        case When(_, _, then, otherwise):
            return _empty(then) and _empty(otherwise)
    return False


def _unknown_fields(catalog: Catalog, source: Document, fields: dict[str, Field]) -> Iterator[Finding]:
    declared = catalog.families
    named: list[tuple[Place, str]] = [(("identity",), declared.identity)]
    named += [(("order", i, j), name) for i, each in enumerate(declared.order) for j, name in enumerate(each)]
    for family in declared.families.values():
        for key in ("belongs_to", "amounts"):
            names: tuple[str, ...] = getattr(family, key)
            named += [(("families", family.name, key, index), name) for index, name in enumerate(names)]
    for place, name in named:
        if name not in fields:
            message = f"{declared.record} has no field {name!r}{meant(name, fields)}"
            yield source.finding("family", place, message, "name one of its fields")


def _allowed(fields: dict[str, Field], name: str) -> tuple[str, ...]:
    return tuple(fields[name].allowed) if name in fields else ()
