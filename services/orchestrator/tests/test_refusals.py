from collections.abc import Callable

import pytest
from kit.errors import Fault, Rejected, Transient
from kit.kafka import Partition
from orchestrator.messages import DeadLetter, Position
from orchestrator.refusals import Refusals
from orchestrator.source import Arrival
from payments_contracts.pins.orchestrator import PaymentEvent

MakeEvent = Callable[..., PaymentEvent]
TOO_LARGE = Rejected("larger than Temporal takes", "event_too_large")


class Letters:
    def __init__(self, *errors: Exception) -> None:
        self.written: list[DeadLetter] = []
        self.errors = list(errors)

    async def write(self, letter: DeadLetter) -> None:
        if self.errors:
            raise self.errors.pop()
        self.written.append(letter)


async def test_a_refused_event_becomes_a_dead_letter_with_its_place_and_reason(make_event: MakeEvent) -> None:
    letters = Letters()
    event = make_event()
    await Refusals(letters).refuse(Arrival(Partition("t", 2), 11, event), TOO_LARGE)
    assert letters.written == [
        DeadLetter(
            event=event,
            position=Position(topic="t", partition=2, offset=11),
            reason_code="event_too_large",
            reason="larger than Temporal takes",
        )
    ]


async def test_many_refusals_within_the_window_stop_the_consumer(make_event: MakeEvent) -> None:
    letters = Letters()
    refusals = Refusals(letters, limit=2, window_seconds=60)
    for offset in range(2):
        await refusals.refuse(Arrival(Partition("t", 0), offset, make_event()), TOO_LARGE)
    with pytest.raises(Fault, match="3 events were refused"):
        await refusals.refuse(Arrival(Partition("t", 0), 2, make_event()), TOO_LARGE)
    assert len(letters.written) == 2


async def test_refusals_that_are_rare_never_stop_it(make_event: MakeEvent) -> None:
    refusals = Refusals(letters := Letters(), limit=1, window_seconds=-1)
    for offset in range(3):
        await refusals.refuse(Arrival(Partition("t", 0), offset, make_event()), TOO_LARGE)
    assert len(letters.written) == 3


async def test_waits_for_kafka_without_troubling_anyone_else(make_event: MakeEvent) -> None:
    letters = Letters(Transient("no broker"), Transient("no broker"))
    await Refusals(letters).refuse(Arrival(Partition("t", 0), 0, make_event()), TOO_LARGE)
    assert len(letters.written) == 1


async def test_an_event_that_is_read_again_and_again_counts_once(make_event: MakeEvent) -> None:
    refusals = Refusals(letters := Letters(), limit=1)
    for _ in range(5):
        await refusals.refuse(Arrival(Partition("t", 0), 0, make_event()), TOO_LARGE)
    assert len(letters.written) == 5
