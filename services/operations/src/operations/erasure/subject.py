"""Whose data is erased, and which rows of which table that is.

Pure: nothing here asks a server. Values never stand in a statement, they are its parameters.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from payments_contracts.tables import (
    BRONZE_PAYMENT_EVENTS,
    BRONZE_PROVIDER_EVENTS,
    BRONZE_QUARANTINE,
    SILVER_PAYMENT_HISTORY,
    SILVER_PAYMENTS,
)

from operations.erasure.bodies import Condition, in_letters, in_text, of_unknown_provider

MOST_IDS = 10_000
"""Ids that one statement names: a customer with more is found and erased in portions."""


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
class Known:
    """What the pipeline's own tables tell of a customer.

    Attributes:
        event_ids: Every event that names them, or is of a payment of theirs.
        payment_ids: Their payments.
        named_in_bodies: Events that only a body tells to be theirs. Rows that have a customer of their own are not
            found by these: a run that goes on after the bodies are erased would not find them again.
    """

    event_ids: tuple[str, ...] = ()
    payment_ids: tuple[str, ...] = ()
    named_in_bodies: tuple[str, ...] = ()


def customer_payments(subject: Subject) -> tuple[str, Condition]:
    """Return the table that tells a customer's payments, and which of its rows do."""
    return SILVER_PAYMENT_HISTORY, _of_provider(Condition("customer_id = ?", (subject.id,)), subject)


def customer_events(subject: Subject, payment_ids: Sequence[str]) -> Iterator[tuple[str, Condition]]:
    """Yield the tables that tell a customer's events, and which of their rows do.

    A refund, dispute or reversal names no customer: it is found by its payment.
    """
    named = Condition("customer_id = ?", (subject.id,))
    yield BRONZE_PAYMENT_EVENTS.identifier, _of_provider(named, subject)
    yield SILVER_PAYMENT_HISTORY, _of_provider(named, subject)
    for portion in _portions(payment_ids, MOST_IDS):
        yield SILVER_PAYMENT_HISTORY, _of_provider(_among("payment_id", portion), subject)


def customer_bodies(subject: Subject) -> Iterator[tuple[str, Condition]]:
    """Yield the tables whose bodies tell a customer's events, and which of their rows do.

    What became of an event may have no row with its customer: a dead letter has the same event id, and other bytes.
    """
    yield BRONZE_PROVIDER_EVENTS.identifier, _of_provider(in_text(subject.id), subject)
    letters = in_text(subject.id) | in_letters(subject.id)
    yield BRONZE_QUARANTINE.identifier, _of_provider(letters, subject, has_unknown=True)


def rows_of(subject: Subject, columns: Collection[str], known: Known) -> Condition | None:
    """Return which rows of a table are the subject's, by the table's columns; None where it can hold none.

    A table without providers holds none of what one provider knows: it is rebuilt from those that do, or is of all.
    """
    if subject.provider is not None and "provider" not in columns:
        return None
    found = _of_merchant(subject, columns) if subject.kind is Kind.MERCHANT else _of_customer(subject, columns, known)
    return None if found is None else _of_provider(found, subject, has_unknown=_holds_letters(subject, columns))


def portions_of(
    subject: Subject, columns: Collection[str], known: Known, most: int = MOST_IDS
) -> tuple[Condition, ...]:
    """Return the same rows in portions that a statement can name, each row in one; none where it can hold none.

    The last portion has those that are found by the customer's id, so that a run which goes on finds the others again.
    """
    column, ids = _ids(columns, known)
    if subject.kind is Kind.MERCHANT or len(ids) <= most:
        found = rows_of(subject, columns, known)
        return () if found is None else (found,)
    own = rows_of(subject, columns, Known())
    portions = []
    for portion in _portions(ids, most):
        among = _of_provider(_among(column, portion), subject, has_unknown=_holds_letters(subject, columns))
        if own is not None:
            # A column without a value makes the whole condition unknown, which would leave the row to no portion.
            among = Condition(f"{among.text} and not coalesce({own.text}, false)", (*among.values, *own.values))
        portions.append(among)
    return (*portions, own) if own is not None else tuple(portions)


def in_order(tables: Collection[str], kind: Kind) -> list[str]:
    """Return tables in the order in which they are erased.

    A merchant's rows go first where others are built from, so that a build meanwhile finds nothing to put back. Of a
    customer's, last go those by which the others are found: so what was interrupted half way is completed by running
    it again. The dead letters go before the raw records, whose bodies tell of more events.
    """
    if kind is Kind.MERCHANT:
        first = ("bronze.", "silver.")
        return sorted(tables, key=lambda name: ([not name.startswith(layer) for layer in first], name))
    last = (
        BRONZE_QUARANTINE.identifier,
        BRONZE_PROVIDER_EVENTS.identifier,
        SILVER_PAYMENTS,
        BRONZE_PAYMENT_EVENTS.identifier,
        SILVER_PAYMENT_HISTORY,
    )
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
        parts.append(in_text(subject.id))
    if _holds_letters(subject, columns):
        parts.append(in_letters(subject.id))
    parts.append(_among(*_ids(columns, known)))
    parts = [each for each in parts if each.text != _NOTHING]
    if not parts:
        return None
    found = parts[0]
    for each in parts[1:]:
        found |= each
    return found


_IN_BODY = "strpos(from_utf8(payload), ?) > 0"
_NOTHING = "false"


def _portions(ids: Sequence[str], most: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), most):
        yield ids[start : start + most]


def _holds_letters(subject: Subject, columns: Collection[str]) -> bool:
    """Tell whether bytes of a table may be records of ours, and not only what providers send."""
    return subject.kind is Kind.CUSTOMER and {"payload", "source_topic"} <= set(columns)


def _ids(columns: Collection[str], known: Known) -> tuple[str, tuple[str, ...]]:
    """Return by which column a table's rows are found, and the values that find them."""
    if "event_id" not in columns:
        return "payment_id", known.payment_ids if "payment_id" in columns else ()
    if "customer_id" in columns:
        return "event_id", known.event_ids
    return "event_id", tuple(dict.fromkeys((*known.event_ids, *known.named_in_bodies)))


def _among(column: str, values: Collection[str]) -> Condition:
    if not values:
        return Condition(_NOTHING, ())
    return Condition(f"{column} in ({', '.join('?' * len(values))})", tuple(values))


def _of_provider(found: Condition, subject: Subject, *, has_unknown: bool = False) -> Condition:
    if subject.provider is None:
        return Condition(f"({found.text})", found.values)
    its = Condition("provider = ?", (subject.provider,))
    if has_unknown:
        its |= of_unknown_provider(subject.provider)
        its = replace(its, text=f"({its.text})")
    return Condition(f"(({found.text}) and {its.text})", (*found.values, *its.values))


def _quoted(value: str) -> str:
    """Return an id as a JSON body has it: quoted, so that no longer id that begins or ends alike is meant."""
    return json.dumps(value, ensure_ascii=False)


Counts = Mapping[str, int]
"""Rows by table."""
