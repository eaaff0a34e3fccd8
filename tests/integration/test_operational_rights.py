"""The roles of `generated/postgres/grants.sql` on the real Postgres: each service can do its work, and no more."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from operations.audit.database import open_database
from operations.database import apply_database
from operations.erasure.bodies import Condition
from operations.erasure.store import DatabaseErasure
from operations.errors import DeploymentError
from payments_contracts.database import PAYMENT_EVENTS, TABLES
from payments_contracts.pins.operations import AuditDifference
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from pydantic import SecretStr

from tests.integration.operational import administrator, dsn, payment

__all__ = ["administrator", "dsn"]

pytestmark = pytest.mark.integration

Database = psycopg.Connection[tuple[Any, ...]]
GRANTS = (Path(__file__).resolve().parents[2] / "generated" / "postgres" / "grants.sql").read_text(encoding="utf-8")


@pytest.fixture
def database(dsn: SecretStr, administrator: str) -> Iterator[Database]:
    """A session in the test's schema of who owns the tables or may do as if, and may make roles."""
    options = conninfo_to_dict(dsn.get_secret_value())["options"]
    with psycopg.connect(make_conninfo(administrator, options=options), autocommit=True) as connection:
        yield connection


@pytest.fixture
def prefix(dsn: SecretStr, database: Database) -> Iterator[str]:
    """Make the tables and, beside the installation's roles, this test's own."""
    list(apply_database(dsn, TABLES))
    name = f"test{uuid.uuid4().hex[:8]}"
    database.execute(GRANTS.replace("payments_", f"{name}_").encode())
    yield name
    for role in ("analytics", "operations", "orchestrator"):
        database.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(f"{name}_{role}")))
        database.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(f"{name}_{role}")))


def address(database: Database, role: str) -> SecretStr:
    """Return the address of a session that has a role's rights and no others."""
    (schema,) = database.execute("SELECT current_schema()").fetchone() or ("",)
    database.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(sql.Identifier(schema), sql.Identifier(role)))
    password = database.info.password
    return SecretStr(
        make_conninfo(database.info.dsn, password=password, options=f"{database.info.options} -crole={role}")
    )


def insert(address: SecretStr) -> str:
    row = payment()
    with psycopg.connect(address.get_secret_value(), autocommit=True) as connection:
        values = row.model_dump()
        with psycopg.RawCursor(connection) as cursor:
            cursor.execute(
                PAYMENT_EVENTS.insert,
                [
                    psycopg.types.json.Jsonb(values[each.name]) if each.type == "jsonb" else values[each.name]
                    for each in PAYMENT_EVENTS.columns
                ],
            )
    return row.event_id


def test_a_worker_adds_rows_and_may_change_none(database: Database, prefix: str) -> None:
    worker = address(database, f"{prefix}_orchestrator")
    insert(worker)
    with psycopg.connect(worker.get_secret_value(), autocommit=True) as connection:
        for statement in (
            "UPDATE payment_events SET amount_cents = 1",
            "DELETE FROM payment_events",
            "DROP TABLE payment_events",
            "SELECT * FROM audit_runs",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())


def test_the_audit_keeps_updates_and_accepts_what_it_found(database: Database, prefix: str) -> None:
    now = datetime.now(UTC)
    found = AuditDifference.model_validate(
        {"hop": "bronze", "subject": "evt_1", "kind": "missing", "state": "open", "detail": "no row"}
        | dict.fromkeys(("since", "found_at", "checked_at"), now)
    )
    with open_database(address(database, f"{prefix}_operations")) as books:
        books._keep([found])  # a run beside it would say nothing more of the rights
        books._keep([found])  # as above
        assert [each.subject for each in books.accept("evt_1", "known", now)] == ["evt_1"]
    with (
        pytest.raises(DeploymentError, match="refuses"),
        open_database(address(database, f"{prefix}_orchestrator")) as books,
    ):
        books.accept("evt_1", "known", now)


def test_operations_erase_payments_and_reclaim_their_pages(dsn: SecretStr, database: Database, prefix: str) -> None:
    event = insert(dsn)
    erasure = DatabaseErasure(address(database, f"{prefix}_operations"))
    erasure.erase(Condition("event_id = ?", (event,)))
    assert erasure.count(Condition("event_id = ?", (event,))) == 0


def test_running_it_again_takes_away_what_the_contracts_do_not_give(database: Database, prefix: str) -> None:
    database.execute(sql.SQL("GRANT DELETE ON payment_events TO {}").format(sql.Identifier(f"{prefix}_orchestrator")))
    database.execute(GRANTS.replace("payments_", f"{prefix}_").encode())
    with (
        psycopg.connect(address(database, f"{prefix}_orchestrator").get_secret_value()) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("DELETE FROM payment_events")
