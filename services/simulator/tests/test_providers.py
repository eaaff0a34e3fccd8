"""A run for any provider of the contracts: nothing here knows one by name."""

from datetime import UTC, datetime
from types import MappingProxyType

import orjson
import pytest
from payments_contracts import normalize
from payments_contracts.examples import EXAMPLES
from payments_contracts.identity import event_id, malformed_event_id
from payments_contracts.providers import PROVIDERS, Provider
from simulator.mix import Kind
from simulator.places import find
from simulator.settings import EndpointSecret
from simulator.webhooks import Plan, Webhook, compose

# One that is a secret in every encoding of keys.
SECRET = EndpointSecret.model_validate({"id": "a", "secret": "0123456789abcdef", "merchant_id": "merch_endpoint"})
NOW = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC)
URL = "https://example.com/webhooks"
MIX = MappingProxyType(dict.fromkeys(Kind, 1.0))


@pytest.fixture(scope="module", params=list(PROVIDERS.values()), ids=list(PROVIDERS))
def provider(request: pytest.FixtureRequest) -> Provider:
    found: Provider = request.param
    return found


@pytest.fixture(scope="module")
def webhooks(provider: Provider) -> list[Webhook]:
    plan = Plan("t1", 500, 1, merchants=5, days=3, mix=MIX)
    return list(compose(plan, provider, EXAMPLES, SECRET, NOW, notification_url=URL))


def test_no_two_webhooks_are_the_same_event_or_body(webhooks: list[Webhook]) -> None:
    assert len({webhook.event_id for webhook in webhooks}) == len(webhooks)
    assert len({webhook.body for webhook in webhooks}) == len(webhooks)


def test_the_event_id_is_the_one_that_the_contracts_define(provider: Provider, webhooks: list[Webhook]) -> None:
    for webhook in webhooks:
        if webhook.kind is Kind.MALFORMED:
            body = webhook.body if provider.signature.field is None else webhook.sign(webhook.body, 0, {}).body
            assert webhook.event_id == malformed_event_id(body)
        else:
            found = find(orjson.loads(webhook.body), provider.envelope.event_id, webhook.headers)
            assert webhook.event_id == event_id(provider.name, webhook.entry.account, found)


def test_normalization_finds_of_each_what_the_ledger_expects(provider: Provider, webhooks: list[Webhook]) -> None:
    for webhook in webhooks:
        if webhook.kind in {Kind.MALFORMED, Kind.FORGED}:
            continue
        content = orjson.loads(webhook.body)
        event_id_, event_type = (
            str(find(content, source, webhook.headers))
            for source in (provider.envelope.event_id, provider.envelope.event_type)
        )
        match normalize.normalize(provider.name, webhook.body, webhook.entry.merchant_id, event_id_, event_type):
            case normalize.Normalized(event):
                assert webhook.kind is Kind.ACCEPTED, webhook.example
                assert event["merchant_id"] == webhook.entry.merchant_id
            case normalize.Rejected(rejections):
                codes = [rejection.code for rejection in rejections]
                assert (webhook.kind, webhook.entry.expected_reason_codes) == (Kind.REJECTED, codes), webhook.example
            case normalize.Unsupported():
                assert webhook.kind is Kind.UNSUPPORTED, webhook.example


def test_a_forged_webhook_is_not_signed_as_a_genuine_one_would_be(webhooks: list[Webhook]) -> None:
    at = int(NOW.timestamp())
    genuine = next(webhook.sign for webhook in webhooks if webhook.kind is Kind.ACCEPTED)
    forged = [webhook for webhook in webhooks if webhook.kind is Kind.FORGED]
    assert forged
    for webhook in forged:
        assert webhook.sign(webhook.body, at, webhook.headers) != genuine(webhook.body, at, webhook.headers)
