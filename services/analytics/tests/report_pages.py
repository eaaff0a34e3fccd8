"""Answers made by hand, and the page of them."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, get_args

from analytics.report import rows
from analytics.report.queries import (
    BANDS,
    DECLINES,
    HEALTH,
    QUARANTINE,
    RECOVERY,
    SUCCESS,
    VOLUME,
    Period,
    Query,
)
from analytics.report.read import Answer, Answers
from analytics.report.render import render
from analytics.settings import ReportSettings

PROJECT = ReportSettings().dbt_project_dir
PERIOD = Period(date(2025, 3, 1), date(2025, 3, 31))
DAY = date(2025, 3, 4)
EVIL = "<script>alert('\"&')</script>"


def volume(currency: str, captured: str, count: int = 1, day: date = DAY) -> rows.Volume:
    return rows.Volume(
        event_date=day,
        currency=currency,
        payment_count=count,
        captured_major=Decimal(captured),
        net_major=Decimal(captured),
    )


def success(succeeded: int, failed: int, provider: str = "stripe", day: date = DAY) -> rows.Success:
    return rows.Success(event_date=day, provider=provider, succeeded_count=succeeded, failed_count=failed)


def decline(category: str | None, *counts: int) -> rows.Decline:
    failed, recovered, waiting, lost = counts
    return rows.Decline(
        failure_category=category, failed_count=failed, recovered_count=recovered, open_count=waiting, lost_count=lost
    )


def recovery(currency: str, count: int, amount: str | None) -> list[rows.Recovery]:
    major = None if amount is None else Decimal(amount)
    return [
        rows.Recovery(currency=currency, step=step, claim_count=count, amount_major=major)
        for step in get_args(rows.Step)
    ]


def health(merchant: str, score: str | None, band: rows.Band, explanation: str = "why") -> rows.Health:
    return rows.Health(
        score_month=date(2025, 3, 1),
        merchant_id=merchant,
        payment_count=7,
        score=None if score is None else Decimal(score),
        band=band,
        explanation=explanation,
    )


def answer(query: Query[Any], found: Sequence[rows.Row], *, is_built: bool = True) -> Answer[Any]:
    return Answer(query, query.bound(PROJECT, PERIOD), tuple(found), is_built)


def answers(*, is_built: bool = True, **found: Sequence[rows.Row]) -> Answers:
    """Those of the queries that are named; the others have none."""
    every = (VOLUME, SUCCESS, DECLINES, RECOVERY, HEALTH, BANDS, QUARANTINE)
    return Answers(PERIOD, *(answer(each, found.get(each.name, ()), is_built=is_built) for each in every))


FULL = answers(
    volume=[volume("USD", "1234.5000", 30), volume("JPY", "500.0000", 2), volume("USD", "0.1000", 1, date(2025, 3, 5))],
    success=[success(93, 7), success(1, 1, "adyen"), success(0, 2, "adyen", date(2025, 3, 5))],
    declines=[decline("insufficient_funds", 20, 5, 3, 2), decline(None, 1, 0, 0, 1)],
    recovery=[*recovery("USD", 3, "30.0000"), *recovery("JPY", 1, "700.0000"), *recovery("XTS", 1, None)],
    health=[
        health(EVIL, "12.34", "at_risk", EVIL),
        health("merch_2", "90.00", "healthy"),
        health("m3", None, "unknown"),
    ],
    bands=[
        rows.Bands(score_month=date(2025, 3, 1), band="at_risk", merchant_count=1),
        rows.Bands(score_month=date(2025, 3, 1), band="healthy", merchant_count=8),
        rows.Bands(score_month=date(2025, 2, 1), band="at_risk", merchant_count=5),
    ],
    quarantine=[
        rows.Quarantine(reason_code="value_unknown", recoverability="contract", state="open", event_count=4),
        rows.Quarantine(reason_code="value_unknown", recoverability="contract", state="passed", event_count=2),
    ],
)


def page_of(told: Answers) -> str:
    return render(told, datetime(2025, 4, 1, 8, 30, tzinfo=UTC))
