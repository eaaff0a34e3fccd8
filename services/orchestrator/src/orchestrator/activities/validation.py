"""The rules, with the rule book that this worker was given."""

from payments_contracts.pins.orchestrator import PaymentEvent
from temporalio import activity

from orchestrator.rules import RuleBook, violations


class ValidationActivities:
    """Evaluates the business rules."""

    def __init__(self, book: RuleBook) -> None:
        self._book = book

    @activity.defn
    async def validate_business_rules(self, event: PaymentEvent) -> list[str]:
        """Return the codes of the rules that the event breaks."""
        return violations(event, self._book)
