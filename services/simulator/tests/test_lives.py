"""Lives of payments: what is told of one payment fits together, and the books say what it comes to."""

import random
from collections import defaultdict
from datetime import UTC, datetime

import orjson
import pytest
from payments_contracts import normalize
from payments_contracts.examples import EXAMPLES
from payments_contracts.lifecycles import LIVES, Life
from payments_contracts.providers import PROVIDERS
from simulator.lives import choose, span
from simulator.mix import Kind, parse_mix
from simulator.places import find
from simulator.settings import EndpointSecret
from simulator.webhooks import Plan, Webhook, compose

NOW = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC)
WHOSE = sorted({life.provider for life in LIVES})


def run(provider: str, count: int = 300, *, disorder: float = 0.3, repeats: float = 0.1) -> list[Webhook]:
    # One that is a secret in every encoding of keys.
    secret = EndpointSecret.model_validate({"id": "a", "secret": "0123456789abcdef", "merchant_id": "merch_endpoint"})
    plan = Plan("t1", count, 1, 5, 2, parse_mix("accepted=80,rejected=20"), 0.7, disorder, repeats)
    url = "https://example.com/webhooks"
    return list(compose(plan, PROVIDERS[provider], EXAMPLES, secret, NOW, notification_url=url, lives=LIVES))


def by_payment(webhooks: list[Webhook]) -> dict[str, list[Webhook]]:
    """Return the webhooks of each payment, in the order in which they are sent."""
    found: defaultdict[str, list[Webhook]] = defaultdict(list)
    for webhook in webhooks:
        if webhook.expectation is not None and webhook.expectation.payment is not None:
            found[webhook.expectation.payment.payment_id].append(webhook)
    return found


def step_of(webhook: Webhook) -> int:
    assert webhook.expectation is not None
    assert webhook.expectation.step is not None
    return webhook.expectation.step


def event_of(provider: str, webhook: Webhook) -> dict[str, object]:
    envelope, content = PROVIDERS[provider].envelope, orjson.loads(webhook.body)
    found_id, found_type = (
        str(find(content, source, webhook.headers)) for source in (envelope.event_id, envelope.event_type)
    )
    outcome = normalize.normalize(provider, webhook.body, webhook.entry.merchant_id, found_id, found_type)
    assert isinstance(outcome, normalize.Normalized), webhook.example
    return outcome.event


@pytest.mark.parametrize("provider", WHOSE)
def test_normalization_finds_of_each_webhook_what_the_books_say(provider: str) -> None:
    for webhook in run(provider):
        if webhook.kind is Kind.ACCEPTED:
            told = webhook.expectation
            assert told is not None
            event = event_of(provider, webhook)
            found = (event["event_type"], event["status"], event["amount_cents"], event["currency"])
            assert found == (told.event_type, told.status, told.amount_cents, told.currency), webhook.example


@pytest.mark.parametrize("provider", WHOSE)
def test_every_webhook_of_a_payment_names_it_and_no_two_payments_share_an_id(provider: str) -> None:
    payments = by_payment(run(provider))
    assert payments
    for payment_id, webhooks in payments.items():
        # An invoice need not name the payment of each attempt; what pays it does.
        naming = [each for each in webhooks if not (each.entry.expected_event_type or "").startswith("invoice.")]
        # A refund may name the capture alone, which has named the payment.
        named = {payment_id}
        for webhook in sorted(naming, key=step_of):
            assert any(each.encode() in webhook.body for each in named), webhook.example
            named.add(str(event_of(provider, webhook)["provider_object_id"]))
        assert len({webhook.entry.merchant_id for webhook in webhooks}) == 1


@pytest.mark.parametrize("provider", WHOSE)
def test_the_providers_clock_does_not_go_back(provider: str) -> None:
    created = PROVIDERS[provider].envelope.created_at
    for webhooks in by_payment(run(provider)).values():
        told = sorted(webhooks, key=step_of)
        times = [str(find(orjson.loads(each.body), created, each.headers)) for each in told]
        assert times == sorted(times)


@pytest.mark.parametrize("provider", WHOSE)
def test_in_order_is_in_order_and_nothing_is_sent_twice_unless_it_is_asked_for(provider: str) -> None:
    webhooks = run(provider, disorder=0, repeats=0)
    assert len({webhook.event_id for webhook in webhooks}) == len(webhooks) == 300
    assert all([*map(step_of, each)] == sorted(map(step_of, each)) for each in by_payment(webhooks).values())


@pytest.mark.parametrize("provider", WHOSE)
def test_out_of_order_and_twice_where_it_is_asked_for(provider: str) -> None:
    webhooks = run(provider, disorder=1, repeats=0.1)
    assert len(webhooks) == 300
    assert len({webhook.event_id for webhook in webhooks}) == 300 - 24
    payments = by_payment(webhooks).values()
    assert any([*map(step_of, each)] != sorted(map(step_of, each)) for each in payments)
    # What comes twice is the same webhook, with the same books.
    told: dict[str, Webhook] = {}
    for webhook in webhooks:
        first = told.setdefault(webhook.event_id, webhook)
        assert (first.body, first.expectation) == (webhook.body, webhook.expectation)


def test_the_books_add_up() -> None:
    for provider in WHOSE:
        for webhooks in by_payment(run(provider)).values():
            for webhook in webhooks:
                assert webhook.expectation is not None
                payment = webhook.expectation.payment
                assert payment is not None
                taken = payment.refunded_minor + payment.dispute_lost_minor + payment.reversed_minor + payment.fee_minor
                assert payment.net_minor == payment.captured_minor - taken
                assert payment.refunded_minor <= payment.captured_minor


def test_amounts_differ_between_two_tellings_of_a_life() -> None:
    asked = {
        each[-1].expectation.payment.asked_minor
        for each in by_payment(run("stripe")).values()
        if each[-1].example.startswith("canceled.") and each[-1].expectation and each[-1].expectation.payment
    }
    assert len(asked) > 1


def test_lives_are_told_in_turn_as_long_as_they_fit() -> None:
    dice = random.Random(1)  # noqa: S311  # not for secrets
    lives = [life for life in LIVES if life.provider == "stripe"]
    steps = sum(len(life.steps) for life in lives)
    assert sorted(life.name for life in choose(lives, steps, dice)) == sorted(life.name for life in lives)
    assert list(choose(lives, 0, dice)) == []
    assert {len(life.steps) for life in choose(lives, 1, dice)} == {1}


@pytest.mark.parametrize("life", LIVES, ids=lambda life: f"{life.provider} {life.name}")
def test_a_life_fits_into_the_days_of_a_run(life: Life) -> None:
    assert span(life, PROVIDERS[life.provider]) < 86_400
