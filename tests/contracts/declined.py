"""A payment that failed for a reason, as each provider tells of it: the unified event that its webhook becomes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from payments_contracts.normalize import Normalized, normalize
from payments_contracts.pins.orchestrator import PaymentEvent
from payments_contracts.topics import NORMALIZED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND = int(NOON.timestamp())
TEXT = NOON.isoformat().replace("+00:00", "Z")
# Codes of Stripe's that come without a decline code.
GENERAL = {
    "payment_method_customer_decline",
    "payment_method_unactivated",
    "three_d_secure_authentication_upstream_error",
}


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
        "created": SECOND,
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
        "created_at": TEXT,
        "data": {"type": "payment", "id": "sq-advice", "object": {"payment": payment}},
    }
    return unified("square", body)


def unified(provider: str, body: dict[str, Any], event_id: str = "", event_type: str = "") -> PaymentEvent:
    outcome = normalize(provider, json.dumps(body).encode(), "merch_1", event_id, event_type, livemode=True)
    assert isinstance(outcome, Normalized), outcome
    added = {"event_id": "e-1", "processed_at": NOON, "schema_version": NORMALIZED.version}
    return PaymentEvent.model_validate(outcome.event | added)


def adyen(reason: str, **additional: str) -> PaymentEvent:
    item = {
        "pspReference": "KZ8QBT6VXTXR9002",
        "merchantAccountCode": "ExampleCOM",
        "eventCode": "AUTHORISATION",
        "success": "false",
        "eventDate": TEXT,
        "paymentMethod": "visa",
        "reason": reason,
        "amount": {"value": 4200, "currency": "EUR"},
        "additionalData": additional,
    }
    body = {"live": "true", "notificationItems": [{"NotificationRequestItem": item}]}
    return unified("adyen", body, "KZ8QBT6VXTXR9002:AUTHORISATION:false", "AUTHORISATION:false")


def paypal(code: str, advice: str | None = None) -> PaymentEvent:
    # The reasons of PayPal's own are in words, and the processor's codes are not.
    told = {"status_details": {"reason": code}} if "_" in code else {"processor_response": {"response_code": code}}
    if advice is not None:
        told["processor_response"]["payment_advice_code"] = advice
    amount = {"currency_code": "EUR", "value": "42.00"}
    body = {
        "id": "WH-ADVICE",
        "event_type": "PAYMENT.CAPTURE.DECLINED",
        "resource_version": "2.0",
        "create_time": TEXT,
        "resource": {"id": "pp-advice", "status": "DECLINED", "amount": amount, "create_time": TEXT} | told,
    }
    return unified("paypal", body)


def checkout(code: str, **processing: str) -> PaymentEvent:
    data = {
        "id": "pay_advice",
        "action_id": "act_advice",
        "amount": 4200,
        "currency": "EUR",
        "response_code": code,
        "processing": processing,
        "source": {"type": "card", "scheme": "Visa"},
    }
    body = {"id": "evt_advice", "type": "payment_declined", "version": "1.0.33", "created_on": TEXT, "data": data}
    return unified("checkout", body)


def razorpay(reason: str) -> PaymentEvent:
    payment = {
        "id": "pay_advice",
        "amount": 4200,
        "currency": "INR",
        "status": "failed",
        "method": "card",
        "amount_refunded": 0,
        "error_code": "BAD_REQUEST_ERROR",
        "error_reason": reason,
        "created_at": SECOND,
        "card": {"network": "Visa"},
    }
    body = {
        "entity": "event",
        "account_id": "acc_advice",
        "event": "payment.failed",
        "payload": {"payment": {"entity": payment}},
        "created_at": SECOND,
    }
    return unified("razorpay", body, "advice", "payment.failed")


def stripe_code(code: str) -> PaymentEvent:
    return stripe({"code": code} if code in GENERAL else {"code": "card_declined", "decline_code": code})


DECLINED: Mapping[str, Callable[[str], PaymentEvent]] = {
    "stripe": stripe_code,
    "square": square,
    "adyen": adyen,
    "paypal": paypal,
    "checkout": checkout,
    "razorpay": razorpay,
}
