"""`payments database apply` on the real Postgres: made, evolved, and left alone where nothing added can help."""

from dataclasses import replace
from typing import Any

import psycopg
import pytest
from operations import database as deployment
from operations.database import apply_database, plan_database
from operations.errors import DeploymentError, UnavailableError
from payments_contracts.database import PAYMENT_EVENTS
from pydantic import SecretStr

from tests.integration.operational import database, dsn

__all__ = ["database", "dsn"]

pytestmark = pytest.mark.integration

Database = psycopg.Connection[dict[str, Any]]
COLUMNS = """
SELECT column_name, data_type, is_nullable FROM information_schema.columns
WHERE table_schema = current_schema() AND table_name = 'payment_events' ORDER BY column_name
"""


def actions(dsn: SecretStr) -> list[tuple[str, str]]:
    return [(change.action, change.detail) for change in apply_database(dsn, (PAYMENT_EVENTS,))]


def shape(database: Database) -> list[dict[str, Any]]:
    return database.execute(COLUMNS).fetchall()


def made_by_the_service(database: Database) -> None:
    """Make the table as the orchestrator made it while it did so itself: nothing but the key was required."""
    database.execute("CREATE TABLE payment_events (event_id text PRIMARY KEY)")
    for column in PAYMENT_EVENTS.columns:
        database.execute(column.add.removesuffix(" NOT NULL").encode())
    database.execute(
        "CREATE INDEX payment_events_by_merchant ON payment_events (merchant_id, provider_created_at DESC)"
    )


def test_a_missing_table_is_created_and_then_left_as_it_is(dsn: SecretStr) -> None:
    assert actions(dsn) == [("created", f"{len(PAYMENT_EVENTS.columns)} columns")]
    assert actions(dsn) == [("unchanged", "")]


def test_a_dry_run_tells_the_statements_and_changes_nothing(dsn: SecretStr, database: Database) -> None:
    told = [statement.text for statement in plan_database(dsn, (PAYMENT_EVENTS,))]
    assert told == [PAYMENT_EVENTS.create, *(index.create for index in PAYMENT_EVENTS.indexes)]
    assert shape(database) == []


def test_a_table_that_the_service_made_becomes_like_a_new_one(dsn: SecretStr, database: Database) -> None:
    actions(dsn)
    new = shape(database)
    database.execute("DROP TABLE payment_events")
    made_by_the_service(database)
    ((action, detail),) = actions(dsn)
    assert (action, "amount_cents required" in detail) == ("updated", True)
    assert shape(database) == new
    assert actions(dsn) == [("unchanged", "")]


def test_a_table_without_columns_and_index_of_today_gets_them_and_keeps_its_rows(
    dsn: SecretStr, database: Database
) -> None:
    made_by_the_service(database)
    database.execute("ALTER TABLE payment_events DROP COLUMN card_brand, DROP COLUMN attempt_number")
    database.execute("DROP INDEX payment_events_by_merchant")
    ((action, detail),) = actions(dsn)
    assert action == "updated"
    assert {"added card_brand", "added attempt_number", "added index payment_events_by_merchant"} <= set(
        detail.split("; ")
    )


def test_every_statement_of_the_contract_can_be_run_again(dsn: SecretStr, database: Database) -> None:
    actions(dsn)
    for text in (
        PAYMENT_EVENTS.create,
        *(column.add for column in PAYMENT_EVENTS.columns),
        *(index.create for index in PAYMENT_EVENTS.indexes),
    ):
        database.execute(text.encode())
    assert actions(dsn) == [("unchanged", "")]


def test_another_type_is_refused_by_name_and_nothing_is_changed(dsn: SecretStr, database: Database) -> None:
    actions(dsn)
    database.execute("ALTER TABLE payment_events ALTER COLUMN currency_exponent TYPE text")
    database.execute("ALTER TABLE payment_events DROP COLUMN card_brand")
    before = shape(database)
    with pytest.raises(DeploymentError, match="column currency_exponent is text and should be bigint"):
        actions(dsn)
    assert shape(database) == before


