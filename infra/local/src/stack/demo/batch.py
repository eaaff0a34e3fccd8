"""Webhooks in a currency that the contracts do not take: kuna, which Croatia gave up for the euro in 2023."""

import json
import time

PROVIDER = "stripe"
CURRENCY = "HRK"
EXPONENT = 2
"""Digits of its minor unit by ISO 4217."""
REASON = "currency_unknown"
"""Why the normalizer quarantines them."""


def batch(merchant: str, tag: str, count: int) -> str:
    """Return a file for `simulator send --file --as-is`; ids have the tag, so two batches have no event in common."""
    now = int(time.time())
    return json.dumps({"provider": PROVIDER, "bodies": [_body(merchant, tag, number, now) for number in range(count)]})


def _body(merchant: str, tag: str, number: int, now: int) -> dict[str, object]:
    amount = 1000 + number
    return {
        "id": f"evt_{tag}Kuna{number}",
        "object": "event",
        "account": merchant,
        "api_version": "2025-03-31.basil",
        "created": now,
        "livemode": True,
        "type": "payment_intent.succeeded",
        "data": {
            "object": {
                "id": f"pi_{tag}Kuna{number}",
                "object": "payment_intent",
                "amount": amount,
                "amount_received": amount,
                "capture_method": "automatic",
                "created": now,
                "currency": CURRENCY.lower(),
                "livemode": True,
                "metadata": {},
                "payment_method_types": ["card"],
                "status": "succeeded",
            }
        },
    }
