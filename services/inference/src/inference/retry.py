"""Advice on charging a failed payment again: a deterministic heuristic in the place of a model.

The families follow what Stripe says of its decline codes (https://docs.stripe.com/declines/codes); a code that no
family names, as another provider's may be, is treated with patience.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import chain, repeat

from payments_contracts.inference import RetryStrategyRequest, RetryStrategyResponse

from inference.day import second_of_day

_HOUR = 3600
_DAY = 24 * _HOUR
_LONGEST_DELAY = 14 * _DAY
_MORNING_HOUR = 6


@dataclass(frozen=True, slots=True)
class _Family:
    """What to do about a kind of failure.

    Attributes:
        max_attempts: Attempts in all; 0 says never to try again.
        delay: Seconds to wait after the given number of attempts.
        by_day: Whether an attempt that would fall in the night (UTC) waits for the morning.
    """

    max_attempts: int
    delay: Callable[[int], int]
    by_day: bool


_NEVER = _Family(max_attempts=0, delay=lambda _: 0, by_day=False)
_SOON = _Family(max_attempts=5, delay=lambda attempts: 900 * 2 ** min(attempts - 1, 10), by_day=False)
_FUNDS = _Family(max_attempts=4, delay=lambda attempts: _DAY * (2 * attempts - 1), by_day=True)
_PATIENT = _Family(max_attempts=3, delay=lambda attempts: 6 * _HOUR * attempts, by_day=True)

_FAMILIES: Mapping[str, _Family] = dict(
    chain(
        zip(
            # The card is bad, or the customer must act: the same charge cannot succeed.
            (
                "authentication_required",
                "card_not_supported",
                "currency_not_supported",
                "expired_card",
                "fraudulent",
                "incorrect_cvc",
                "incorrect_number",
                "invalid_account",
                "invalid_cvc",
                "invalid_expiry_month",
                "invalid_expiry_year",
                "invalid_number",
                "lost_card",
                "merchant_blacklist",
                "pickup_card",
                "restricted_card",
                "revocation_of_all_authorizations",
                "revocation_of_authorization",
                "stolen_card",
                "stop_payment_order",
            ),
            repeat(_NEVER),
        ),
        zip(
            ("approve_with_id", "issuer_not_available", "processing_error", "reenter_transaction", "try_again_later"),
            repeat(_SOON),
        ),
        zip(
            ("card_velocity_exceeded", "insufficient_funds", "withdrawal_count_limit_exceeded"),
            repeat(_FUNDS),
        ),
    )
)


def advise(request: RetryStrategyRequest) -> RetryStrategyResponse:
    """Say whether another attempt is worth while, how many seconds to wait for it, and when to give up."""
    family = _FAMILIES.get(request.failure_code or "", _PATIENT)
    if request.attempt_count >= family.max_attempts:
        return RetryStrategyResponse(should_retry=False, delay_seconds=0, max_attempts=family.max_attempts)
    delay = min(family.delay(request.attempt_count), _LONGEST_DELAY)
    if family.by_day:
        delay += _until_morning((second_of_day(request.failed_at) + delay) % _DAY)
    return RetryStrategyResponse(should_retry=True, delay_seconds=delay, max_attempts=family.max_attempts)


def _until_morning(second: float) -> int:
    return max(0, int(_MORNING_HOUR * _HOUR - second))
