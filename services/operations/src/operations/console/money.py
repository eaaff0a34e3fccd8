"""Money of today as Silver has it, and recovery as Gold has it, by currency. Two currencies are never added."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from payments_contracts.currencies import EXPONENTS
from payments_contracts.tables import GOLD_RECOVERY_FUNNEL, SILVER_PAYMENTS
from pyiceberg.expressions import And

from operations.money import MEASURES
from operations.trace.facts import Row, Stored
from operations.trace.gather import equal
from operations.trace.tables import EventTables

SHOWN: Final = tuple(each for each in MEASURES if each != "asked")
"""What came of payments, as Silver calls it before `_minor`."""
STEPS: Final = ("failed", "advised", "retried", "recovered", "open", "lost")
"""How far failed claims came, as Gold calls it before `_count` and `_minor`."""
_UNKNOWN: Final = "unknown"
"""State of a payment of which only a refund, a dispute or a reversal was told: Gold does not count it, either."""


@dataclass(frozen=True, slots=True)
class Line:
    """One currency: how many payments or claims, and amounts in its minor unit, by what they are."""

    currency: str
    counts: Mapping[str, int]
    minor: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Today:
    """Money of a day and recovery of its month, each by currency, and when the rows of each were built (UTC)."""

    day: date
    money: Sequence[Line]
    recovery: Sequence[Line]
    money_built_at: datetime | None
    recovery_built_at: datetime | None


def read(tables: EventTables, day: date) -> Today:
    """Read the live payments of a day, and the failed claims of its month.

    Payments are those of Silver, which is built each hour; Gold has a day once the day is over.

    Raises:
        UnavailableError: The catalog or the object store does not answer.
    """
    live = And(equal("event_date", day), equal(column="livemode", value=True))
    paid, paid_at = tables.sums(SILVER_PAYMENTS, live, ("currency", "status"), [f"{each}_minor" for each in SHOWN])
    amounts = {f"{step}_{what}" for step in STEPS for what in ("count", "minor")}
    claims = tables.find(GOLD_RECOVERY_FUNNEL, equal("failed_month", day.replace(day=1)), {"currency", *amounts})
    claimed_at = max((each.committed_at for each in claims if each.committed_at is not None), default=None)
    return Today(day, money(paid), recovery(claims), paid_at, claimed_at)


def money(sums: Iterable[Row]) -> list[Line]:
    """Add up sums of payments by currency."""
    counted = ({**each, "payment": 0 if each["status"] == _UNKNOWN else each["rows"]} for each in sums)
    return _lines(counted, {"payment": "payment"}, {each: f"{each}_minor" for each in SHOWN})


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
