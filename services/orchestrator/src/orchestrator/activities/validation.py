"""The rules, with the rule book that this worker was given, and what is known around the event."""

from typing import Protocol

from payments_contracts.pins.orchestrator import PaymentEvent
from temporalio import activity

from orchestrator.look_ups import Context
from orchestrator.messages import Verdicts
from orchestrator.rules import RuleBook, verdicts


class Surroundings(Protocol):
    """Knows what is around an event; what cannot be told in time is not known, and nothing is raised."""

    async def about(self, event: PaymentEvent) -> Context:
        """Return what the rules compare the event with."""


class ValidationActivities:
    """Evaluates the business rules."""

    def __init__(self, book: RuleBook, surroundings: Surroundings | None = None) -> None:
        self._book = book
        self._surroundings = surroundings

    @activity.defn
    async def validate_business_rules(self, event: PaymentEvent) -> Verdicts | list[str]:
        """Return what the rules say of the event; histories of before hold the codes of broken ones alone."""
        context = Context() if self._surroundings is None else await self._surroundings.about(event)
        return verdicts(event, self._book, context)
