"""Rules on who writes and reads: a part of the pipeline does not fall out of it unsaid."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.compat import topics
from codegen.compat.breakage import Breakage, broken
from codegen.services import matches

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.database import DatabaseTable
    from codegen.derived import DerivedTable
    from codegen.files import RecordFile
    from codegen.model import Catalog, Table


def producers_removed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield producers that no longer write a topic: what it held would not come any more."""
    for before, after in topics.kept(old, new):
        for name in before.producers:
            if name not in after.producers:
                message = f"{name} wrote {after.name}, and is no longer a producer of it"
                hint = "leave it; where another service takes over, accept this with the change of both programs"
                yield broken(("topic", after.name, "producers"), after.source, ("producers",), message, hint)


def consumers_removed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield consumers that no longer read a topic: versions are retired, and topics removed, without asking them."""
    for before, after in topics.kept(old, new):
        for name in before.consumers:
            if name not in after.consumers:
                message = f"{name} read {after.name}, and is no longer a consumer of it"
                hint = "leave it while its program reads the topic; accept this when it does not any more"
                concern = ("topic", after.name, "consumers", name)
                yield broken(concern, after.source, ("consumers",), message, hint)


def writers_changed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield tables, of the lake, derived and of the database, and files that another service is to write."""
    after = dict(_written(new))
    for key, was in _written(old):
        now = after.get(key)
        if now is not None and was.writer != now.writer:
            message = f"{was.writer} wrote {key[1]}, and {now.writer} is to write it"
            hint = "leave it; where another service takes over, accept this with the change of both programs"
            yield broken((*key, "writer"), now.source, ("writer",), message, hint)


def readers_removed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield tables that a service might read, which is said among its permissions alone, and may not any more."""
    source = new.services.source
    if source is None:
        return
    present = dict(_tables(new))
    for name, service in old.services.services.items():
        now = new.services.services.get(name)
        for kind, table in present:
            store = "database" if kind == "database" else "tables"
            might = any(matches(pattern, table) for pattern in service.reads[store])
            if might and not (now and any(matches(pattern, table) for pattern in now.reads[store])):
                message = f"{name} might read {table}, and may not any more"
                hint = "leave it while its program reads the table; accept this when it does not any more"
                place = ("services", name, "reads", store)
                yield broken(("service", name), source, place, message, hint)


def _written(catalog: Catalog) -> Iterator[tuple[tuple[str, str], Table | DerivedTable | DatabaseTable | RecordFile]]:
    yield from _tables(catalog)
    yield from ((("file", each.name), each) for each in catalog.files)


def _tables(catalog: Catalog) -> Iterator[tuple[tuple[str, str], Table | DerivedTable | DatabaseTable]]:
    """Yield every table by kind and name."""
    lake: tuple[Table | DerivedTable, ...] = (*catalog.tables, *catalog.derived)
    yield from ((("table", table.identifier), table) for table in lake)
    yield from ((("database", table.name), table) for table in catalog.database)
