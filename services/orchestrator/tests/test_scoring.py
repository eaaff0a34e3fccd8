from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from orchestrator import scoring
from orchestrator.inquiries import Customer
from payments_contracts.inference import FraudScore, RetryStrategyResponse
from payments_contracts.pins.orchestrator import PaymentEvent, ScoredPayment

MakeEvent = Callable[..., PaymentEvent]
LATER = datetime(2025, 3, 1, 12, 0, 1, 234567, tzinfo=UTC)
SCORE = FraudScore(score=0.12, risk_level="low")
ADVICE = RetryStrategyResponse(should_retry=True, delay_seconds=60, max_attempts=3)


def test_the_row_keeps_every_column_of_the_event(make_event: MakeEvent) -> None:
    event = make_event()
    row = scoring.scored_payment(event, [], scoring.Sourced(SCORE, "model"), None, LATER)
    kept = row.model_dump(include=set(PaymentEvent.model_fields))
    assert kept == event.model_dump()


def test_the_row_has_every_column_of_the_contract(make_event: MakeEvent) -> None:
    row = scoring.scored_payment(
        make_event(status="failed", failure_code="expired_card"),
        ["merchant_blocked"],
        scoring.Sourced(SCORE, "model"),
        scoring.Sourced(ADVICE, "fallback"),
        LATER,
        attempt=scoring.Attempt(3, "provider"),
        undecided=["merchant_not_active"],
    )
    assert row.model_fields_set == set(ScoredPayment.model_fields)
    added = row.model_dump(exclude=set(PaymentEvent.model_fields))
    assert added == {
        "rule_violations": ["merchant_blocked"],
        "fraud_score": 0.12,
        "fraud_risk_level": "low",
        "fraud_score_source": "model",
        "retry_strategy": {"should_retry": True, "delay_seconds": 60, "max_attempts": 3},
        "retry_strategy_source": "fallback",
        "attempt": 3,
        "attempt_source": "provider",
        "retry_action": "retry",
        "rules_undecided": ["merchant_not_active"],
        "scored_at": LATER.replace(microsecond=234000),
    }


@pytest.mark.parametrize(("version", "undecided"), [(1, None), (2, None), (3, ["merchant_not_active"])])
def test_an_event_of_an_earlier_version_fills_no_later_column(
    make_event: MakeEvent, version: int, undecided: list[str] | None
) -> None:
    event = make_event(schema_version=version)
    row = scoring.scored_payment(event, [], None, None, LATER, undecided=["merchant_not_active"])
    assert row.rules_undecided == undecided


def test_the_model_is_told_what_is_known_of_the_customer(make_event: MakeEvent) -> None:
    request = scoring.fraud_request(make_event())
    assert scoring.with_customer(request, None) == request
    assert (request.customer_history_flags, request.customer_payments_last_hour) == ([], None)
    told = scoring.with_customer(request, Customer(("previous_dispute",), 3, 1))
    assert told.model_dump(exclude_defaults=True) == request.model_dump(exclude_defaults=True) | {
        "customer_history_flags": ["previous_dispute"],
        "customer_payments_last_hour": 3,
        "previous_attempts": 1,
    }


def test_a_payment_that_did_not_fail_has_no_advice(make_event: MakeEvent) -> None:
    row = scoring.scored_payment(make_event(), [], scoring.Sourced(SCORE, "model"), None, LATER)
    assert (row.retry_strategy, row.retry_strategy_source) == (None, None)


@pytest.mark.parametrize("status", ["pending", "requires_action", "processing", "authorized", "succeeded", "canceled"])
def test_only_a_failed_payment_needs_advice(make_event: MakeEvent, status: str) -> None:
    assert not scoring.needs_advice(make_event(status=status))
    assert scoring.needs_advice(make_event(status="failed"))


@pytest.mark.parametrize(
    ("event_type", "status"),
    [("setup.failed", "failed"), ("refund.failed", "failed"), ("dispute.closed", "lost"), ("payout.failed", "failed")],
)
def test_what_is_not_a_payment_is_neither_scored_nor_advised_on(
    make_event: MakeEvent, event_type: str, status: str
) -> None:
    event = make_event(event_type=event_type, status=status)
    assert not scoring.needs_score(event)
    assert not scoring.needs_advice(event)
    assert scoring.needs_score(make_event())


def test_a_row_without_a_score_says_so(make_event: MakeEvent) -> None:
    row = scoring.scored_payment(make_event(event_type="payout.paid"), [], None, None, LATER)
    assert (row.fraud_score, row.fraud_risk_level, row.fraud_score_source) == (0.0, "low", "not_scored")


@pytest.mark.parametrize(
    ("event_type", "related", "version", "scored"),
    [
        ("charge.failed", None, 3, True),
        ("charge.failed", None, 2, True),
        ("charge.failed", "pi_1", 3, False),
        ("charge.failed", None, 1, False),
        ("payment.failed", None, 1, True),
    ],
)
def test_a_charge_that_belongs_to_no_payment_is_one(
    make_event: MakeEvent, event_type: str, related: str | None, version: int, *, scored: bool
) -> None:
    event = make_event(event_type=event_type, status="failed", related_payment_id=related, schema_version=version)
    assert scoring.needs_score(event) is scored
    assert scoring.needs_advice(event) is scored


@pytest.mark.parametrize("change", [{"currency": "XXX", "amount_cents": 0}, {"amount_cents": -5}])
def test_what_has_no_amount_to_charge_is_not_scored(make_event: MakeEvent, change: dict[str, object]) -> None:
    assert not scoring.needs_score(make_event(**change))


