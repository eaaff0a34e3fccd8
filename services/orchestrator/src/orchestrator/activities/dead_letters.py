"""Events that a row cannot be made of."""

from typing import Protocol

from temporalio import activity

from orchestrator.messages import DeadLetter


class DeadLetters(Protocol):
    """Keeps events that were refused; raises Transient while Kafka is away."""

    async def write(self, letter: DeadLetter) -> None:
        """Return once the letter is durable."""


class DeadLetterActivities:
    """Writes dead letters."""

    def __init__(self, dead_letters: DeadLetters) -> None:
        self._dead_letters = dead_letters

    @activity.defn
    async def dead_letter(self, letter: DeadLetter) -> None:
        """Return once the letter is durable; safe to repeat, since its key is the event's id.

        Raises:
            Transient: Kafka is away.
        """
        await self._dead_letters.write(letter)
