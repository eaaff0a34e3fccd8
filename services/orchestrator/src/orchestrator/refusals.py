"""What becomes of records that can have no workflow: a few are dead letters, many mean that something else is wrong."""

from typing import Protocol

import stamina
from kit.errors import Rejected, Transient
from kit.poison import PoisonLimit, Tolerance
from payments_contracts.topics import NORMALIZED, VALIDATION_DLQ

from orchestrator.activities.dead_letters import DeadLetters
from orchestrator.messages import DeadLetter
from orchestrator.source import Arrival, Poison

_REMEDY = (
    f"So many cannot be the fault of the records: look at what writes {NORMALIZED.name} and at which version of the "
    f"contracts runs here, then start this again. What came before is on {VALIDATION_DLQ.name}, the rest stays in "
    "Kafka. (Settings: POISON_MAX_COUNT, POISON_COUNT_RATIO, POISON_MAX_RATIO, POISON_SPARED, POISON_WINDOW_SECONDS.)"
)


class Letters(DeadLetters, Protocol):
    """Keeps records, too, that never became events; raises Transient while Kafka is away."""

    async def bury(self, poison: Poison) -> None:
        """Return once a letter of the record is durable."""


class Refusals:
    """Dead-letters single records, and stops when they become many.

    Args:
        letters: Where to write them.
        tolerance: How many that may be.
    """

    def __init__(self, letters: Letters, tolerance: Tolerance) -> None:
        self._letters = letters
        self._limit = PoisonLimit(tolerance, f"records of {NORMALIZED.name}", _REMEDY)

    def passed(self) -> None:
        """Note a record that was used."""
        self._limit.passed()

    async def refuse(self, arrival: Arrival | Poison, error: Rejected, undecided: int) -> None:
        """Return once a dead letter of the record is durable; wait as long as Kafka is away.

        Args:
            arrival: The record.
            error: Why it can have no workflow.
            undecided: How many other events have been read whose workflow is neither durable nor refused yet.

        Raises:
            Fault: There were too many; this one has no letter.
        """
        self._limit.refuse(str(arrival.position), error.reason_code, undecided=undecided)
        async for attempt in stamina.retry_context(on=Transient, attempts=None, timeout=None, wait_max=5.0):
            with attempt:
                await self._write(arrival, error)

    async def _write(self, arrival: Arrival | Poison, error: Rejected) -> None:
        if isinstance(arrival, Poison):
            await self._letters.bury(arrival)
            return
        await self._letters.write(
            DeadLetter(
                event=arrival.event, position=arrival.position, reason_code=error.reason_code, reason=error.detail
            )
        )
