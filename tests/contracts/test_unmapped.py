"""What is unmapped on purpose: contracts and generated code agree on what a pattern covers."""

from __future__ import annotations

import pytest
from codegen.unmapped import reason
from payments_contracts.providers import PROVIDERS

CASES = {
    "product.updated": "product.*",
    "issuing_card.created": "issuing_card.*",
    "v2.core.event_destination.ping": "v2.*",
    "v2.core.account[requirements].updated": "v2.*",
    "customer.discount.created": "customer.discount.*",
    "customer.updated": "customer.updated",
}


@pytest.mark.parametrize(("event_type", "pattern"), CASES.items())
def test_a_pattern_covers_what_begins_like_it(event_type: str, pattern: str) -> None:
    stripe = PROVIDERS["stripe"]
    assert stripe.why_unmapped(event_type) == stripe.unmapped[pattern] == reason(stripe.unmapped, event_type)


@pytest.mark.parametrize(
    "event_type", ["", "product", "productive.updated", "planet.updated", ".", "v2", "v2x.a", "a..b"]
)
def test_nothing_else_is_unmapped_on_purpose(event_type: str) -> None:
    stripe = PROVIDERS["stripe"]
    assert stripe.why_unmapped(event_type) is None
    assert reason(stripe.unmapped, event_type) is None
