"""Models of the HTTP APIs: nothing that a schema says is lost in them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from payments_contracts import inference
from pydantic import ValidationError

REQUEST = {
    "event_id": "e",
    "provider": "p",
    "merchant_id": "m",
    "event_type": "payment.failed",
    "status": "failed",
    "amount_cents": 1,
    "currency": "EUR",
    "occurred_at": datetime(2026, 1, 1, tzinfo=UTC),
}


def test_a_list_with_a_default_may_be_left_out_but_is_never_null() -> None:
    first, second = (inference.FraudScoreRequest.model_validate(REQUEST) for _ in range(2))
    assert first.customer_history_flags == []
    assert first.customer_history_flags is not second.customer_history_flags
    with pytest.raises(ValidationError) as caught:
        inference.FraudScoreRequest.model_validate(REQUEST | {"customer_history_flags": None})
    assert [each["type"] for each in caught.value.errors()] == ["list_type"]


def test_a_text_with_a_default_null_may_be_null() -> None:
    assert inference.FraudScoreRequest.model_validate(REQUEST | {"card_brand": None}).card_brand is None


def test_a_format_without_a_type_of_its_own_stands_in_the_models_schema() -> None:
    described = inference.Problem.model_json_schema()["properties"]["type"]
    assert (described["type"], described["format"]) == ("string", "uri-reference")
    assert inference.FraudScoreRequest.model_json_schema()["properties"]["occurred_at"]["format"] == "date-time"
