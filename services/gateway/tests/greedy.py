"""Providers that no contract has: they look everywhere and demand every type that a contract can demand."""

from dataclasses import replace
from typing import Any

from payments_contracts.providers import PROVIDERS

STRIPE = PROVIDERS["stripe"]
# Demands every type, below objects of its own, and finds merchants in and beside what it demands.
GREEDY = replace(
    STRIPE,
    name="greedy",
    envelope=replace(
        STRIPE.envelope,
        event_id=("id",),
        event_type=("kind",),
        created_at=("at", "second"),
        account=("who", "account"),
        merchant_id=(("who", "shop", "id"), ("id",), ("anywhere", "else")),
        required=(
            (("id",), ("string",)),
            (("kind",), ("string",)),
            (("at", "second"), ("integer", "string")),
            (("at", "exact"), ("number",)),
            (("live",), ("boolean",)),
            (("who",), ("object",)),
            (("items", "all"), ("array",)),
        ),
    ),
)
GREEDY_EVENT: dict[str, Any] = {
    "id": "1",
    "kind": "paid",
    "at": {"second": 5, "exact": 0.5},
    "live": False,
    "who": {"account": None, "shop": {"id": "s"}},
    "items": {"all": []},
}
# Looks for single values where it looks for objects, too.
TWOFOLD = replace(
    GREEDY,
    name="twofold",
    envelope=replace(
        GREEDY.envelope,
        api_version=("at",),
        created_at=("items",),
        account=("who",),
        merchant_id=(("who", "shop"), ("who", "shop", "id"), ("anywhere",), ("anywhere", "else")),
        required=(
            (("id",), ("string",)),
            (("kind",), ("string", "boolean")),
            (("at", "second"), ("integer",)),
            (("items", "all"), ("array",)),
        ),
    ),
)
