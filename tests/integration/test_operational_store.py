"""Rows of scored payments in the real Postgres: what it holds, what it refuses, and what becomes of either."""

import asyncio
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from kit.errors import Fault, Rejected, Transient
from operations.database import apply_database
from orchestrator.database import PostgresStore
from payments_contracts.database import PAYMENT_EVENTS, TABLES
from payments_contracts.normalize import Normalized, normalize
from payments_contracts.pins.orchestrator import ScoredPayment
from prometheus_client import REGISTRY
from pydantic import SecretStr

from tests.integration.operational import address, database, dsn, incompressible, mended, models, payment, store

__all__ = ["address", "database", "dsn", "store"]

pytestmark = pytest.mark.integration

Database = psycopg.Connection[dict[str, Any]]


def count(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"{name}_total", labels) or 0


def rows(database: Database) -> list[dict[str, Any]]:
    return database.execute("SELECT * FROM payment_events").fetchall()


async def test_a_row_holds_the_payment_column_by_column(store: PostgresStore, database: Database) -> None:
    written = payment()
    await store.put(written)
    assert rows(database) == [written.model_dump()]


async def test_an_event_that_is_processed_twice_keeps_its_first_score(store: PostgresStore, database: Database) -> None:
    first = payment(fraud_score=0.9)
    before = count("orchestrator_database_rows", outcome="unchanged")
    await store.put(first)
    await store.put(first.model_copy(update={"fraud_score": 0.1}))
    assert [row["fraud_score"] for row in rows(database)] == [0.9]
    assert count("orchestrator_database_rows", outcome="unchanged") == before + 1


async def test_a_webhook_with_nul_in_its_metadata_is_stored_mended_and_counted(
    store: PostgresStore, database: Database
) -> None:
    body = (
        b'{"id": "evt_nul", "object": "event", "api_version": "2025-06-30.basil", "created": 1767607290,'
        b' "type": "payment_intent.succeeded", "livemode": true, "data": {"object": {"id": "pi_nul",'
        b' "object": "payment_intent", "amount": 1000, "currency": "usd", "status": "succeeded", "livemode": true,'
        b' "metadata": {"order_id": "before\\u0000after"}}}}'
    )
    outcome = normalize("stripe", body, "merch_1")
    assert isinstance(outcome, Normalized)
    before = count("orchestrator_database_rows_mended")
    await store.put(payment(**outcome.event))
    (row,) = rows(database)
    assert row["metadata"]["metadata.order_id"] == "before\ufffdafter"
    assert count("orchestrator_database_rows_mended") == before + 1


async def test_nul_is_mended_in_texts_keys_and_nested_values(store: PostgresStore, database: Database) -> None:
    await store.put(
        payment(failure_message="a\x00b", metadata={"k\x00": "v\x00", "\\u0000": "kept"}, rule_violations=["r\x00"])
    )
    (row,) = rows(database)
    assert row["failure_message"] == "a\ufffdb"
    assert row["metadata"] == {"k\ufffd": "v\ufffd", "\\u0000": "kept"}
    assert row["rule_violations"] == ["r\ufffd"]


async def test_a_merchant_too_long_for_the_index_is_rejected_by_name_and_the_next_row_is_stored(
    store: PostgresStore, database: Database
) -> None:
    before = count("orchestrator_database_rows_rejected")
    with pytest.raises(Rejected, match=r"SQLSTATE 54000 at payment_events_by_merchant") as failure:
        await store.put(payment(merchant_id=incompressible(1_200)))
    assert failure.value.__cause__ is None
    assert count("orchestrator_database_rows_rejected") == before + 1
    await store.put(payment())
    assert len(rows(database)) == 1


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(written=models(ScoredPayment))
def test_whatever_the_contract_allows_is_stored_or_rejected(
    address: SecretStr, database: Database, written: ScoredPayment
) -> None:
    database.execute("TRUNCATE payment_events")

    async def put() -> bool:
        store = PostgresStore(address)
        try:
            await store.put(written)
        except Rejected:
            return False
        finally:
            await store.close()
        return True

    stored = asyncio.run(put())
    held = rows(database)
    assert len(held) == stored
    dumped = written.model_dump()
    mended_keys = [mended(key) for key in dumped["metadata"]]
    for row in held:
        if len(set(mended_keys)) == len(mended_keys):
            assert mended(row) == mended(dumped)
        assert len(row["metadata"]) == len(dumped["metadata"])


async def test_all_rows_share_one_prepared_statement_whichever_columns_are_null(store: PostgresStore) -> None:
    await store.put(payment())
    await store.put(payment(customer_id=None, attempt_number=None, retry_strategy=None))
    await store.put(payment(amount_cents=2**62, card_brand=None))
    connection = store._connection
    assert connection is not None
    cursor = await connection.execute("SELECT statement FROM pg_prepared_statements")
    assert [text for (text,) in await cursor.fetchall() if text.startswith("INSERT")] == [PAYMENT_EVENTS.insert]


async def test_a_missing_table_is_a_fault_that_names_the_remedy(dsn: SecretStr) -> None:
    with pytest.raises(Fault, match="no table payment_events: run `payments database apply`"):
        await PostgresStore(dsn).check()


async def test_a_missing_column_is_a_fault_that_names_it_and_the_store_changes_no_table(
    address: SecretStr, database: Database
) -> None:
    database.execute("ALTER TABLE payment_events DROP COLUMN card_brand")
    store = PostgresStore(address)
    with pytest.raises(Fault, match="lacks card_brand: run `payments database apply`"):
        await store.check()
    with pytest.raises(Fault, match="card_brand"):
        await store.put(payment())
    list(apply_database(address, TABLES))
    await store.put(payment())
    assert [row["card_brand"] for row in rows(database)] == ["visa"]
    await store.close()


async def test_a_column_that_goes_while_rows_are_written_is_a_fault(store: PostgresStore, database: Database) -> None:
    await store.put(payment())
    database.execute("ALTER TABLE payment_events DROP COLUMN card_brand")
    with pytest.raises(Fault, match="payments database apply"):
        await store.put(payment())


async def test_a_column_of_others_that_must_have_a_value_is_not_a_fault_of_the_row(
    store: PostgresStore, database: Database
) -> None:
    database.execute("ALTER TABLE payment_events ADD COLUMN region text NOT NULL")
    with pytest.raises(Fault, match="region of payment_events must have a value and is not in the contract"):
        await store.put(payment())


async def test_a_connection_that_is_ended_is_transient_and_made_again(store: PostgresStore, database: Database) -> None:
    await store.put(payment())
    assert store._connection is not None
    ended = store._connection.info.backend_pid
    database.execute("SELECT pg_terminate_backend(%s)", [ended])
    with pytest.raises(Transient):
        await store.put(payment())
    await store.put(payment())
    assert len(rows(database)) == 2


async def test_rows_put_at_once_are_each_stored_over_one_connection(store: PostgresStore, database: Database) -> None:
    await asyncio.gather(*(store.put(payment()) for _ in range(50)))
    assert len(rows(database)) == 50
