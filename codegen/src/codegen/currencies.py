"""Currencies of ISO 4217: those of list one, and those of list three, which the standard withdrew."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from codegen.findings import ContractError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codegen.document import Document

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Currency:
    """A currency of ISO 4217 and the number of digits of its minor unit.

    `withdrawn` is the standard's date, a month or a day, and `ends` the first instant after it in milliseconds since
    1970 (UTC); both are None of a currency that is active. `successors` are what it was replaced by.
    """

    code: str
    exponent: int
    name: str
    withdrawn: str | None = None
    ends: int | None = None
    successors: tuple[str, ...] = ()


def currencies(document: Document) -> tuple[Currency, ...]:
    """Return the currencies that a file lists; raises ContractError where a date of withdrawal does not exist."""
    found: list[Currency] = []
    findings = []
    for code, data in document.data["currencies"].items():
        try:
            found.append(_currency(code, data))
        except ValueError as error:
            place = ("currencies", code, "withdrawn")
            message = f"{code}: {data['withdrawn']} is not a month or a day that exists ({error})"
            findings.append(document.finding("currency", place, message, "write YYYY-MM or YYYY-MM-DD"))
    if findings:
        raise ContractError(tuple(findings))
    return tuple(found)


def _currency(code: str, data: Mapping[str, Any]) -> Currency:
    withdrawn = data.get("withdrawn")
    return Currency(
        code,
        data["exponent"],
        data["name"],
        withdrawn=withdrawn,
        ends=None if withdrawn is None else ends(withdrawn),
        successors=tuple(data.get("successors", ())),
    )


def ends(withdrawn: str) -> int:
    """Return when a withdrawn code has ended, in milliseconds since 1970; ValueError where there is no such date.

    Of a day, its beginning. Of a month, its end: the standard names no day then, and some of the months that it names
    are the last in which the currency was paid with (SLL 2023-12, LTL 2014-12), others the first in which it was not
    (LVL 2014-01), with both in use for weeks.
    """
    if len(withdrawn) == len("YYYY-MM-DD"):
        end = datetime.fromisoformat(withdrawn).replace(tzinfo=UTC)
    else:
        first = datetime.fromisoformat(f"{withdrawn}-01").replace(tzinfo=UTC)
        end = (first + timedelta(days=31)).replace(day=1)
    return (end - _EPOCH) // timedelta(milliseconds=1)
