"""How long an event's way to the orchestrator is said to have taken."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from orchestrator import metrics
from orchestrator.activities.lake import _count
from orchestrator.metrics import WEBHOOK_TO_NORMALIZED_SECONDS, note_read
from orchestrator.scoring import FALLBACK_SCORE, Sourced, scored_payment
from prometheus_client import REGISTRY

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def told() -> tuple[float, float]:
    """Return how many were measured, and their sum in seconds."""
    (family,) = WEBHOOK_TO_NORMALIZED_SECONDS.collect()
    values = {each.name.rpartition("_")[2]: each.value for each in family.samples if "bucket" not in each.name}
    return values["count"], values["sum"]


@pytest.mark.parametrize(
    ("received_at", "measured", "seconds"),
    [
        (NOW - timedelta(milliseconds=120), 1, 0.12),
        # Another machine's clock may be ahead.
        (NOW + timedelta(milliseconds=5), 1, 0),
        (NOW - timedelta(hours=1), 0, 0),
        (None, 0, 0),
    ],
    ids=["just now", "from the future", "sent again after an hour", "of a version that does not say"],
)
def test_the_way_of_a_record_is_measured_unless_it_was_sent_again(
    received_at: datetime | None, measured: int, seconds: float
) -> None:
    before = told()
    note_read(received_at, NOW)
    after = told()
    assert after[0] - before[0] == measured
    assert after[1] - before[1] == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("about", "money"),
    [
        ({}, 19.99),
        ({"currency": "JPY", "currency_exponent": 0, "amount_cents": 500}, 500),
        ({"currency": "KWD", "currency_exponent": 3, "amount_cents": 1500}, 1.5),
        ({"livemode": False}, 0),
        ({"event_type": "charge.succeeded"}, 0),
        ({"event_type": "payment.failed", "status": "failed"}, 0),
    ],
    ids=["two digits", "none", "three", "test data", "of the same payment, told again", "a failure"],
)
def test_money_is_counted_once_for_each_payment_in_the_unit_of_its_currency(
    make_event: Any, about: dict[str, Any], money: float
) -> None:
    live = {"event_type": "payment.succeeded", "status": "succeeded", "livemode": True, "amount_cents": 1999}
    event = make_event(**{**live, "currency": "EUR", "currency_exponent": 2, **about})
    labels = {"provider": event.provider, "currency": event.currency}

    def counted() -> float:
        return REGISTRY.get_sample_value("orchestrator_money_received_total", labels) or 0.0

    before = counted()
    _count(scored_payment(event, [], Sourced(FALLBACK_SCORE, "model"), None, event.processed_at))
    assert counted() - before == pytest.approx(money)


@pytest.mark.parametrize(
    "metric", [metrics.STARTS, metrics.FALLBACKS, metrics.CIRCUIT_OPEN, metrics.ATTEMPTS, metrics.DEAD_LETTERS]
)
def test_what_seldom_happens_is_there_before_it_does(metric: Any) -> None:
    (family,) = metric.collect()
    assert len([each for each in family.samples if not each.name.endswith("_created")]) > 1
