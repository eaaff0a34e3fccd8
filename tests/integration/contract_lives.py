"""The lives that every provider's contract tells, as rows of Bronze: what their webhooks become by the mapping."""

from functools import cache
from pathlib import Path
from typing import Any

import orjson
from codegen.envelope import found_in
from codegen.loader import load
from codegen.webhooks import Envelope
from payments_contracts.lifecycles import LIVES, Life
from payments_contracts.normalize import Normalized, normalize
from payments_contracts.topics import NORMALIZED

from tests.integration.analytics import payment

_REPOSITORY = Path(__file__).resolve().parents[2]
_IDS = ("provider_object_id", "related_payment_id", "related_charge_id")
MEASURES = (
    "asked_minor",
    "captured_minor",
    "refunded_minor",
    "disputed_minor",
    "dispute_lost_minor",
    "reversed_minor",
    "fee_minor",
)

PAYMENTS = {f"{life.provider}.{life.name}": life for life in LIVES if life.payment_id is not None}
"""The lives of payments, by provider and name."""


@cache
def _envelopes() -> dict[str, Envelope]:
    return {each.name: each.envelope for each in load(_REPOSITORY / "contracts").providers}


def rows_of_life(life: Life, merchant: str) -> list[dict[str, Any]]:
    """Return the rows of a life's events; ids are those of its contract with the merchant behind them."""
    envelope = _envelopes()[life.provider]
    rows = []
    for step in life.steps:
        found = found_in(envelope, orjson.loads(step.body), step.headers)
        outcome = normalize(
            life.provider,
            step.body,
            merchant,
            found.event_id,
            found.event_type,
            found.received_at,
            found.created_at,
            found.livemode,
        )
        assert isinstance(outcome, Normalized), outcome
        event = {**outcome.event, "metadata": {}, "schema_version": NORMALIZED.version}
        named = {name: f"{event[name]}|{merchant}" for name in _IDS if event.get(name)}
        rows.append(payment(merchant, **(event | named | {"merchant_id": merchant})))
    return rows
