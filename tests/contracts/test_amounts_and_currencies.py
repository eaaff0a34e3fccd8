"""Which amounts and currencies an event may have, by its family and its own date, in both forms of each mapping."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from codegen.loader import load
from payments_contracts import normalize

from tests.contracts.equivalence import Pair

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def stripe() -> Pair:
    catalog = load(ROOT / "contracts")
    (provider,) = (each for each in catalog.providers if each.name == "stripe")
    return Pair(catalog, provider, normalize)


def seconds(at: str) -> int:
    return int(datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp())


def told(pair: Pair, example: str, at: str, **changes: Any) -> Any:
    body = pair.body(example)
    body["created"] = seconds(at)
    body["data"]["object"] |= {"created": body["created"], **changes}
    kind, found, *_ = pair.outcome(body)
    if kind == "rejected":
        return [(code, field) for code, field, _ in found]
    event = dict(found)
    return event["amount_cents"], event["currency"], event["currency_exponent"]


PAYMENT, REFUND, PAYOUT = "payment_intent.created", "refund.created", "payout.created"
UNKNOWN = [("currency_unknown", "currency")]


@pytest.mark.parametrize(
    ("example", "at", "currency", "expected"),
    [
        # Croatia has paid in euro since 2023; the standard names the month.
        (PAYMENT, "2022-12-31T23:59:59", "hrk", (2000, "HRK", 2)),
        (PAYMENT, "2023-01-31T23:59:59", "hrk", (2000, "HRK", 2)),
        (PAYMENT, "2023-02-01T00:00:00", "hrk", UNKNOWN),
        (PAYMENT, "2025-12-24T00:00:00", "bgn", (2000, "BGN", 2)),
        (PAYMENT, "2026-11-19T00:00:00", "bgn", UNKNOWN),
        (REFUND, "2026-11-19T00:00:00", "bgn", (2000, "BGN", 2)),
        (PAYOUT, "2026-11-19T00:00:00", "bgn", UNKNOWN),
        (PAYMENT, "2016-05-01T00:00:00", "byr", (2000, "BYR", 0)),
        # Stripe goes on taking these.
        (PAYMENT, "2026-01-05T00:00:00", "std", (2000, "STD", 2)),
        (PAYMENT, "2026-01-05T00:00:00", "ang", (2000, "ANG", 2)),
        (PAYMENT, "2026-01-05T00:00:00", "xcg", (2000, "XCG", 2)),
        (PAYMENT, "2026-01-05T00:00:00", "xxx", UNKNOWN),
        (PAYMENT, "2026-01-05T00:00:00", "qqq", UNKNOWN),
        (REFUND, "2026-01-05T00:00:00", "qqq", UNKNOWN),
    ],
)
def test_a_currency_is_one_at_the_time_of_its_event(
    stripe: Pair, example: str, at: str, currency: str, expected: object
) -> None:
    assert told(stripe, example, at, currency=currency, amount=2000) == expected


@pytest.mark.parametrize(
    ("example", "made", "expected"),
    [
        (PAYMENT, "2025-12-24T00:00:00", (2000, "BGN", 2)),
        ("charge.refunded", "2025-12-24T00:00:00", (2000, "BGN", 2)),
        ("charge.refunded", "2026-11-18T00:00:00", UNKNOWN),
        (PAYOUT, "2025-12-24T00:00:00", (2000, "BGN", 2)),
        # An old version of an API may not tell when the object was made: then the event's own time counts.
        (PAYMENT, None, UNKNOWN),
        (REFUND, None, (2000, "BGN", 2)),
    ],
)
def test_what_was_made_in_a_currency_may_change_after_it_has_ended(
    stripe: Pair, example: str, made: str | None, expected: object
) -> None:
    created = None if made is None else seconds(made)
    changes = {"amount": 2000, "amount_captured": 2000, "amount_refunded": 500, "created": created}
    assert told(stripe, example, "2026-11-19T00:00:00", currency="bgn", **changes) == expected


@pytest.mark.parametrize(
    ("example", "amount", "expected"),
    [
        (PAYMENT, 0, (0, "USD", 2)),
        (PAYMENT, -1, [("amount_negative", "amount_cents")]),
        (REFUND, -1, [("amount_negative", "amount_cents")]),
        (PAYOUT, -1, (-1, "USD", 2)),
        (PAYOUT, -999_999_999_999, (-999_999_999_999, "USD", 2)),
        (PAYOUT, -1_000_000_000_000, [("amount_negative", "amount_cents")]),
        (PAYMENT, 1_000_000_000_000, [("amount_too_large", "amount_cents")]),
    ],
)
def test_only_a_payout_takes_money_away(stripe: Pair, example: str, amount: int, expected: object) -> None:
    assert told(stripe, example, "2026-01-05T00:00:00", currency="usd", amount=amount) == expected


@pytest.mark.parametrize(
    ("example", "changes", "expected"),
    [
        ("charge.succeeded", {"application_fee_amount": "12"}, [("type_invalid", "application_fee_cents")]),
        ("charge.succeeded.isk", {"application_fee_amount": 150}, [("amount_indivisible", "application_fee_cents")]),
        ("charge.succeeded", {"application_fee_amount": None}, (5000, "USD", 2)),
    ],
)
def test_an_amount_beside_the_main_one_is_right_or_absent(
    stripe: Pair, example: str, changes: dict[str, Any], expected: object
) -> None:
    assert told(stripe, example, "2026-01-05T00:00:00", **changes) == expected