def test_a_payment_of_zero_and_one_of_a_test_are_scored(make_event: MakeEvent) -> None:
    assert scoring.fraud_request(make_event(amount_cents=0, livemode=False)).amount_cents == 0
    assert scoring.needs_score(make_event(amount_cents=0, livemode=False))


@pytest.mark.parametrize(
    ("event_type", "status", "needed"),
    [
        ("payment.failed", "failed", True),
        ("payment.canceled", "canceled", False),
        ("payment.succeeded", "succeeded", False),
        ("invoice.payment_failed", "open", True),
        ("invoice.paid", "paid", False),
        ("setup.failed", "failed", False),
        ("refund.failed", "failed", False),
    ],
)
def test_attempts_are_counted_where_one_at_a_payment_or_invoice_has_failed(
    make_event: MakeEvent, event_type: str, status: str, *, needed: bool
) -> None:
    assert scoring.needs_attempt(make_event(event_type=event_type, status=status)) is needed


@pytest.mark.parametrize("version", [1, 2])
def test_the_row_of_an_earlier_version_needs_no_column_of_a_later_one(make_event: MakeEvent, version: int) -> None:
    event = make_event(event_type="payment.failed", status="failed", attempt_number=2, schema_version=version)
    assert scoring.needs_advice(event)
    assert not scoring.needs_attempt(event)
    advice = scoring.Sourced(scoring.fallback_advice(event, None), "fallback")
    row = scoring.scored_payment(event, [], scoring.Sourced(SCORE, "model"), advice, LATER)
    assert row.retry_strategy is not None
    assert not row.retry_strategy.should_retry
    assert (row.attempt, row.attempt_source, row.retry_action) == (None, None, None)


@pytest.mark.parametrize(
    ("told", "attempt"),
    [(None, None), (0, None), (1, scoring.Attempt(1, "provider")), (4, scoring.Attempt(4, "provider"))],
)
def test_the_provider_may_tell_the_attempt(
    make_event: MakeEvent, told: int | None, attempt: scoring.Attempt | None
) -> None:
    assert scoring.told_attempt(make_event(status="failed", attempt_number=told)) == attempt


@pytest.mark.parametrize(("attempt", "count"), [(None, None), (scoring.Attempt(3, "history"), 3)])
def test_the_model_is_told_the_attempt_and_never_a_guess(
    make_event: MakeEvent, attempt: scoring.Attempt | None, count: int | None
) -> None:
    event = make_event(
        status="failed", failure_category="issuer_declined", advice_code="try_again_later", network_advice_code="02"
    )
    request = scoring.retry_request(event, attempt)
    assert request.attempt_count == count
    assert request.failure_category == "issuer_declined"
    assert (request.advice_code, request.network_advice_code) == ("try_again_later", "02")


@pytest.mark.parametrize(
    ("changes", "attempt", "told"),
    [
        ({"failure_category": "insufficient_funds"}, 1, (True, 86_400, 4, "retry")),
        ({"failure_category": "insufficient_funds"}, 4, (False, 0, 4, "stop")),
        ({"failure_category": "insufficient_funds"}, None, (True, 432_000, 4, "retry")),
        ({"failure_category": "insufficient_funds", "advice_code": "do_not_try_again"}, 1, (False, 0, 0, "stop")),
        ({"failure_category": "expired_card"}, 1, (False, 0, 0, "new_method")),
        ({"failure_category": "authentication_required"}, 1, (False, 0, 0, "customer")),
        ({"failure_category": "unknown"}, 1, (False, 0, 0, "stop")),
        ({"failure_category": None}, 1, (False, 0, 0, "stop")),
    ],
)
def test_without_the_model_the_table_of_the_contract_advises(
    make_event: MakeEvent, changes: dict[str, object], attempt: int | None, told: tuple[bool, int, int, str]
) -> None:
    event = make_event(status="failed", **changes)
    counted = None if attempt is None else scoring.Attempt(attempt, "history")
    advice = scoring.fallback_advice(event, counted)
    assert (advice.should_retry, advice.delay_seconds, advice.max_attempts, advice.action) == told
    assert advice.reason


@pytest.mark.parametrize(
    ("advice", "action"),
    [
        (ADVICE, "retry"),
        (ADVICE.model_copy(update={"should_retry": False}), "stop"),
        (ADVICE.model_copy(update={"should_retry": False, "action": "customer"}), "customer"),
    ],
)
def test_the_row_says_what_is_asked_for_and_which_attempt_it_is_about(
    make_event: MakeEvent, advice: RetryStrategyResponse, action: str
) -> None:
    row = scoring.scored_payment(
        make_event(status="failed"),
        [],
        scoring.Sourced(SCORE, "model"),
        scoring.Sourced(advice, "model"),
        LATER,
        attempt=scoring.Attempt(2, "history"),
    )
    assert (row.attempt, row.attempt_source, row.retry_action) == (2, "history", action)


def test_the_models_see_when_it_happened_and_no_card_number(make_event: MakeEvent) -> None:
    event = make_event(status="failed", failure_code="expired_card")
    fraud, retry = scoring.fraud_request(event), scoring.retry_request(event, None)
    assert fraud.occurred_at == retry.failed_at == event.provider_created_at
    assert "4242" not in fraud.model_dump_json() + retry.model_dump_json()
