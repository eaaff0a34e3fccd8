"""What the operational database knows around an event: for the business rules, and for the fraud model.

Nothing here holds an event up or fails it. Where the database is away, slow or forbidden, what is asked is not known:
rules are undecided, and the model is told nothing of the customer.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

import structlog
from kit.errors import PipelineError
from payments_contracts.inference import FraudScoreRequest
from payments_contracts.pins.orchestrator import PaymentEvent

from orchestrator import metrics
from orchestrator.batches import Batches
from orchestrator.inquiries import (
    CUSTOMER,
    SUBJECT,
    TERMS,
    Customer,
    Inquiry,
    Question,
    Rows,
    Subject,
    Terms,
    customer_asked,
    merchant_asked,
    subject_asked,
    terms_at,
)
from orchestrator.scoring import needs_score

A = TypeVar("A")
_log = structlog.get_logger(__name__)

_PATIENCE_SECONDS: Final = 0.5
_PAUSE_SECONDS: Final = 2.0
_TERMS_HOLD_SECONDS: Final = 5.0
"""How long what was read of a merchant is taken to be so: a change holds so much later at most."""
_MOST_MERCHANTS: Final = 10_000


class Source(Protocol):
    """The operational database."""

    async def rows(self, statement: str, parameters: Sequence[Sequence[str | None]]) -> Rows:
        """Return the rows of a statement; raises Transient while the database is away, Fault where it refuses."""


@dataclass(frozen=True, slots=True)
class Context:
    """What rules compare an event with; None: it is not known.

    Attributes:
        terms: What was agreed with the merchant of a payment when it was made.
        subject: The payment or charge of a refund or dispute.
    """

    terms: Terms | None = None
    subject: Subject | None = None


class LookUps:
    """Asks a source, many events at once. After a failure nobody asks for a moment.

    Args:
        source: What is asked.
        patience_seconds: How long an event waits for an answer.
        pause_seconds: How long a source that failed is left alone.
        clock: Returns seconds that only grow.
    """

    def __init__(
        self,
        source: Source,
        *,
        patience_seconds: float = _PATIENCE_SECONDS,
        pause_seconds: float = _PAUSE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._patience_seconds = patience_seconds
        self._pause_seconds = pause_seconds
        self._clock = clock
        self._left_alone_until = float("-inf")
        self._terms = _Asked(TERMS, source)
        self._subjects = _Asked(SUBJECT, source)
        self._customers = _Asked(CUSTOMER, source)
        self._held: dict[Question, tuple[float, tuple[Terms, ...]]] = {}

    async def check(self) -> None:
        """Ask each question of nothing.

        Raises:
            Fault: A table or column is missing, or the role may not select.
            Transient: The database is away.
        """
        for each in (TERMS, SUBJECT, CUSTOMER):
            await self._source.rows(each.statement, each.parameters([]))

    async def about(self, event: PaymentEvent) -> Context:
        """Return what the business rules compare an event with."""
        if needs_score(event):
            versions = await self._terms_of(merchant_asked(event))
            return Context(terms=None if versions is None else terms_at(versions, event.provider_created_at))
        names_subject = event.related_payment_id is not None or event.related_charge_id is not None
        if names_subject and event.event_type.partition(".")[0] in {"refund", "dispute"}:
            subject = await self._known(self._subjects, subject_asked(event))
            return Context(subject=subject)
        return Context()

    async def customer(self, request: FraudScoreRequest) -> Customer | None:
        """Return what is known of who pays; None of a payment that names no customer, and where it cannot be told."""
        if request.customer_id is None:
            return None
        return await self._known(self._customers, customer_asked(request))

    async def _terms_of(self, merchant: Question) -> tuple[Terms, ...] | None:
        until, versions = self._held.get(merchant, (float("-inf"), ()))
        now = self._clock()
        if now < until:
            return versions
        found = await self._known(self._terms, merchant)
        if found is not None:
            if len(self._held) >= _MOST_MERCHANTS:
                self._held.clear()
            self._held[merchant] = now + _TERMS_HOLD_SECONDS, found
        return found

    async def _known(self, asked: "_Asked[A]", question: Question) -> A | None:
        if self._clock() < self._left_alone_until:
            return None
        try:
            async with asyncio.timeout(self._patience_seconds):
                return await asked.batches.ask(question)
        except (PipelineError, TimeoutError) as error:
            if self._clock() >= self._left_alone_until:
                # Told once for all who waited.
                metrics.LOOK_UP_FAILURES.labels(asked.inquiry.name).inc()
                _log.warning("look_up_failed", asked=asked.inquiry.name, error=str(error) or "no answer in time")
                self._left_alone_until = self._clock() + self._pause_seconds
            return None


class _Asked(Generic[A]):
    """An inquiry whose questions go to a source in batches."""

    def __init__(self, inquiry: Inquiry[A], source: Source) -> None:
        self.inquiry = inquiry
        self._source = source
        self.batches: Batches[Question, A] = Batches(self._ask)

    async def _ask(self, questions: Sequence[Question]) -> list[A]:
        with metrics.LOOK_UP_SECONDS.labels(self.inquiry.name).time():
            rows = await self._source.rows(self.inquiry.statement, self.inquiry.parameters(questions))
        return self.inquiry.answers(rows, len(questions))
