"""What a run consists of, held against the contracts' own normalization."""

import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from payments_contracts import normalize
from payments_contracts.examples import EXAMPLES
from payments_contracts.identity import event_id, malformed_event_id
from payments_contracts.providers import PROVIDERS
from simulator.mix import Kind, parse_mix
from simulator.settings import EndpointSecret
from simulator.webhooks import Plan, Webhook, compose

STRIPE = PROVIDERS["stripe"]
URL = "https://example.com/webhooks"
SECRET = EndpointSecret.model_validate({"id": "a", "secret": "whsec_a", "merchant_id": "merch_endpoint"})
NOW = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC)
ALL_KINDS = "accepted=30,rejected=30,malformed=20,unsupported=10,forged=10"


def run(tag: str = "t1", *, count: int = 300, seed: int = 1, mix: str = ALL_KINDS) -> list[Webhook]:
    plan = Plan(tag, count, seed, merchants=5, days=3, mix=parse_mix(mix))
    return list(compose(plan, STRIPE, EXAMPLES, SECRET, NOW, notification_url=URL))


@pytest.fixture(scope="module")
def webhooks() -> list[Webhook]:
    # As many of each kind as there are examples of it, at least.
    return run(count=10 * max(Counter(each.kind for each in EXAMPLES if each.provider == "stripe").values()) // 3)


TOLD = ("event_type", "status", "amount_cents", "currency")


def told(webhook: Webhook) -> list[object]:
    return [getattr(webhook.expectation, name) for name in TOLD]


def of(webhooks: list[Webhook], *kinds: Kind) -> list[Webhook]:
    found = [webhook for webhook in webhooks if webhook.kind in kinds]
    assert found
    return found


def content(webhook: Webhook) -> dict[str, Any]:
    read: dict[str, Any] = orjson.loads(webhook.body)
    return read


def test_no_two_webhooks_are_the_same_event_or_body(webhooks: list[Webhook]) -> None:
    assert len({webhook.event_id for webhook in webhooks}) == len(webhooks)
    assert len({webhook.body for webhook in webhooks}) == len(webhooks)


def test_every_example_that_can_be_varied_is_used(webhooks: list[Webhook]) -> None:
    own = {example.name for example in EXAMPLES if example.provider == "stripe"}
    assert own - {webhook.example for webhook in webhooks} == {"malformed.blank"}


def test_the_event_id_is_the_one_that_the_contracts_define(webhooks: list[Webhook]) -> None:
    for webhook in of(webhooks, Kind.ACCEPTED, Kind.REJECTED, Kind.UNSUPPORTED, Kind.FORGED):
        read = content(webhook)
        assert webhook.event_id == event_id("stripe", read["account"], read["id"])
        assert (webhook.entry.provider_event_id, webhook.entry.account) == (read["id"], read["account"])
    for webhook in of(webhooks, Kind.MALFORMED):
        assert webhook.event_id == malformed_event_id(webhook.body)


def test_merchants_carry_the_runs_tag(webhooks: list[Webhook]) -> None:
    merchants = Counter(webhook.entry.merchant_id for webhook in webhooks if webhook.kind is not Kind.MALFORMED)
    assert set(merchants) == {f"acct_t1_{number:02d}" for number in range(5)}


def test_a_malformed_body_belongs_to_the_merchant_of_the_secret(webhooks: list[Webhook]) -> None:
    assert {webhook.entry.merchant_id for webhook in of(webhooks, Kind.MALFORMED)} == {"merch_endpoint"}


def test_normalization_finds_of_each_what_the_ledger_expects(webhooks: list[Webhook]) -> None:
    for webhook in of(webhooks, Kind.ACCEPTED, Kind.REJECTED, Kind.UNSUPPORTED):
        outcome = normalize.normalize("stripe", webhook.body, webhook.entry.merchant_id)
        match outcome:
            case normalize.Normalized(unified):
                found = (Kind.ACCEPTED, *(unified[name] for name in TOLD))
                assert (webhook.kind, *told(webhook)) == found, webhook.example
            case normalize.Rejected():
                codes = [rejection.code for rejection in outcome.rejections]
                assert (webhook.kind, webhook.entry.expected_reason_codes) == (Kind.REJECTED, codes), webhook.example
            case normalize.Unsupported():
                assert webhook.kind is Kind.UNSUPPORTED, webhook.example


def test_events_happened_within_the_last_days(webhooks: list[Webhook]) -> None:
    for webhook in of(webhooks, Kind.ACCEPTED):
        created = datetime.fromtimestamp(content(webhook)["created"], UTC)
        assert NOW - timedelta(days=3, seconds=1) <= created <= NOW


def test_amounts_and_object_ids_differ_between_webhooks(webhooks: list[Webhook]) -> None:
    payments = [content(webhook)["data"]["object"] for webhook in of(webhooks, Kind.ACCEPTED)]
    assert len({payment["id"] for payment in payments}) == len(payments)
    assert len({payment["amount"] for payment in payments if "amount" in payment}) > len(payments) / 5


def test_an_id_that_comes_twice_in_a_body_stays_the_same_id(webhooks: list[Webhook]) -> None:
    found = [
        content(each)["data"]["object"] for each in webhooks if each.example == "payment_intent.succeeded.2018-11-08"
    ]
    assert found
    for payment in found:
        assert payment["charges"]["data"][0]["payment_intent"] == payment["id"]


def test_every_way_to_forge_is_used_and_none_verifies(webhooks: list[Webhook]) -> None:
    at = int(NOW.timestamp())
    reasons = set()
    for webhook in of(webhooks, Kind.FORGED):
        header = webhook.sign(webhook.body, at, {}).headers.get("stripe-signature")
        assert (
            header is None
            or not re.fullmatch(rf"t={at},v1=[0-9a-f]{{64}}", header)
            or "mismatch" in str(webhook.answer_reason_code)
        )
        reasons.add(webhook.answer_reason_code)
    assert reasons == {"signature_mismatch", "signature_expired", "signature_missing", "signature_malformed"}


def test_equal_plans_give_equal_webhooks() -> None:
    assert [webhook.body for webhook in run()] == [webhook.body for webhook in run()]


def test_runs_with_different_tags_or_seeds_share_no_event() -> None:
    ids = [{webhook.event_id for webhook in each} for each in (run("a"), run("b"), run("a", seed=2))]
    assert not ids[0] & ids[1]
    assert not ids[0] & ids[2]


def test_refuses_events_that_are_older_than_the_contract_takes() -> None:
    aged = replace(STRIPE, envelope=replace(STRIPE.envelope, max_event_age_seconds=262_800))
    plan = Plan("t", 1, 1, 1, 3.05, parse_mix("accepted=1"))
    with pytest.raises(ValueError, match=r"the last 3.05 days are asked for, .* of stripe takes .* last 3.04 days"):
        next(compose(plan, aged, EXAMPLES, SECRET, NOW, notification_url=URL))


def test_composes_events_as_old_as_the_contract_takes() -> None:
    aged = replace(STRIPE, envelope=replace(STRIPE.envelope, max_event_age_seconds=86_400))
    plan = Plan("t", 1, 1, 1, 1, parse_mix("accepted=1"))
    assert len(list(compose(plan, aged, EXAMPLES, SECRET, NOW, notification_url=URL))) == 1


def test_refuses_a_kind_of_which_there_is_no_example() -> None:
    plan = Plan("t", 1, 1, 1, 1, parse_mix("rejected=1"))
    with pytest.raises(ValueError, match="no rejected example"):
        list(compose(plan, STRIPE, [], SECRET, NOW, notification_url=URL))
