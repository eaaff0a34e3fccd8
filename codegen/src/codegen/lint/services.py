"""Rules on services and owners: closed sets, in which a name with a typo is found before it parts the pipeline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from codegen.findings import Finding
from codegen.services import matches
from codegen.suggestion import closest, meant

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from codegen.derived import DerivedTable
    from codegen.document import Document, Place
    from codegen.model import Catalog, Table
    from codegen.services import Service

_FILE = "services.yaml"
_VERBS = {"reads": "read", "writes": "write"}
_DECLARE = f"name a service of {_FILE}, or declare it there"


@dataclass(frozen=True, slots=True)
class _Use:
    """A contract that names a service: where, and what the service `reads` or `writes` there."""

    source: Document
    place: Place
    service: str
    access: str
    store: str
    name: str


def undeclared(catalog: Catalog) -> Iterator[Finding]:
    """Yield services that a contract names and that are not declared, or may not do what they are named for."""
    if catalog.services.source is None:
        yield Finding(_FILE, 0, "service", "the services are not declared", "write it; see meta/services.schema.json")
        return
    source, known, uses = catalog.services.source, catalog.services.services, tuple(_uses(catalog))
    misnamed = _misnamed(known, [use.service for use in uses])
    for declared, name in misnamed.items():
        message = f"no contract names the service {declared!r}, and several name {name!r}"
        yield source.finding("service", ("services", declared), message, "give both one name")
    for use in uses:
        # What a derived table is made from is read by its writer, whose name stands once.
        if (use.access, use.store) == ("reads", "tables"):
            continue
        if use.service not in known and use.service not in misnamed.values():
            message = f"there is no service {use.service!r}{meant(use.service, known)}"
            yield use.source.finding("service", use.place, message, _DECLARE)
    for api in catalog.apis:
        if not any(_serves(name, api.name) for name in (*known, *misnamed.values())):
            message = f"no service serves the API {api.name!r}{meant(api.name, known)}"
            hint = "call it after its service, with what tells it from others behind a hyphen"
            yield api.source.finding("service", (), message, hint)
    yield from _forbidden(catalog, source)
    yield from _unobservable(catalog, source)
    yield from _unchangeable(catalog, source)


def _unobservable(catalog: Catalog, source: Document) -> Iterator[Finding]:
    """Yield topics and services that a service is said to observe and that are not there."""
    topics, known = [topic.name for topic in catalog.topics], catalog.services.services
    for name, service in known.items():
        for what, observed in service.observes.items():
            for index, each in enumerate(observed):
                present = each in known if what == "groups" else any(matches(each, topic) for topic in topics)
                if not present:
                    kind, names = ("service", known) if what == "groups" else ("topic", topics)
                    message = f"{name} observes {each}, and there is no such {kind}{meant(each, names)}"
                    place = ("services", name, "observes", what, index)
                    yield source.finding("service", place, message, "correct the name, or remove it")


def _unchangeable(catalog: Catalog, source: Document) -> Iterator[Finding]:
    """Yield tables whose rows a service is said to change, and that are not there or that it may not write or read."""
    tables = [table.name for table in catalog.database]
    for name, service in catalog.services.services.items():
        for what, changed in service.changes.items():
            may = (*service.writes["database"], *(service.reads["database"] if what == "erases" else ()))
            for index, each in enumerate(changed):
                place, taken = ("services", name, "changes", what, index), [t for t in tables if matches(each, t)]
                if not taken:
                    message = f"{name} {what} rows of {each}, and there is no such table{meant(each, tables)}"
                    yield source.finding("service", place, message, "correct the name, or remove it")
                for table in taken:
                    if not any(matches(pattern, table) for pattern in may):
                        told = "neither reads nor writes" if what == "erases" else "does not write"
                        message = f"{name} {what} rows of {table}, which it {told}"
                        hint = f"add {table} to writes.database of {name}, or remove it here"
                        yield source.finding("service", place, message, hint)


def _forbidden(catalog: Catalog, source: Document) -> Iterator[Finding]:
    """Yield what services may not do, and what they may do with what is not there."""
    wrong = tuple(_misspelt(catalog))
    for place, message, _ in wrong:
        yield source.finding("service", place, message, "correct the name, or remove the permission")
    for use in _uses(catalog):
        service = catalog.services.services.get(use.service)
        if service is None or any(matches(each, use.name) for each in _granted(service, use.access)[use.store]):
            continue
        # A permission with a typo is told once, where it is, and not at each contract that needs it.
        if any(
            place[1:4] == (use.service, use.access, use.store) and right is not None and matches(right, use.name)
            for place, _, right in wrong
        ):
            continue
        hint = f"add {use.name} to {use.access}.{use.store} of {service.name} in {_FILE}, or name another service"
        message = f"{service.name} may not {_VERBS[use.access]} {use.name}"
        yield use.source.finding("service", use.place, message, hint)


def producers(catalog: Catalog) -> Iterator[Finding]:
    """Yield topics with several producers and no word of why, and such words where there is one producer."""
    for topic in catalog.topics:
        count = len(topic.producers)
        if count > 1 and not (topic.several_producers or "").strip():
            message = f"{topic.name} has {count} producers: {', '.join(topic.producers)}"
            hint = "leave the one that writes it, or say in `several_producers` why there are more"
            yield topic.source.finding("producer", ("producers",), message, hint)
        elif count == 1 and topic.several_producers is not None:
            message = f"{topic.name} says why it has several producers, and has one"
            yield topic.source.finding("producer", ("several_producers",), message, "remove the line")


def unused(catalog: Catalog) -> Iterator[Finding]:
    """Yield services that no contract names, and permissions of which no contract makes use."""
    source = catalog.services.source
    if source is None:
        return
    uses = tuple(_uses(catalog))
    names = _names(catalog)
    for name, service in catalog.services.services.items():
        served = any(_serves(name, api.name) for api in catalog.apis)
        # Who reads a table is said here alone; who reads or writes anything else, by its contract too.
        reads = service.reads["tables"] or service.reads["database"]
        if not (served or reads or any(use.service == name for use in uses)):
            message = f"no contract names the service {name!r}"
            yield source.finding(
                "unused-service", ("services", name), message, "name it where it is used, or remove it"
            )
            continue
        for access, store, index, pattern in _patterns(service):
            taken = [each for each in names[store] if matches(pattern, each)]
            told = store in {"topics", "files"} or access == "writes"
            used = any(
                (use.service, use.access, use.store) == (name, access, store) and use.name in taken for use in uses
            )
            if taken and told and not used:
                message = f"{name} may {_VERBS[access]} {pattern}, and no contract names it for that"
                place = ("services", name, access, store, index)
                yield source.finding("unused-service", place, message, "correct the name, or remove the permission")


def owners(catalog: Catalog) -> Iterator[Finding]:
    """Yield owners that are not declared, and declared ones that own nothing."""
    source = catalog.services.source
    if source is None:
        return
    known = catalog.services.owners
    services = [(source, ("services", name, "owner"), each.owner) for name, each in catalog.services.services.items()]
    holders = (*catalog.holders, *catalog.derived)
    owned: list[tuple[Document, Place, str]] = [(each.source, ("owner",), each.owner) for each in holders]
    misnamed = _misnamed(known, [owner for _, _, owner in (*owned, *services)])
    for declared, name in misnamed.items():
        message = f"{declared} owns nothing, and several contracts name {name!r} as their owner"
        yield source.finding("owner", ("owners", declared), message, "give both one name")
    for document, place, owner in (*owned, *services):
        if owner not in known and owner not in misnamed.values():
            message = f"there is no owner {owner!r}{meant(owner, known)}"
            yield document.finding("owner", place, message, f"name an owner of {_FILE}, or declare it there")
    for owner in known.keys() - misnamed.keys() - {owner for _, _, owner in (*owned, *services)}:
        yield source.finding("owner", ("owners", owner), f"{owner} owns nothing", "remove it, or name it as an owner")


def _uses(catalog: Catalog) -> Iterator[_Use]:
    """Yield each place in which a contract names a service, or has it read a table."""
    for topic in catalog.topics:
        for index, name in enumerate(topic.producers):
            yield _Use(topic.source, ("producers", index), name, "writes", "topics", topic.name)
        for name in topic.consumers:
            yield _Use(topic.source, ("consumers", name), name, "reads", "topics", topic.name)
    for table in _tables(catalog):
        yield _Use(table.source, ("writer",), table.writer, "writes", "tables", table.identifier)
    for each in catalog.database:
        yield _Use(each.source, ("writer",), each.writer, "writes", "database", each.name)
    for file in catalog.files:
        yield _Use(file.source, ("writer",), file.writer, "writes", "files", file.name)
        for index, name in enumerate(file.readers):
            yield _Use(file.source, ("readers", index), name, "reads", "files", file.name)
    for derived in catalog.derived:
        first = {source.table: column.name for column in reversed(derived.columns) for source in column.sources}
        for table_name, column_name in first.items():
            place = ("columns", column_name, "from")
            yield _Use(derived.source, place, derived.writer, "reads", "tables", table_name)


def _misspelt(catalog: Catalog) -> Iterator[tuple[Place, str, str | None]]:
    """Yield each permission of what is not there: its place, what is wrong, and what it probably is meant to be."""
    names = _names(catalog)
    for name, service in catalog.services.services.items():
        for access, store, index, pattern in _patterns(service):
            if not any(matches(pattern, each) for each in names[store]):
                right = closest(pattern, {_starred(pattern, each) for each in names[store]})
                suggested = f" (did you mean {right}?)" if right else ""
                message = f"{name} may {_VERBS[access]} {pattern}, and there is none{suggested}"
                yield ("services", name, access, store, index), message, right


def _starred(pattern: str, name: str) -> str:
    """Return a name with stars where a pattern of as many parts has them."""
    parts, stars = name.split("."), pattern.split(".")
    if len(parts) != len(stars):
        return name
    return ".".join(star if star == "*" else part for star, part in zip(stars, parts, strict=True))


def _misnamed(declared: Collection[str], named: Sequence[str]) -> dict[str, str]:
    """Return declared names that nothing uses, each with the like one that several places use instead of it."""
    unused = [each for each in declared if each not in named]
    strangers = {each for each in named if each not in declared and named.count(each) > 1}
    found = ((each, closest(each, strangers)) for each in unused)
    return {each: name for each, name in found if name and closest(name, declared) == each}


def _patterns(service: Service) -> Iterator[tuple[str, str, int, str]]:
    """Yield each permission: `reads` or `writes`, the store, and the pattern with its place in the list."""
    for access in ("reads", "writes"):
        for store, patterns in _granted(service, access).items():
            for index, pattern in enumerate(patterns):
                yield access, store, index, pattern


def _granted(service: Service, access: str) -> Mapping[str, tuple[str, ...]]:
    return service.reads if access == "reads" else service.writes


def _names(catalog: Catalog) -> dict[str, list[str]]:
    return {
        "topics": [topic.name for topic in catalog.topics],
        "tables": [table.identifier for table in _tables(catalog)],
        "database": [table.name for table in catalog.database],
        "files": [file.name for file in catalog.files],
    }


def _tables(catalog: Catalog) -> tuple[Table | DerivedTable, ...]:
    return (*catalog.tables, *catalog.derived)


def _serves(service: str, api: str) -> bool:
    return api == service or api.startswith(f"{service}-")