def test_a_decimal_gets_more_digits(dsn: SecretStr, database: Database) -> None:
    amount = replace(PAYMENT_EVENTS.columns[6], type="numeric(12,2)")
    wider = replace(amount, type="numeric(14,2)")
    database.execute("CREATE TABLE payment_events (event_id text PRIMARY KEY, amount_cents numeric(12,2) NOT NULL)")
    table = replace(PAYMENT_EVENTS, columns=(PAYMENT_EVENTS.columns[0], wider), indexes=())
    ((change),) = apply_database(dsn, [table])
    assert change.detail == "widened amount_cents to numeric(14,2)"
    with pytest.raises(DeploymentError, match=r"numeric\(14,2\) and should be numeric\(12,2\)"):
        list(apply_database(dsn, [replace(table, columns=(PAYMENT_EVENTS.columns[0], amount))]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("ADD COLUMN region text NOT NULL", "column region, which the contract does not have, must have a value"),
        ("DROP CONSTRAINT payment_events_pkey", "its key is nothing and should be event_id"),
    ],
)
def test_what_nothing_added_can_mend_is_refused(dsn: SecretStr, database: Database, change: str, message: str) -> None:
    actions(dsn)
    database.execute(f"ALTER TABLE payment_events {change}".encode())
    with pytest.raises(DeploymentError, match=message):
        actions(dsn)


def test_an_index_over_other_columns_is_refused(dsn: SecretStr, database: Database) -> None:
    actions(dsn)
    database.execute("DROP INDEX payment_events_by_merchant")
    database.execute("CREATE INDEX payment_events_by_merchant ON payment_events (provider, provider_created_at)")
    message = "is on provider, provider_created_at and should be on merchant_id, provider_created_at descending"
    with pytest.raises(DeploymentError, match=message):
        actions(dsn)


def test_a_column_beside_the_contract_is_left_alone(dsn: SecretStr, database: Database) -> None:
    actions(dsn)
    database.execute("ALTER TABLE payment_events ADD COLUMN note text")
    assert actions(dsn) == [("unchanged", "")]


def test_rows_that_lack_what_is_to_be_required_are_told_without_their_values(
    dsn: SecretStr, database: Database
) -> None:
    made_by_the_service(database)
    database.execute("INSERT INTO payment_events (event_id) VALUES ('secret')")
    with pytest.raises(DeploymentError, match=r"provider required: .*contains null values") as failure:
        actions(dsn)
    assert "secret" not in str(failure.value)


def test_a_table_in_use_is_waited_for_and_then_told(
    dsn: SecretStr, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    actions(dsn)
    database.execute("ALTER TABLE payment_events DROP COLUMN card_brand")
    monkeypatch.setattr(deployment, "_LOCK_TIMEOUT", "50ms")
    with database.transaction():
        database.execute("SELECT count(*) FROM payment_events")
        with pytest.raises(UnavailableError, match="not done: added card_brand"):
            actions(dsn)
    assert actions(dsn) == [("updated", "added card_brand")]


def test_two_deployments_do_not_meet(dsn: SecretStr, database: Database) -> None:
    database.execute("SELECT pg_advisory_lock(%s)", [deployment._DEPLOYMENT_LOCK])
    with pytest.raises(UnavailableError, match="Another deployment"):
        list(apply_database(dsn, (PAYMENT_EVENTS,), patience=0.1))


def test_a_wrong_password_is_an_error_that_does_not_show_it(dsn: SecretStr) -> None:
    scheme, _, rest = dsn.get_secret_value().partition("://")
    user, _, place = rest.partition("@")
    wrong = SecretStr(f"{scheme}://{user.split(':')[0]}:not_this_one@{place}")
    with pytest.raises(DeploymentError, match="refuses the login") as failure:
        list(apply_database(wrong, (PAYMENT_EVENTS,)))
    assert "not_this_one" not in str(failure.value)


def test_a_database_that_is_away_is_told_as_such() -> None:
    away = SecretStr("postgresql://payments:secret@127.0.0.1:9/payments")
    with pytest.raises(UnavailableError, match="does not answer") as failure:
        list(apply_database(away, (PAYMENT_EVENTS,), patience=0.1))
    assert "secret" not in str(failure.value)
