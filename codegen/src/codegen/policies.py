"""What services decide by: what to do after a failure, and the amounts that a person should look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codegen.document import Document


@dataclass(frozen=True, slots=True)
class RetryRule:
    """What to do after a failure of one category; `minutes` are the waits after the first attempt, the second …."""

    action: str
    minutes: tuple[int, ...]
    reason: str

    @property
    def seconds(self) -> tuple[int, ...]:
        """Return the waits in seconds."""
        return tuple(60 * each for each in self.minutes)


@dataclass(frozen=True, slots=True)
class RetryAdvice:
    """What a code beside the category asks for, and how long it asks to wait at least."""

    action: str
    least_minutes: int
    reason: str


@dataclass(frozen=True, slots=True)
class Retry:
    """Advice on another attempt, by the closed set of a record's field; `actions` are the mildest first."""

    record: str
    field: str
    actions: Mapping[str, str]
    unknown_attempt_minutes: int
    categories: Mapping[str, RetryRule]
    advice_codes: Mapping[str, RetryAdvice]
    network_advice_codes: Mapping[str, Mapping[str, RetryAdvice]]
    source: Document


@dataclass(frozen=True, slots=True)
class Business:
    """The business rules: what breaks each; limits in minor units by currency, of all others in major units."""

    record: str
    rules: Mapping[str, str]
    review_limits: Mapping[str, int]
    review_otherwise_major_units: int
    source: Document


def retry(document: Document) -> Retry:
    """Return what contracts/rules/retry.yaml declares, whose shape its meta schema has approved."""
    data = document.data
    return Retry(
        record=data["record"],
        field=data["field"],
        actions=data["actions"],
        unknown_attempt_minutes=data["unknown_attempt_minutes"],
        categories={
            name: RetryRule(each["action"], tuple(each.get("minutes", ())), each["reason"])
            for name, each in data["categories"].items()
        },
        advice_codes=_advice(data["advice_codes"]),
        network_advice_codes={network: _advice(codes) for network, codes in data["network_advice_codes"].items()},
        source=document,
    )


def business(document: Document) -> Business:
    """Return what contracts/rules/business.yaml declares, whose shape its meta schema has approved."""
    data = document.data
    # Contracts of before do not list the rules.
    rules, limits = data.get("rules", {}), data["review_limits"]
    return Business(data["record"], rules, limits["currencies"], limits["otherwise_major_units"], document)


def _advice(data: Mapping[str, Any]) -> dict[str, RetryAdvice]:
    return {
        code: RetryAdvice(each["action"], each.get("least_minutes", 0), each["reason"]) for code, each in data.items()
    }
