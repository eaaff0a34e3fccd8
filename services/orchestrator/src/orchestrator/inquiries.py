"""What rows around an event tell of it: statements for many questions at once, and what their rows mean. Pure.

A question is a few texts, and a statement takes a list of each of them: so one statement answers all that is asked at a
time. Each reads a bounded number of rows for each question, by an index of contracts/database.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Generic, Literal, TypeVar

from payments_contracts.database import MERCHANT_TERMS, PAYMENT_EVENTS
from payments_contracts.inference import FraudScoreRequest
from payments_contracts.pins.orchestrator import PaymentEvent

A = TypeVar("A")
Question = tuple[str | None, ...]
Rows = Sequence[tuple[Any, ...]]
Flag = Literal["new_customer", "recent_failures", "previous_dispute"]

_MOST: Final = 200
"""Rows that are looked at for a question, the newest first."""
_MOST_VERSIONS: Final = 100
_FAILURES_FROM: Final = 2
"""So many failed attempts within a day are more than bad luck."""

_TERMS: Final = """
SELECT asked.place, held.status, held.allowed_currencies, held.payment_limits, held.changed_at
FROM unnest($1::text[]) WITH ORDINALITY AS asked (merchant, place)
CROSS JOIN LATERAL (
    SELECT version, status, allowed_currencies, payment_limits, changed_at FROM "{table}"
    WHERE merchant_id = asked.merchant ORDER BY version DESC LIMIT {most}
) AS held
ORDER BY asked.place, held.version
"""
_REFUNDS: Final = """            SELECT *
            FROM "{table}"
            WHERE provider = asked.source AND related_payment_id = asked.payment
                AND event_type LIKE 'refund.%' AND provider_object_id IS DISTINCT FROM asked.object
                AND (provider_created_at, event_id) < (asked.at::timestamptz, asked.event)
            LIMIT {most}"""
_EARLIER: Final = """    SELECT coalesce(sum(abs(amount_cents)) FILTER (
        WHERE currency = asked.money AND status NOT IN ('failed', 'canceled')
    ), 0) AS refunded
    FROM (
        SELECT DISTINCT ON (provider_object_id) amount_cents, currency, status
        FROM (
{refunds}
        ) AS told
        ORDER BY provider_object_id, provider_created_at DESC, event_id DESC
    ) AS latest"""
_ITSELF: Final = """    SELECT count(*) > 0 AS is_told, max(coalesce(captured_cents, amount_cents)) FILTER (
        WHERE currency = asked.money AND status IN ('succeeded', 'partially_refunded', 'refunded')
    ) AS received
    FROM (
        SELECT captured_cents, amount_cents, currency, status FROM "{table}"
        WHERE provider = asked.source AND provider_object_id IN (asked.payment, asked.charge)
        LIMIT {most}
    ) AS told"""
_SUBJECT: Final = """
SELECT asked.place, itself.is_told, itself.received, earlier.refunded, coalesce((
    -- The oldest by the index; whether there is any would be looked for among all rows.
    SELECT provider_created_at FROM "{table}"
    WHERE merchant_id = asked.merchant ORDER BY provider_created_at LIMIT 1
) < asked.at::timestamptz - interval '540 days', false)
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[])
    WITH ORDINALITY
    AS asked (source, payment, charge, object, merchant, money, at, event, place)
CROSS JOIN LATERAL (
{itself}
) AS itself
CROSS JOIN LATERAL (
{earlier}
) AS earlier
"""
_DISPUTES: Final = """            SELECT FROM "{table}" AS dispute
            WHERE dispute.provider = paid.provider
                AND dispute.related_payment_id IN (paid.provider_object_id, paid.related_charge_id)
                AND dispute.event_type LIKE 'dispute.%' AND dispute.provider_created_at < asked.at::timestamptz"""
# Where versions of a payment are told, so are failures again, and another attempt is another payment.
_VERSIONED: Final = "object_version IS NOT NULL OR object_updated_at IS NOT NULL"
_ATTEMPT: Final = """CASE
            WHEN is_versioned THEN provider || ' ' || provider_object_id ELSE coalesce(related_charge_id, event_id)
        END"""
_PAID: Final = """        SELECT
            *,
            provider_object_id IS DISTINCT FROM asked.payment AS is_other,
            {versioned} AS is_versioned,
            provider_created_at >= asked.at::timestamptz - interval '1 hour' AS is_lately,
            provider_created_at >= asked.at::timestamptz - interval '1 day' AS is_today
        FROM "{table}"
        WHERE merchant_id = asked.merchant AND customer_id = asked.customer
            AND (provider_created_at, event_id) < (asked.at::timestamptz, asked.event)
        ORDER BY provider_created_at DESC
        LIMIT {most}"""
_CUSTOMER: Final = """
SELECT asked.place, known.*
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) WITH ORDINALITY
    AS asked (merchant, customer, payment, at, event, place)
