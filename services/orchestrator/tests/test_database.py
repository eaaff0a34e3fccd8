"""What the store makes of Postgres' errors; the real server has its say in tests/integration."""

import asyncio
from typing import Any

import psycopg
import pytest
from kit.errors import Fault, PipelineError, Rejected, Transient
from orchestrator import scoring
from orchestrator.database import PostgresStore
from payments_contracts.pins.orchestrator import PaymentEvent, ScoredPayment
from psycopg import errors
from pydantic import SecretStr
from structlog.testing import capture_logs

AWAY = SecretStr("postgresql://payments:secret@127.0.0.1:9/payments")


@pytest.fixture
def payment(make_event: Any) -> ScoredPayment:
    event: PaymentEvent = make_event()
    return scoring.scored_payment(
        event, [], scoring.Sourced(scoring.FALLBACK_SCORE, "fallback"), None, event.processed_at
    )


async def test_a_database_that_is_away_is_transient(payment: ScoredPayment) -> None:
    store = PostgresStore(AWAY)
    with pytest.raises(Transient, match="away") as failure:
        await store.put(payment)
    assert "secret" not in str(failure.value)
    await store.close()


async def test_all_who_wait_for_a_database_that_is_away_are_told_by_one_attempt(
    payment: ScoredPayment, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts = 0

    async def connect(*_: object, **__: object) -> None:
        nonlocal attempts
        attempts += 1
        await asyncio.sleep(0)
        raise psycopg.OperationalError("away")

    monkeypatch.setattr("orchestrator.database.AsyncConnection.connect", connect)
    store = PostgresStore(AWAY)
    told = await asyncio.gather(*(store.put(payment) for _ in range(20)), return_exceptions=True)
    assert [type(each) for each in told] == [Transient] * 20
    assert attempts == 1


async def test_a_check_of_a_database_that_is_away_is_left_for_later() -> None:
    store = PostgresStore(AWAY)
    with capture_logs() as lines:
        await store.check()
    assert [line["event"] for line in lines] == ["table_not_checked"]
    await store.close()


@pytest.mark.parametrize(
    ("codes", "family"),
    [
        (["22P02", "22P05", "22021", "22003", "22008", "23505", "23514", "54000", "54001"], Rejected),
        (["08006", "40001", "40P01", "53100", "53200", "53300", "57014", "57P01", "57P03", "25006"], Transient),
        (["42P01", "42703", "42501", "42804", "0A000", "XX000"], Fault),
    ],
)
def test_an_error_of_postgres_belongs_to_the_family_of_its_class(codes: list[str], family: type[PipelineError]) -> None:
    for code in codes:
        failure = PostgresStore(AWAY)._failure(errors.lookup(code)("Key (event_id)=(secret) exists"))
        assert type(failure) is family, code
        assert code in str(failure)
        assert "secret" not in str(failure)


@pytest.mark.parametrize(
    ("error", "family"),
    [
        (psycopg.OperationalError("the connection is closed"), Transient),
        (psycopg.InterfaceError("the connection is closed"), Transient),
        (psycopg.ProgrammingError("the query has 3 placeholders"), Fault),
    ],
)
def test_an_error_of_the_driver_is_of_the_moment_or_a_defect(error: psycopg.Error, family: type[PipelineError]) -> None:
    assert type(PostgresStore(AWAY)._failure(error)) is family
