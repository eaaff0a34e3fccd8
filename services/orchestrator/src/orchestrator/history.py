"""Which attempt at a payment or invoice has failed, by the rows of the attempts before it. Pure.

An attempt is an event of the same type that the provider dates earlier; events of one instant follow by their ids. So
the number does not depend on when an event comes, or how often: only on which of the earlier ones are stored.

A provider that numbers or dates the versions of its payments tells each change of one that has failed once more, and
makes another payment for another attempt: there a payment is one attempt. Elsewhere one fails as often as that is told.
Of an invoice, which may fail again and again, each version is an attempt.
"""

from dataclasses import dataclass
from functools import partial
from typing import Final

from payments_contracts.database import Table
from payments_contracts.pins.orchestrator import PaymentEvent

_MOST: Final = 1_000
"""Rows that are looked at, of one object: far beyond any number of attempts that advice knows."""

_COUNT: Final = """
SELECT count(DISTINCT attempt) FROM (
    SELECT CASE WHEN {versioned} THEN provider_object_id ELSE event_id END AS attempt FROM "{table}"
    WHERE provider = $1 AND {key} = $2 AND event_type = $3 AND (provider_created_at, event_id) < ($4, $5)
        AND ({versioned} AND provider_object_id = $6) IS NOT TRUE
    LIMIT {most}
) AS earlier
"""
_COUNT_OF_INVOICE: Final = """
SELECT count(DISTINCT coalesce(object_version::text, event_id)) FROM (
    SELECT object_version, event_id FROM "{table}"
    WHERE provider = $1 AND provider_object_id = $2 AND event_type = $3
        AND (provider_created_at, event_id) < ($4, $5) AND (object_version = $6) IS NOT TRUE
    LIMIT {most}
) AS earlier
"""
_VERSIONED: Final = "(object_version IS NOT NULL OR object_updated_at IS NOT NULL)"
_COUNTED_BY_THE_INVOICE: Final = """
SELECT max(attempt_number) FROM (
    SELECT attempt_number FROM "{table}"
    WHERE provider = $1 AND provider_object_id = $2 AND event_type = $3 AND (provider_created_at, event_id) < ($4, $5)
    LIMIT {most}
) AS earlier
"""
_INVOICE_FAILED: Final = "invoice.payment_failed"


@dataclass(frozen=True, slots=True)
class Question:
    """A statement with its parameters, whose one value is how many attempts there were, the present one left out.

    Of the invoice's own count nobody knows whether it includes the present attempt; it is the least that there were.
    """

    statement: str
    parameters: tuple[str | None, ...]
    includes_present: bool = False


class History:
    """Asks a table of events for the attempts before one."""

    def __init__(self, table: Table) -> None:
        """Take the table that holds the events."""
        count = partial(_COUNT.format, table=table.name, versioned=_VERSIONED, most=_MOST)
        self._by_object = count(key="provider_object_id")
        self._by_invoice = count(key="related_invoice_id")
        self._by_version = _COUNT_OF_INVOICE.format(table=table.name, most=_MOST)
        self._by_the_invoice = _COUNTED_BY_THE_INVOICE.format(table=table.name, most=_MOST)

    def questions(self, event: PaymentEvent) -> tuple[Question, ...]:
        """Return what to ask about an event; nothing where it names no object."""
        if event.provider_object_id is None:
            return ()
        until = (event.provider_created_at.isoformat(), event.event_id)
        itself = event.provider_object_id
        asked = [Question(self._by_object, (event.provider, itself, event.event_type, *until, itself))]
        if event.event_type == _INVOICE_FAILED:
            version = None if event.object_version is None else str(event.object_version)
            asked = [Question(self._by_version, (event.provider, itself, event.event_type, *until, version))]
        if event.related_invoice_id is not None:
            invoice = (event.provider, event.related_invoice_id)
            asked += [
                Question(self._by_invoice, (*invoice, event.event_type, *until, itself)),
                Question(self._by_the_invoice, (*invoice, _INVOICE_FAILED, *until), includes_present=True),
            ]
        return tuple(asked)

    @property
    def permissions(self) -> tuple[Question, ...]:
        """Return questions that find nothing, and fail where the role may not ask."""
        nobody = ("", "", "", "infinity", "", "")
        return (
            Question(self._by_object, nobody),
            Question(self._by_invoice, nobody),
            Question(self._by_version, (*nobody[:5], "0")),
            Question(self._by_the_invoice, nobody[:5]),
        )


def attempt(answers: list[tuple[Question, int | None]]) -> int | None:
    """Return which attempt it is that failed, by the answers to all questions; None where nothing was asked."""
    if not answers:
        return None
    return max((answer or 0) + (0 if question.includes_present else 1) for question, answer in answers)
