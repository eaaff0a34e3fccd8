"""Who may do what in the operational database, as its roles are given it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from codegen.emit import grants
from codegen.loader import load

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from codegen.model import Catalog

GRANT = re.compile(r'^GRANT (.+) ON "(\w+)" TO "(\w+)";$', re.MULTILINE)


def granted(catalog: Catalog) -> dict[str, dict[str, set[str]]]:
    """Return the rights of each role by table, as the file's statements give them."""
    found: dict[str, dict[str, set[str]]] = {}
    (file,) = grants.emit(catalog)
    for rights, table, role in GRANT.findall(file.content.decode()):
        found.setdefault(role, {})[table] = set(rights.split(", "))
    return found


def test_each_role_may_do_what_its_service_is_said_to_do_and_no_more(project: Catalog) -> None:
    assert granted(project) == {
        "payments_analytics": {"merchant_terms": {"SELECT"}, "recovery_actions": {"SELECT"}},
        "payments_orchestrator": {"merchant_terms": {"SELECT"}, "payment_events": {"SELECT", "INSERT"}},
        "payments_operations": {
            "audit_differences": {"SELECT", "INSERT", "UPDATE"},
            "audit_runs": {"SELECT", "INSERT"},
            "erasures": {"SELECT", "INSERT"},
            "merchant_terms": {"SELECT", "INSERT"},
            "payment_events": {"SELECT", "DELETE"},
            "recovery_actions": {"SELECT", "INSERT"},
        },
    }


def test_who_runs_commands_of_operations_needs_the_role_of_operations_alone(project: Catalog) -> None:
    found = granted(project)
    for table, rights in found["payments_analytics"].items():
        # Dagster builds the lake, and runs the audit: it has one login for both.
        assert rights <= found["payments_operations"][table]


def test_no_role_may_change_or_drop_a_table(project: Catalog) -> None:
    given = {right for tables in granted(project).values() for rights in tables.values() for right in rights}
    assert given == {"SELECT", "INSERT", "UPDATE", "DELETE"}


def test_rights_are_taken_from_a_service_that_has_none_any_more(
    contracts: Path, edit: Callable[[str, str, str], None]
) -> None:
    edit(
        "services.yaml",
        "  analytics:\n",
        "  former:\n    description: Had.\n    owner: payments\n    reads: {}\n    writes: {}\n  analytics:\n",
    )
    (file,) = grants.emit(load(contracts))
    text = file.content.decode()
    assert re.search(r"ARRAY\[.*'payments_former'.*\] LOOP\n +IF EXISTS", text)
    assert "CREATE ROLE" in text.partition("IF NOT EXISTS")[2]
    assert "'payments_former'" not in text.partition("END LOOP")[2]


def test_pages_of_what_is_erased_may_be_reclaimed_where_postgres_can_say_so(project: Catalog) -> None:
    (file,) = grants.emit(project)
    assert file.content.decode().count("GRANT MAINTAIN") == 1
    assert 'GRANT MAINTAIN ON "payment_events" TO "payments_operations"' in file.content.decode()


def test_without_a_table_there_is_no_role(contracts: Path, edit: Callable[[str, str, str], None]) -> None:
    edit("services.yaml", "      database: [payments]\n    changes:\n      updates: [payments]\n", "")
    (contracts / "database" / "payments.yaml").unlink()
    assert list(grants.emit(load(contracts))) == []
