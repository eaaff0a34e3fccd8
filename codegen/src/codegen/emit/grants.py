"""Rights on the operational database: a role for each service that uses it, in `postgres/grants.sql`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from codegen.services import matches
from codegen.text import notice, render

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.model import Catalog, GeneratedFile

_SOURCE = notice("contracts/services.yaml, contracts/database")


@dataclass(frozen=True, slots=True)
class Role:
    """A service's role, and what it may do with which table."""

    name: str
    description: str
    rights: dict[str, tuple[str, ...]]

    @property
    def erases(self) -> tuple[str, ...]:
        """Return the tables that it may erase rows of."""
        return tuple(table for table, rights in self.rights.items() if "DELETE" in rights)


def emit(catalog: Catalog) -> Iterator[GeneratedFile]:
    """Yield the statements that make the roles and give them their rights; no file without a table or a role."""
    tables = [table.name for table in catalog.database]
    every = [role_of(catalog, name) for name in sorted(catalog.services.services)]
    # Rights are taken from all, since a service that has none today may have had some before.
    services, roles = [role.name for role in every], [role for role in every if role.rights]
    if roles:
        yield render("postgres/grants.sql", "grants.sql", notice=_SOURCE, tables=tables, services=services, roles=roles)


def role_of(catalog: Catalog, service: str) -> Role:
    """Return the role of a service.

    Whoever adds rows reads them: the key that ON CONFLICT names has to be readable, and what is updated or erased has
    to be found.
    """
    declared = catalog.services.services[service]
    patterns = {
        "SELECT": (*declared.reads["database"], *declared.writes["database"]),
        "INSERT": declared.writes["database"],
        "UPDATE": declared.changes.get("updates", ()),
        "DELETE": declared.changes.get("erases", ()),
    }
    rights = {
        table.name: tuple(
            right for right, names in patterns.items() if any(matches(each, table.name) for each in names)
        )
        for table in catalog.database
    }
    name = f"payments_{service.replace('-', '_')}"
    return Role(name, declared.description, {table: each for table, each in rights.items() if each})
