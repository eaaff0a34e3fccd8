"""What the gateway counts, and what it does not tell."""

from typing import Any

import pytest
from gateway.metrics import REASONS, GatewayMetrics
from prometheus_client import CollectorRegistry

BODY = b'{"id":"evt_1","type":"payment_intent.succeeded","created":1767607290,"account":"acct_9","data":{"object":{}}}'


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def metrics(registry: CollectorRegistry) -> GatewayMetrics:
    return GatewayMetrics("acme", registry)


async def test_metrics_tell_the_secret_by_its_id_and_hold_nothing_of_the_payload(gateway: Any) -> None:
    await gateway.post(BODY)
    text = (await gateway.client.get("/metrics")).text
    assert 'gateway_secret_uses_total{provider="stripe",secret_id="unit"} 1.0' in text
    assert 'gateway_acknowledgement_seconds_count{provider="stripe"} 1.0' in text
    assert "evt_1" not in text
    assert "acct_9" not in text


async def test_every_outcome_is_counted_by_its_reason(gateway: Any) -> None:
    await gateway.post(BODY)
    await gateway.post(b"{")
    await gateway.post(BODY, Stripe_Signature="t=1,v1=00")
    await gateway.post(b" " * 600_000)
    counted = {
        (sample.labels["outcome"], sample.labels["reason"]): sample.value
        for metric in gateway.registry.collect()
        for sample in metric.samples
        if sample.name == "gateway_webhooks_total"
    }
    assert {which: count for which, count in counted.items() if count} == {
        ("accepted", ""): 1,
        ("malformed", "not_json"): 1,
        ("forged", "signature_mismatch"): 1,
        ("refused", "body_too_large"): 1,
    }


def test_whatever_may_happen_is_there_from_the_start(metrics: GatewayMetrics, registry: CollectorRegistry) -> None:
    del metrics
    begun = {
        tuple(sample.labels[name] for name in ("outcome", "reason") if name in sample.labels): sample.value
        for metric in registry.collect()
        for sample in metric.samples
        if sample.name in {"gateway_webhooks_total", "gateway_secret_reloads_total", "gateway_key_fetches_total"}
    }
    webhooks = {(outcome, reason) for outcome, reasons in REASONS.items() for reason in reasons}
    assert begun == dict.fromkeys({*webhooks, ("taken",), ("refused",), ("fetched",), ("failed",)}, 0)
    # The first burst of either is seen to grow, too, and not to have been there.
    assert {("unavailable", "not_ready"), ("unavailable", "broker_unavailable"), ("failed", "defect")} <= webhooks


async def test_a_dead_letter_counts_as_a_use_of_the_secret_and_a_forgery_does_not(gateway: Any) -> None:
    await gateway.post(b"{")
    await gateway.post(BODY, Stripe_Signature="t=1,v1=00")
    uses = gateway.registry.get_sample_value("gateway_secret_uses_total", {"provider": "stripe", "secret_id": "unit"})
    assert uses == 1


@pytest.mark.parametrize("outcome", ["taken", "refused"])
def test_changes_of_the_secrets_are_counted(metrics: GatewayMetrics, registry: CollectorRegistry, outcome: str) -> None:
    metrics.count_reload(outcome)
    labels = {"provider": "acme", "outcome": outcome}
    assert registry.get_sample_value("gateway_secret_reloads_total", labels) == 1


def test_what_was_accepted_is_counted_with_its_time(metrics: GatewayMetrics, registry: CollectorRegistry) -> None:
    metrics.note_accepted(0.004)
    metrics.note_accepted(0.5)
    assert registry.get_sample_value("gateway_acknowledgement_seconds_sum", {"provider": "acme"}) == 0.504
    labels = {"provider": "acme", "outcome": "accepted", "reason": ""}
    assert registry.get_sample_value("gateway_webhooks_total", labels) == 2
