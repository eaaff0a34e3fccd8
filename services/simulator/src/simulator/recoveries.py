"""Payments that have failed, and when a charge again would be taken: what whoever advises on retries cannot see.

Invented, as all that the simulator tells. Shares and times are of the order that people of the field speak of, and none
is taken from the table of retry advice (contracts/rules/retry.yaml), which has to do well without knowing them. What a
card network's advice code says is true of its payment.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)

Window = tuple[timedelta, timedelta]
"""From when until when after the failure a charge is taken."""

# What part of failures each reason is.
SHARES: Final[Mapping[str, float]] = {
    "insufficient_funds": 0.42,
    "issuer_declined": 0.18,
    "limit": 0.07,
    "issuer_unavailable": 0.04,
    "processor_error": 0.03,
    "authentication_required": 0.07,
    "customer_action": 0.02,
    "expired_card": 0.06,
    "invalid_card": 0.04,
    "invalid_account": 0.01,
    "not_supported": 0.01,
    "lost_or_stolen": 0.02,
    "fraud": 0.01,
    "do_not_retry": 0.01,
    "unknown": 0.01,
}

# How often a charge is taken later on, and after what time on average; what is not here never is.
_LATER: Final[Mapping[str, tuple[float, timedelta]]] = {
    "insufficient_funds": (0.75, 4 * _DAY),
    "issuer_declined": (0.3, 14 * _HOUR),
    "issuer_unavailable": (0.95, 36 * timedelta(minutes=1)),
    "processor_error": (0.95, 36 * timedelta(minutes=1)),
    # Some act by themselves, in their own time; of some cards the network knows the next one.
    "authentication_required": (0.15, 3 * _DAY),
    "customer_action": (0.15, 3 * _DAY),
    "expired_card": (0.1, 5 * _DAY),
    "unknown": (0.2, 2 * _DAY),
}
_DAILY: Final = 0.6
"""What part of limits are of a day."""
_FORTNIGHT: Final = 14 * _DAY
_EVER: Final = 60 * _DAY

FORBIDDEN: Final = frozenset({"lost_or_stolen", "fraud", "do_not_retry"})
"""Reasons after which a network or an issuer charges for another attempt, or holds it against the merchant."""

# In the currency's minor unit; the middle of what is asked for.
_MEDIANS: Final[Mapping[str, int]] = {"EUR": 2_900, "USD": 3_500, "JPY": 4_200}
_CURRENCIES: Final[Sequence[str]] = ("EUR", "EUR", "USD", "USD", "JPY")
_BRANDS: Final[Sequence[str]] = ("visa", "visa", "visa", "mastercard", "mastercard", "amex")

# Mastercard's codes that say how long to wait, by that time. https://docs.payabl.com/docs/mastercard-merchant-advice-codes
_WAITS: Final[Sequence[tuple[timedelta, str]]] = (
    (_HOUR, "24"),
    (_DAY, "25"),
    (2 * _DAY, "26"),
    (4 * _DAY, "27"),
    (6 * _DAY, "28"),
    (8 * _DAY, "29"),
    (10 * _DAY, "30"),
)
_TOLD: Final = 0.3
"""How often Mastercard's issuers say so."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A payment that has failed, and what becomes of it.

    Attributes:
        number: Which one it is.
        category: Why, in the words that all providers share.
        amount: What is asked for, in the currency's minor unit.
        currency: ISO 4217 code.
        brand: Card network.
        advice_code: What the network advises, as it writes it; None where it says nothing.
        failed_at: When it failed (UTC).
        windows: When after that a charge is taken; none where it never is.
    """

    number: int
    category: str
    amount: int
    currency: str
    brand: str
    advice_code: str | None
    failed_at: datetime
    windows: tuple[Window, ...]

    def takes(self, at: datetime) -> bool:
        """Tell whether a charge at that time is taken."""
        after = at - self.failed_at
        return any(begin <= after < end for begin, end in self.windows)


def failures(count: int, seed: int, since: datetime) -> Iterator[Failure]:
    """Yield failures of the four weeks from `since` on; equal for an equal seed."""
    dice = random.Random(seed)  # noqa: S311  # no secret
    for number in range(count):
        (category,) = dice.choices(list(SHARES), list(SHARES.values()))
        currency, brand = dice.choice(_CURRENCIES), dice.choice(_BRANDS)
        amount = round(_MEDIANS[currency] * dice.lognormvariate(0, 0.9))
        failed_at = since + timedelta(seconds=dice.randrange(28 * 86_400))
        windows = _windows(category, failed_at, dice)
        told = dice.random() < _TOLD
        code = _code(category, windows) if told and brand == "mastercard" else None
        yield Failure(number, category, amount, currency, brand, code, failed_at, windows)


def _windows(category: str, failed_at: datetime, dice: random.Random) -> tuple[Window, ...]:
    if category == "limit":
        # Of a day, else of a week: until midnight or until Monday.
        midnight = _DAY - timedelta(hours=failed_at.hour, minutes=failed_at.minute)
        days = 0 if dice.random() < _DAILY else 6 - failed_at.weekday()
        return ((midnight + days * _DAY, _EVER),)
    chance, usually = _LATER.get(category, (0.0, _DAY))
    if dice.random() >= chance:
        return ()
    begin = dice.expovariate(1) * usually
    if category != "insufficient_funds":
        return ((begin, _EVER),)
    # Money comes, and is spent; most come by it again a fortnight later.
    stays = dice.uniform(0.5, 5) * _DAY
    return (begin, begin + stays), (begin + _FORTNIGHT, begin + _FORTNIGHT + stays)


def _code(category: str, windows: Sequence[Window]) -> str | None:
    if category in FORBIDDEN:
        return "03"
    if not windows or category not in {"insufficient_funds", "limit", "issuer_declined"}:
        return None
    begin, _ = windows[0]
    return next((code for wait, code in _WAITS if wait >= begin), None)