CROSS JOIN LATERAL (
    SELECT
        count(*) FILTER (WHERE is_other) AS earlier,
        count(DISTINCT provider_object_id) FILTER (WHERE is_other AND is_lately) AS last_hour,
        count(DISTINCT {attempt}) FILTER (WHERE status = 'failed' AND is_today AND (is_other OR NOT is_versioned))
            AS failures,
        coalesce(bool_or(EXISTS (
{disputes}
        )), false) AS disputed
    FROM (
{paid}
    ) AS paid
    WHERE event_type LIKE 'payment.%' OR (event_type LIKE 'charge.%' AND related_payment_id IS NULL)
) AS known
"""


@dataclass(frozen=True, slots=True)
class Terms:
    """A version of what is agreed with a merchant: see its contract."""

    status: str
    allowed_currencies: frozenset[str]
    payment_limits: Mapping[str, int]
    since: datetime


@dataclass(frozen=True, slots=True)
class Subject:
    """What is known of the payment or charge that a refund or dispute is about.

    Attributes:
        is_told: Whether any event has told of it.
        received: The most that it has received, in the minor unit of the currency that was asked about; None where
            it is not known to have received anything in that.
        refunded: What earlier refunds of it, neither failed nor canceled, have taken, in the same unit.
        reaches_back: Whether events of the merchant are stored from longer ago than a dispute may come after a payment.
    """

    is_told: bool
    received: int | None
    refunded: int
    reaches_back: bool


@dataclass(frozen=True, slots=True)
class Customer:
    """What is known of a merchant's customer before an event: see the contract of the fraud request."""

    flags: tuple[Flag, ...]
    payments_last_hour: int
    previous_attempts: int


@dataclass(frozen=True, slots=True)
class Inquiry(Generic[A]):
    """A kind of question: its name in metrics, the statement, and what the rows of one question mean."""

    name: str
    statement: str
    width: int
    read: Callable[[Rows], A]

    def parameters(self, questions: Sequence[Question]) -> list[list[str | None]]:
        """Return the lists that the statement takes."""
        return [[question[place] for question in questions] for place in range(self.width)]

    def answers(self, rows: Rows, count: int) -> list[A]:
        """Return the answer to each of `count` questions, in their order."""
        found: list[list[tuple[Any, ...]]] = [[] for _ in range(count)]
        for place, *row in rows:
            found[place - 1].append(tuple(row))
        return [self.read(each) for each in found]


def merchant_asked(event: PaymentEvent) -> Question:
    """Return the question of TERMS about an event's merchant."""
    return (event.merchant_id,)


def subject_asked(event: PaymentEvent) -> Question:
    """Return the question of SUBJECT about what a refund or dispute is about."""
    return (
        event.provider,
        event.related_payment_id,
        event.related_charge_id,
        event.provider_object_id,
        event.merchant_id,
        event.currency,
        event.provider_created_at.isoformat(),
        event.event_id,
    )


def customer_asked(request: FraudScoreRequest) -> Question:
    """Return the question of CUSTOMER about who pays."""
    return (
        request.merchant_id,
        request.customer_id,
        request.payment_id,
        request.occurred_at.isoformat(),
        request.event_id,
    )


def terms_at(versions: Sequence[Terms], moment: datetime) -> Terms | None:
    """Return the version that held at a moment; None where nothing was agreed by then."""
    return next((each for each in reversed(versions) if each.since <= moment), None)


def _terms(rows: Rows) -> tuple[Terms, ...]:
    return tuple(Terms(status, frozenset(allowed), limits, since) for status, allowed, limits, since in rows)


def _subject(rows: Rows) -> Subject:
    ((is_told, received, refunded, reaches_back),) = rows
    return Subject(is_told, received, int(refunded), reaches_back)


def _customer(rows: Rows) -> Customer:
    ((earlier, last_hour, failures, disputed),) = rows
    flags: dict[Flag, bool] = {
        "new_customer": earlier == 0,
        "recent_failures": failures >= _FAILURES_FROM,
        "previous_dispute": disputed,
    }
    return Customer(tuple(name for name, is_so in flags.items() if is_so), last_hour, failures)


def _filled(statement: str, **parts: str) -> str:
    plain = {"table": PAYMENT_EVENTS.name, "most": _MOST}
    return statement.format(**plain, **{name: part.format(**plain) for name, part in parts.items()})


TERMS: Final = Inquiry(
    "terms",
    _TERMS.format(table=MERCHANT_TERMS.name, most=_MOST_VERSIONS),
    1,
    _terms,
)
"""All versions of what is agreed with a merchant, the oldest first."""

SUBJECT: Final = Inquiry(
    "subject",
    _filled(_SUBJECT, itself=_ITSELF, earlier=_EARLIER.replace("{refunds}", _REFUNDS)),
    8,
    _subject,
)
"""What a refund or dispute is about. A dispute may come 540 days after the payment, by the rules of the networks."""

CUSTOMER: Final = Inquiry(
    "customer",
    _filled(_CUSTOMER, disputes=_DISPUTES, attempt=_ATTEMPT, paid=_PAID.replace("{versioned}", _VERSIONED)),
    5,
    _customer,
)
"""What is known of a merchant's customer by the payments that the provider dates before the event."""
