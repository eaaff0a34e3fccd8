"""From webhooks to retry advice: the same reason gets the same advice at every provider, the model there or away."""

import pytest
from inference.retry import advise
from orchestrator import scoring
from payments_contracts.pins.orchestrator import PaymentEvent
from payments_contracts.retry import RULES

from tests.contracts.declined import DECLINED, adyen, checkout, paypal, stripe
from tests.contracts.spelling import ALIKE


def advice(event: PaymentEvent, attempt: int | None = 1) -> tuple[str | None, int, int]:
    """Return action, wait and attempts in all, which model and fallback agree on: it is noon, and no night is near."""
    counted = None if attempt is None else scoring.Attempt(attempt, "history")
    away, there = scoring.fallback_advice(event, counted), advise(scoring.retry_request(event, counted))
    assert away.should_retry is (away.action == "retry")
    assert (away.action, away.max_attempts, away.reason) == (there.action, there.max_attempts, there.reason)
    return away.action, away.delay_seconds, away.max_attempts


@pytest.mark.parametrize("reason", ALIKE)
def test_one_reason_gets_one_advice_at_every_provider(reason: str) -> None:
    category, codes = ALIKE[reason]
    events = [DECLINED[provider](code) for provider, those in codes.items() for code in those]
    assert {(event.provider, event.failure_code, event.failure_category) for event in events} == {
        (provider, code, category) for provider, those in codes.items() for code in those
    }
    for attempt in (None, 1, 2, 3, 4, 9):
        assert len({advice(event, attempt) for event in events}) == 1
    assert advice(events[0])[0] == RULES[category].action


@pytest.mark.parametrize("provider", DECLINED)
def test_a_code_that_nobody_knows_says_so_and_is_not_retried(provider: str) -> None:
    event = DECLINED[provider]("A_CODE_OF_TOMORROW")
    assert event.failure_category == "unknown"
    assert advice(event) == ("stop", 0, 0)


# Beside a reason for which it would be tried again.
@pytest.mark.parametrize(
    "event",
    [
        stripe({"code": "card_declined", "decline_code": "insufficient_funds", "advice_code": "do_not_try_again"}),
        adyen("Not enough balance", merchantAdviceCode="03 : Do not try again"),
        adyen("Not enough balance", merchantAdviceCode="21"),
        paypal("5120", "03"),
        paypal("5120", "21"),
        checkout("20051", recommendation_code="03"),
        checkout("20051", partner_merchant_advice_code="03"),
        checkout("20051", partner_merchant_advice_code="21"),
    ],
    ids=lambda event: f"{event.provider} {event.advice_code} {event.network_advice_code}",
)
def test_a_word_against_another_attempt_wins_at_every_provider(event: PaymentEvent) -> None:
    assert event.failure_category == "do_not_retry"
    assert advice(event) == ("stop", 0, 0)


@pytest.mark.parametrize(
    ("said", "recommended", "action"),
    [("confirm_card_data", "01", "new_method"), ("try_again_later", "02", "retry"), ("do_not_try_again", "03", "stop")],
)
def test_what_stripe_and_checkout_advise_beside_the_reason_counts_alike(
    said: str, recommended: str, action: str
) -> None:
    events = [
        stripe({"code": "card_declined", "decline_code": "insufficient_funds", "advice_code": said}),
        checkout("20051", recommendation_code=recommended),
    ]
    assert len({event.failure_category for event in events}) == 1
    assert {advice(event) for event in events} == {advice(events[0])}
    assert advice(events[0])[0] == action


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
