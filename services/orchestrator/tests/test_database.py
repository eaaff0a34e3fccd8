from typing import Any

import pytest
from kit.errors import Fault, Transient
from orchestrator import scoring
from orchestrator.database import PostgresStore, _column_type, _columns
from payments_contracts.records import PaymentEventV2, ScoredPaymentV2
from pydantic import SecretStr


def test_every_column_of_the_contract_has_a_type() -> None:
    columns = _columns()
    assert columns.keys() == ScoredPaymentV2.model_fields.keys()
    assert {name: columns[name] for name in ("event_id", "amount_cents", "customer_id", "fraud_score", "status")} == {
        "event_id": "text",
        "amount_cents": "bigint",
        "customer_id": "text",
        "fraud_score": "double precision",
        "status": "text",
    }
    assert {columns[name] for name in ("provider_created_at", "processed_at", "scored_at")} == {"timestamptz"}
    assert {columns[name] for name in ("metadata", "rule_violations", "retry_strategy")} == {"jsonb"}


def test_a_type_that_it_does_not_know_is_a_fault() -> None:
    with pytest.raises(Fault, match="complex"):
        _column_type(complex)


async def test_a_database_that_is_away_is_transient(make_event: Any) -> None:
    event: PaymentEventV2 = make_event()
    payment = scoring.scored_payment(
        event, [], scoring.Sourced(scoring.FALLBACK_SCORE, "fallback"), None, event.processed_at
    )
    store = PostgresStore(SecretStr("postgresql://payments:secret@127.0.0.1:9/payments"))
    with pytest.raises(Transient, match="away") as failure:
        await store.put(payment)
    assert "secret" not in str(failure.value)
    await store.close()
