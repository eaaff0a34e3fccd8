"""From webhooks to retry advice: the same reason gets the same advice at both providers, the model there or away."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from inference.retry import advise
from orchestrator import scoring
from payments_contracts.normalize import Normalized, normalize
from payments_contracts.pins.orchestrator import PaymentEvent
from payments_contracts.retry import RULES
from payments_contracts.topics import NORMALIZED

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def stripe(error: dict[str, str], *, brand: str = "visa", **changes: object) -> PaymentEvent:
    intent: dict[str, object] = {
        "id": "pi_advice",
        "object": "payment_intent",
        "amount": 4200,
        "amount_received": 0,
        "currency": "eur",
        "status": "requires_payment_method",
        "payment_method_types": ["card"],
        "last_payment_error": {
            "type": "card_error",
            "payment_method": {"id": "pm_1", "object": "payment_method", "type": "card", "card": {"brand": brand}},
            **error,
        },
    }
    body = {
        "id": "evt_advice",
        "object": "event",
        "type": "payment_intent.payment_failed",
        "created": int(NOON.timestamp()),
        "api_version": "2025-06-30.basil",
        "livemode": True,
        "data": {"object": intent},
    }
    return unified("stripe", body | changes)


def square(code: str) -> PaymentEvent:
    payment = {
        "id": "sq-advice",
        "status": "FAILED",
        "version": 3,
        "amount_money": {"amount": 4200, "currency": "EUR"},
        "total_money": {"amount": 4200, "currency": "EUR"},
        "source_type": "CARD",
        "card_details": {
            "status": "FAILED",
            "card": {"card_brand": "VISA", "last_4": "1111"},
            "errors": [{"category": "PAYMENT_METHOD_ERROR", "code": code}],
        },
    }
    body = {
        "merchant_id": "M-ADVICE",
        "type": "payment.updated",
        "event_id": "a7d7b1f2-5a4e-4f5d-9b4b-3a0d2c1e8f60",
        "created_at": NOON.isoformat().replace("+00:00", "Z"),
        "data": {"type": "payment", "id": "sq-advice", "object": {"payment": payment}},
    }
    return unified("square", body)


def unified(provider: str, body: dict[str, Any]) -> PaymentEvent:
    outcome = normalize(provider, json.dumps(body).encode(), "merch_1")
    assert isinstance(outcome, Normalized), outcome
    added = {"event_id": "e-1", "processed_at": NOON, "schema_version": NORMALIZED.version}
    return PaymentEvent.model_validate(outcome.event | added)


def advice(event: PaymentEvent, attempt: int | None = 1) -> tuple[str | None, int, int]:
    """Return action, wait and attempts in all, which model and fallback agree on: it is noon, and no night is near."""
    counted = None if attempt is None else scoring.Attempt(attempt, "history")
    away, there = scoring.fallback_advice(event, counted), advise(scoring.retry_request(event, counted))
    assert away.should_retry is (away.action == "retry")
    assert (away.action, away.max_attempts, away.reason) == (there.action, there.max_attempts, there.reason)
    return away.action, away.delay_seconds, away.max_attempts


@pytest.mark.parametrize(
    ("decline_code", "code", "category"),
    [
        ("insufficient_funds", "INSUFFICIENT_FUNDS", "insufficient_funds"),
        ("expired_card", "CARD_EXPIRED", "expired_card"),
        ("invalid_account", "INVALID_ACCOUNT", "invalid_account"),
        ("incorrect_cvc", "CVV_FAILURE", "invalid_card"),
        ("generic_decline", "GENERIC_DECLINE", "issuer_declined"),
        ("authentication_required", "CARD_DECLINED_VERIFICATION_REQUIRED", "authentication_required"),
    ],
)
def test_one_reason_gets_one_advice_at_both_providers(decline_code: str, code: str, category: str) -> None:
    events = stripe({"code": "card_declined", "decline_code": decline_code}), square(code)
    assert [event.failure_category for event in events] == [category] * 2
    for attempt in (None, 1, 2, 3, 4, 9):
        first, second = (advice(event, attempt) for event in events)
        assert first == second
    assert advice(events[0])[0] == RULES[category].action


@pytest.mark.parametrize(
    "event",
    [stripe({"code": "card_declined", "decline_code": "a_code_of_tomorrow"}), square("A_CODE_OF_TOMORROW")],
    ids=["stripe", "square"],
)
def test_a_code_that_nobody_knows_says_so_and_is_not_retried(event: PaymentEvent) -> None:
    assert event.failure_category == "unknown"
    assert advice(event) == ("stop", 0, 0)


@pytest.mark.parametrize(
    ("error", "brand", "action"),
    [
        ({"advice_code": "do_not_try_again"}, "visa", "stop"),
        ({"advice_code": "try_again_later"}, "visa", "retry"),
        ({"advice_code": "confirm_card_data"}, "visa", "new_method"),
        ({"network_advice_code": "03"}, "mastercard", "stop"),
        ({"network_advice_code": "02"}, "mastercard", "retry"),
        ({"network_advice_code": "03"}, "visa", "new_method"),
    ],
)
def test_what_provider_and_network_advise_beside_the_reason_counts(
    error: dict[str, str], brand: str, action: str
) -> None:
    event = stripe({"code": "card_declined", "decline_code": "insufficient_funds"} | error, brand=brand)
    assert advice(event)[0] == action


def test_a_canceled_payment_gets_no_advice_whatever_failed_before() -> None:
    failed = stripe({"code": "card_declined", "decline_code": "insufficient_funds"})
    assert scoring.needs_advice(failed)
    canceled = failed.model_copy(
        update={"event_type": "payment.canceled", "status": "canceled", "cancellation_reason": "abandoned"}
    )
    assert not scoring.needs_advice(canceled)
    assert not scoring.needs_attempt(canceled)
