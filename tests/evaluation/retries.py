"""Retry advice against charging again every day, on failed payments whose outcomes are hidden from both. No server.

Both are told of the same failures, and each failure is charged again as they say: until a charge is taken, the advice
is to try no more, or thirty days have gone. What asking the customer brings is left out, as it is unknown: it would
speak for the advice alone, since a fixed interval asks nobody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median
from typing import TYPE_CHECKING, Final

from inference.retry import advise
from payments_contracts.inference import RetryStrategyRequest
from simulator.recoveries import FORBIDDEN, Failure

if TYPE_CHECKING:
    from collections.abc import Iterable

WITHIN: Final = timedelta(days=30)
"""A claim that was not paid by then is lost, as Gold has it."""

Policy = Callable[[Failure, datetime, int], timedelta | None]
"""How long to wait after an attempt that failed, of the number that it has from 1; None to try no more."""


def advised(failure: Failure, failed_at: datetime, attempt: int) -> timedelta | None:
    """Do as the model says."""
    said = advise(
        RetryStrategyRequest(
            event_id=f"{failure.number}-{attempt}",
            provider="stripe",
            merchant_id="merch_1",
            failure_category=failure.category,
            network_advice_code=failure.advice_code,
            attempt_count=attempt,
            amount_cents=failure.amount,
            currency=failure.currency,
            payment_method_type="card",
            card_brand=failure.brand,
            failed_at=failed_at,
        )
    )
    goes_on = said.should_retry and attempt < said.max_attempts
    return timedelta(seconds=said.delay_seconds) if goes_on else None


def every(interval: timedelta, attempts: int) -> Policy:
    """Return what charges again after the same time whatever the reason, up to a number of attempts in all."""
    return lambda _failure, _failed_at, attempt: interval if attempt < attempts else None


@dataclass
class Outcome:
    """What a policy came to.

    Attributes:
        failed: Payments that failed, by their reason.
        recovered: Of them, those that were paid in the end.
        retries: Charges again, by the reason of the failure.
        forbidden: Of them, those after a reason that forbids them.
        failed_money: What was asked for, by currency, in its minor unit.
        recovered_money: What was received in the end.
        hours: From the failure to the money, of each that was paid.
    """

    failed: Counter[str] = field(default_factory=Counter)
    recovered: Counter[str] = field(default_factory=Counter)
    retries: Counter[str] = field(default_factory=Counter)
    forbidden: int = 0
    failed_money: Counter[str] = field(default_factory=Counter)
    recovered_money: Counter[str] = field(default_factory=Counter)
    hours: list[float] = field(default_factory=list)

    @property
    def median_hours(self) -> float | None:
        """The middle of the hours that recovery took; None where nothing was recovered."""
        return median(self.hours) if self.hours else None


def evaluate(failures: Iterable[Failure], policy: Policy) -> Outcome:
    """Follow each failure as the policy says."""
    outcome = Outcome()
    for failure in failures:
        outcome.failed[failure.category] += 1
        outcome.failed_money[failure.currency] += failure.amount
        _follow(failure, policy, outcome)
    return outcome


def _follow(failure: Failure, policy: Policy, outcome: Outcome) -> None:
    at, attempt = failure.failed_at, 1
    while (wait := policy(failure, at, attempt)) is not None:
        at, attempt = at + wait, attempt + 1
        if at - failure.failed_at > WITHIN:
            return
        outcome.retries[failure.category] += 1
        outcome.forbidden += failure.category in FORBIDDEN
        if failure.takes(at):
            outcome.recovered[failure.category] += 1
            outcome.recovered_money[failure.currency] += failure.amount
            outcome.hours.append((at - failure.failed_at) / timedelta(hours=1))
            return
