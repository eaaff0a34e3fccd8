"""Whose data is erased, and which rows of which table that is.

Pure: nothing here asks a server. Values never stand in a statement, they are its parameters.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from payments_contracts.tables import BRONZE_PAYMENT_EVENTS, SILVER_PAYMENT_HISTORY, SILVER_PAYMENTS

MOST_EVENTS = 10_000
"""Events of one customer that one run takes."""


class Kind(StrEnum):
    """Whose data it is."""

    MERCHANT = "merchant"
    CUSTOMER = "customer"


@dataclass(frozen=True, slots=True)
class Subject:
    """A merchant, or a customer as a provider knows them; of one provider, or of any that knows the id."""

    kind: Kind
    id: str
    provider: str | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """Which rows: SQL with marks, and what stands for them."""

    text: str
    values: tuple[str, ...]

    def __or__(self, other: "Condition") -> "Condition":
        return Condition(f"{self.text} or {other.text}", (*self.values, *other.values))


@dataclass(frozen=True, slots=True)
class Known:
    """What the pipeline's own tables tell of a customer: the payments, and every event of these."""

    event_ids: tuple[str, ...] = ()
    payment_ids: tuple[str, ...] = ()


def customer_payments(subject: Subject) -> tuple[str, Condition]:
    """Return the table that tells a customer's payments, and which of its rows do."""
    return SILVER_PAYMENT_HISTORY, _of_provider(Condition("customer_id = ?", (subject.id,)), subject)


def customer_events(subject: Subject, payment_ids: Collection[str]) -> tuple[tuple[str, Condition], ...]:
    """Return the tables that tell a customer's events, and which of their rows do.

    A refund, dispute or reversal names no customer: it is found by its payment.
    """
    named = Condition("customer_id = ?", (subject.id,))
    of_payments = named | _among("payment_id", payment_ids)
    return (
        (BRONZE_PAYMENT_EVENTS.identifier, _of_provider(named, subject)),
        (SILVER_PAYMENT_HISTORY, _of_provider(of_payments, subject)),
    )


def rows_of(subject: Subject, columns: Collection[str], known: Known) -> Condition | None:
    """Return which rows of a table are the subject's, by the table's columns; None where it can hold none.

    A table without providers holds none of what one provider knows: it is rebuilt from those that do, or is of all.
    """
    if subject.provider is not None and "provider" not in columns:
        return None
    found = _of_merchant(subject, columns) if subject.kind is Kind.MERCHANT else _of_customer(subject, columns, known)
    return None if found is None else _of_provider(found, subject)


def in_order(tables: Collection[str], kind: Kind) -> list[str]:
    """Return tables in the order in which they are erased.

    A merchant's rows go first where others are built from, so that a build meanwhile finds nothing to put back. Of a
    customer's, last go those by which the others are found: so what was interrupted half way is completed by running
    it again.
    """
    if kind is Kind.MERCHANT:
        first = ("bronze.", "silver.")
        return sorted(tables, key=lambda name: ([not name.startswith(layer) for layer in first], name))
    last = (SILVER_PAYMENTS, BRONZE_PAYMENT_EVENTS.identifier, SILVER_PAYMENT_HISTORY)
    return sorted(tables, key=lambda name: (last.index(name) + 1 if name in last else 0, name))


def _of_merchant(subject: Subject, columns: Collection[str]) -> Condition | None:
    if "merchant_id" not in columns:
        return None
    found = Condition("merchant_id = ?", (subject.id,))
    if "payload" in columns:
        # A body that could not be read has no merchant of its own; the id may stand in it all the same.
        found |= Condition(f"((merchant_id is null or merchant_id = '') and {_IN_BODY})", (_quoted(subject.id),))
    return found


def _of_customer(subject: Subject, columns: Collection[str], known: Known) -> Condition | None:
    parts: list[Condition] = []
    if "customer_id" in columns:
        parts.append(Condition("customer_id = ?", (subject.id,)))
    if "payload" in columns:
        parts.append(Condition(_IN_BODY, (_quoted(subject.id),)))
    if "event_id" in columns:
        parts.append(_among("event_id", known.event_ids))
    elif "payment_id" in columns:
        parts.append(_among("payment_id", known.payment_ids))
    parts = [each for each in parts if each.text != _NOTHING]
    if not parts:
        return None
    found = parts[0]
    for each in parts[1:]:
        found |= each
    return found


_IN_BODY = "strpos(from_utf8(payload), ?) > 0"
_NOTHING = "false"


def _among(column: str, values: Collection[str]) -> Condition:
    if not values:
        return Condition(_NOTHING, ())
    return Condition(f"{column} in ({', '.join('?' * len(values))})", tuple(values))


def _of_provider(found: Condition, subject: Subject) -> Condition:
    if subject.provider is None:
        return Condition(f"({found.text})", found.values)
    return Condition(f"(({found.text}) and provider = ?)", (*found.values, subject.provider))


def _quoted(value: str) -> str:
    """Return an id as a JSON body has it: quoted, so that no longer id that begins or ends alike is meant."""
    return json.dumps(value, ensure_ascii=False)


Counts = Mapping[str, int]
"""Rows by table."""
