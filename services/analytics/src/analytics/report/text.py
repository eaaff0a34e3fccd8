"""Numbers as people read them."""

from datetime import date
from decimal import Decimal

from payments_contracts.currencies import EXPONENTS

NOTHING = "–"  # noqa: RUF001  # an en dash, for what there are no figures of


def number(value: int) -> str:
    """Return a count: 1234 is 1,234."""
    return f"{value:,}"


def amount(value: Decimal | None, currency: str) -> str:
    """Return an amount in major units with the digits of its currency, and further ones rather than round: 12.30."""
    if value is None:
        return NOTHING
    told = -int(value.normalize().as_tuple().exponent) if value else 0
    return f"{value:,.{max(EXPONENTS.get(currency, 2), told, 0)}f}"


def percentage(part: int, whole: int) -> str:
    """Return a part of a whole: 93.1 %."""
    return f"{Decimal(100 * part) / whole:.1f} %" if whole else NOTHING


def counted(value: int, noun: str) -> str:
    """Return a count with its noun: 1 payment, 2 payments."""
    return f"{number(value)} {noun}{'' if value == 1 else 's'}"


def words(name: str | None) -> str:
    """Return a name of the contracts in words: lost_or_stolen is lost or stolen."""
    return "not told" if name is None else name.replace("_", " ")


def month(first: date) -> str:
    """Return a month by its first day: 2025-03."""
    return f"{first:%Y-%m}"
