"""Advice on charging a failed payment again: the contract's table in the place of a model.

What the contract says of the reason (contracts/rules/retry.yaml) decides; the model adds the time of day alone.
"""

from typing import Final

from payments_contracts.inference import RetryStrategyRequest, RetryStrategyResponse
from payments_contracts.retry import advise as advise_by_contract

from inference.day import second_of_day

_HOUR: Final = 3600
_DAY: Final = 24 * _HOUR
_MORNING_HOUR: Final = 6
_BY_DAY_FROM: Final = 6 * _HOUR
"""The wait from which an attempt that would fall in the night (UTC) waits for the morning."""


def advise(request: RetryStrategyRequest) -> RetryStrategyResponse:
    """Say whether another attempt is worth while, how many seconds to wait for it, and when to give up."""
    advice = advise_by_contract(
        request.failure_category,
        request.attempt_count,
        advice_code=request.advice_code,
        network=request.card_brand,
        network_advice_code=request.network_advice_code,
    )
    wait = advice.wait
    if wait >= _BY_DAY_FROM:
        wait += _until_morning((second_of_day(request.failed_at) + wait) % _DAY)
    return RetryStrategyResponse(
        should_retry=advice.action == "retry",
        delay_seconds=wait,
        max_attempts=advice.max_attempts,
        action=advice.action,
        reason=advice.reason,
    )


def _until_morning(second: float) -> int:
    return max(0, int(_MORNING_HOUR * _HOUR - second))
