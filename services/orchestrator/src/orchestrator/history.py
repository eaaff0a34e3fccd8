"""Which attempt has failed, by the rows of the attempts before it. Pure.

An attempt is an event of the same type that the provider dates earlier; events of one instant follow by their ids. So
the number does not depend on when an event comes, or how often: only on which of the earlier ones are stored.

What attempts are attempts at is in the provider's contract (`attempts`). Where a payment may fail several times, it
fails as often as that is told. Where each attempt is a payment of its own, those of one order are counted, and of one
invoice: each once, however often its failure is told. Where nothing names what several payments are attempts at,
nothing is asked: a payment that can fail only once would always be at its first. Of an invoice, each version that
failed is an attempt.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from payments_contracts.database import Table
from payments_contracts.pins.orchestrator import PaymentEvent
from payments_contracts.providers import PROVIDERS, Attempts

_MOST: Final = 1_000
"""Rows that are looked at, of one object: far beyond any number of attempts that advice knows."""

_COUNT: Final = """
SELECT count(DISTINCT attempt) FROM (
    SELECT coalesce({attempt}, event_id) AS attempt FROM "{table}"
    WHERE provider = $1 AND {found} = $2 AND event_type = $3 AND (provider_created_at, event_id) < ($4, $5)
        AND ({attempt} = $6) IS NOT TRUE
    LIMIT {most}
) AS earlier
"""
_COUNTED_BY_THE_INVOICE: Final = """
SELECT max(attempt_number) FROM (
    SELECT attempt_number FROM "{table}"
    WHERE provider = $1 AND provider_object_id = $2 AND event_type = $3 AND (provider_created_at, event_id) < ($4, $5)
    LIMIT {most}
) AS earlier
"""
_INVOICE_FAILED: Final = "invoice.payment_failed"
_PAYMENT: Final = "payment."

Declared = Mapping[str, Attempts]
"""By provider, what several attempts are attempts at; one that is not there does not say."""

DECLARED: Final[Declared] = {name: each.attempts for name, each in PROVIDERS.items() if each.attempts is not None}
"""What the contracts say."""


@dataclass(frozen=True, slots=True)
class Question:
    """A statement with its parameters, whose one value is how many attempts there were, the present one left out.

    It is not known whether the invoice's own count includes the present attempt; it is the least that there were.
    """

    statement: str
    parameters: tuple[str | None, ...]
    includes_present: bool = False


class History:
    """Asks a table of events for the attempts before one."""

    def __init__(self, table: Table, declared: Declared = DECLARED) -> None:
        """Take the table that holds the events, and what providers say of attempts."""
        count = partial(_COUNT.format, table=table.name, most=_MOST)
        self._declared = declared
        self._by_payment = count(found="provider_object_id", attempt="event_id")
        self._by_invoice = {
            each: count(found="related_invoice_id", attempt=each) for each in ("event_id", "provider_object_id")
        }
        self._by_order = {
            each.key: count(found=f"(metadata ->> '{each.key}')", attempt="provider_object_id")
            for each in declared.values()
            if each.key is not None
        }
        self._by_version = count(found="provider_object_id", attempt="object_version::text")
        self._by_the_invoice = _COUNTED_BY_THE_INVOICE.format(table=table.name, most=_MOST)

    def questions(self, event: PaymentEvent) -> tuple[Question, ...]:
        """Return what to ask about an event; nothing where it does not say what it is an attempt at."""
        itself = event.provider_object_id
        if itself is None:
            return ()
        until = (event.provider_created_at.isoformat(), event.event_id)
        if event.event_type == _INVOICE_FAILED:
            version = None if event.object_version is None else str(event.object_version)
            return (Question(self._by_version, (event.provider, itself, event.event_type, *until, version)),)
        said = self._declared.get(event.provider)
        # A charge that belongs to no payment is one attempt, and can fail only once.
        repeats = said is not None and said.at == "payment" and event.event_type.startswith(_PAYMENT)
        known = event.event_id if repeats else itself
        asked = []
        if repeats:
            asked.append(Question(self._by_payment, (event.provider, itself, event.event_type, *until, known)))
        order = None if said is None or said.key is None else event.metadata.get(said.key)
        if said is not None and said.key is not None and order:
            statement = self._by_order[said.key]
            asked.append(Question(statement, (event.provider, order, event.event_type, *until, known)))
        if event.related_invoice_id is not None:
            invoice = (event.provider, event.related_invoice_id)
            statement = self._by_invoice["event_id" if repeats else "provider_object_id"]
            asked += [
                Question(statement, (*invoice, event.event_type, *until, known)),
                Question(self._by_the_invoice, (*invoice, _INVOICE_FAILED, *until), includes_present=True),
            ]
        return tuple(asked)

    @property
    def permissions(self) -> tuple[Question, ...]:
        """Return questions that find nothing, and fail where the role may not ask."""
        nobody = ("", "", "", "infinity", "", "")
        counted = (self._by_payment, *self._by_invoice.values(), *self._by_order.values(), self._by_version)
        return (*(Question(each, nobody) for each in counted), Question(self._by_the_invoice, nobody[:5]))


def attempt(answers: list[tuple[Question, int | None]]) -> int | None:
    """Return which attempt it is that failed, by the answers to all questions; None where nothing was asked."""
    if not answers:
        return None
    return max((answer or 0) + (0 if question.includes_present else 1) for question, answer in answers)
