"""An event as the normalizer makes it."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from payments_contracts.pins.orchestrator import PaymentEvent
from payments_contracts.topics import NORMALIZED


@pytest.fixture
def make_event() -> Callable[..., PaymentEvent]:
    """Make an event; arguments replace its plain values."""

    def make(**changes: object) -> PaymentEvent:
        noon = datetime(2025, 3, 1, 12, tzinfo=UTC)
        plain: dict[str, object] = {
            "event_id": "5f0c3a52-9d1e-5c0b-8a57-2f4e9b7d1c60",
            "provider": "stripe",
            "provider_event_id": "evt_1",
            "event_type": "payment.succeeded",
            "merchant_id": "merch_1",
            "customer_id": "cus_1",
            "amount_cents": 5_000,
            "currency": "USD",
            "payment_method_type": "card",
            "card_brand": "visa",
            "card_last_four": "4242",
            "status": "succeeded",
            "failure_code": None,
            "failure_message": None,
            "metadata": {"livemode": "false"},
            "provider_created_at": noon,
            "processed_at": noon,
            "schema_version": NORMALIZED.consumers["orchestrator"],
            "currency_exponent": 2,
            "provider_object_id": "pi_1",
            "attempt_number": None,
            "related_payment_id": None,
        }
        return PaymentEvent.model_validate(plain | changes)

    return make
