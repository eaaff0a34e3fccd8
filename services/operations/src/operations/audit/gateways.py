"""What the gateways say that they have acknowledged, beside how many records the raw topics ever got.

A webhook is acknowledged after its record is, so between two looks no more can be acknowledged than records came. The
count of records is read before the gateway's at one look and after it at the next, so that what is under way never
makes a difference.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import httpx
from prometheus_client.parser import text_string_to_metric_families

_TIMEOUT_SECONDS: Final = 5.0
_METRIC: Final = "gateway_webhooks_total"


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """What a provider's gateway had acknowledged since its start, and the records of its topic before and after."""

    provider: str
    accepted: int
    records_before: int
    records_after: int


def addresses(providers: tuple[str, ...], environment: Mapping[str, str] = os.environ) -> Mapping[str, str]:
    """Return where each provider's gateway is, by GATEWAY_<PROVIDER>_URL; none for one that has no such variable."""
    named = {provider: environment.get(f"GATEWAY_{provider.upper()}_URL", "") for provider in providers}
    return {provider: url.rstrip("/") for provider, url in named.items() if url}


def ask_accepted(url: str, *, transport: httpx.BaseTransport | None = None) -> int | None:
    """Return how many webhooks a gateway has accepted since its start; None where it does not tell."""
    try:
        with httpx.Client(timeout=_TIMEOUT_SECONDS, trust_env=False, transport=transport) as client:
            text = client.get(f"{url}/metrics").raise_for_status().text
        samples = [
            sample
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == _METRIC and sample.labels.get("outcome") == "accepted"
        ]
    except (httpx.HTTPError, ValueError):
        return None
    return int(sum(sample.value for sample in samples)) if samples else None


def shortfalls(looked: tuple[Acknowledged, ...], before: Mapping[str, int]) -> Iterator[tuple[Acknowledged, int]]:
    """Yield the providers whose topics got fewer records since the look before than their gateways acknowledged.

    Args:
        looked: What was found now.
        before: `<provider>.accepted` and `<provider>.records` of the look before.
    """
    for each in looked:
        accepted, records = before.get(f"{each.provider}.accepted"), before.get(f"{each.provider}.records")
        if accepted is None or records is None:
            continue
        # Fewer than before: the gateway was started anew in between, and all that it has accepted came since.
        new = each.accepted - accepted if each.accepted >= accepted else each.accepted
        missing = new - (each.records_after - records)
        if missing > 0:
            yield each, missing
