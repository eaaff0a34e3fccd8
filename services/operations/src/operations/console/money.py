"""What Gold tells of today: money and recovery by currency. Two currencies are never added."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from payments_contracts.currencies import EXPONENTS
from payments_contracts.tables import GOLD_DAILY_PAYMENT_METRICS, GOLD_RECOVERY_FUNNEL

from operations.money import MEASURES
from operations.trace.facts import Row, Stored
from operations.trace.gather import equal
from operations.trace.tables import EventTables

SHOWN: Final = tuple(each for each in MEASURES if each != "asked")
"""What came of payments, as Gold calls it before `_minor`."""
STEPS: Final = ("failed", "advised", "retried", "recovered", "open", "lost")
"""How far failed claims came, as Gold calls it before `_count` and `_minor`."""
_PAYMENTS: Final = "payment_count"


@dataclass(frozen=True, slots=True)
class Line:
    """One currency: how many payments or claims, and amounts in its minor unit, by what they are."""

    currency: str
    counts: Mapping[str, int]
    minor: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Today:
    """Money of a day and recovery of its month, each by currency, and when Gold was built (UTC)."""

    day: date
    money: Sequence[Line]
    recovery: Sequence[Line]
    built_at: datetime | None


def read(tables: EventTables, day: date) -> Today:
    """Read the rows of a day, and of its month: a few for each merchant, found by the bounds of Gold's files.

    Raises:
        UnavailableError: The catalog or the object store does not answer.
    """
    minor = [f"{measure}_minor" for measure in SHOWN]
    paid = tables.find(GOLD_DAILY_PAYMENT_METRICS, equal("event_date", day), {"currency", _PAYMENTS, *minor})
    amounts = {f"{step}_{what}" for step in STEPS for what in ("count", "minor")}
    claims = tables.find(GOLD_RECOVERY_FUNNEL, equal("failed_month", day.replace(day=1)), {"currency", *amounts})
    built = [each.committed_at for each in (*paid, *claims) if each.committed_at is not None]
    return Today(day, money(paid), recovery(claims), max(built, default=None))


def money(rows: Iterable[Stored]) -> list[Line]:
    """Add up the rows of payments by currency."""
    return _lines((each.row for each in rows), {"payment": _PAYMENTS}, {each: f"{each}_minor" for each in SHOWN})


def recovery(rows: Iterable[Stored]) -> list[Line]:
    """Add up the rows of failed claims by currency."""
    return _lines(
        (each.row for each in rows),
        {step: f"{step}_count" for step in STEPS},
        {step: f"{step}_minor" for step in STEPS},
    )


def _lines(rows: Iterable[Row], counted: Mapping[str, str], summed: Mapping[str, str]) -> list[Line]:
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    minor: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        currency = str(row["currency"])
        counts[currency].update({name: int(row[column] or 0) for name, column in counted.items()})
        minor[currency].update({name: int(row[column] or 0) for name, column in summed.items()})
    return [Line(each, counts[each], minor[each]) for each in sorted(counts)]


def major(minor: int, currency: str) -> str:
    """Write an amount in the currency's major unit, with its own digits (ISO 4217): 1250 of USD is 12.50.

    Of a currency that the contracts do not know it is the minor unit, and says so.
    """
    exponent = EXPONENTS.get(currency)
    if exponent is None:
        return f"{minor:,} (minor unit)"
    return f"{Decimal(minor).scaleb(-exponent):,.{exponent}f}"
