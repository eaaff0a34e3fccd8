from collections.abc import Callable

import pytest
from kit.errors import Fault, Rejected, Transient
from kit.kafka import Partition
from kit.poison import Tolerance
from orchestrator.messages import DeadLetter, Position
from orchestrator.refusals import Refusals
from orchestrator.routing import Unusable
from orchestrator.source import Arrival, Poison
from payments_contracts.pins.orchestrator import PaymentEvent

MakeEvent = Callable[..., PaymentEvent]
TOO_LARGE = Rejected("larger than Temporal takes", "event_too_large")
ANY = Tolerance()
PLACE = Partition("t", 0)


class Letters:
    def __init__(self, *errors: Exception) -> None:
        self.written: list[DeadLetter] = []
        self.buried: list[Poison] = []
        self.errors = list(errors)

    async def write(self, letter: DeadLetter) -> None:
        if self.errors:
            raise self.errors.pop()
        self.written.append(letter)

    async def bury(self, poison: Poison) -> None:
        if self.errors:
            raise self.errors.pop()
        self.buried.append(poison)


def poison(offset: int) -> Poison:
    return Poison(PLACE, offset, b"merch_1", b"\x07", Unusable("not in the wire format", "wire_format"))


async def test_a_refused_event_becomes_a_dead_letter_with_its_place_and_reason(make_event: MakeEvent) -> None:
    letters = Letters()
    event = make_event()
    await Refusals(letters, ANY).refuse(Arrival(Partition("t", 2), 11, event), TOO_LARGE, 0)
    assert letters.written == [
        DeadLetter(
            event=event,
            position=Position(topic="t", partition=2, offset=11),
            reason_code="event_too_large",
            reason="larger than Temporal takes",
        )
    ]


async def test_a_record_that_is_no_event_is_buried_as_it_is() -> None:
    letters, found = Letters(), poison(7)
    await Refusals(letters, ANY).refuse(found, found.error, 0)
    assert (letters.buried, letters.written) == ([found], [])


async def test_many_refusals_within_the_window_stop_the_consumer_and_the_last_has_no_letter(
    make_event: MakeEvent,
) -> None:
    refusals = Refusals(letters := Letters(), Tolerance(max_count=2))
    await refusals.refuse(Arrival(PLACE, 0, make_event()), TOO_LARGE, 0)
    await refusals.refuse(poison(1), poison(1).error, 0)
    with pytest.raises(
        Fault, match=r"3 of 3 records of payments\.normalized .*event_too_large \(2\), wire_format \(1\)"
    ):
        await refusals.refuse(Arrival(PLACE, 2, make_event()), TOO_LARGE, 0)
    assert (len(letters.written), len(letters.buried)) == (1, 1)


async def test_what_was_used_makes_the_share_of_the_others_smaller(make_event: MakeEvent) -> None:
    refusals = Refusals(letters := Letters(), Tolerance(max_count=99, max_ratio=0.5, spared=0))
    for offset in range(5):
        refusals.passed()
        await refusals.refuse(Arrival(PLACE, offset, make_event()), TOO_LARGE, 0)
    assert len(letters.written) == 5
    with pytest.raises(Fault, match=r"6 of 11 "):
        await refusals.refuse(Arrival(PLACE, 5, make_event()), TOO_LARGE, 0)


@pytest.mark.parametrize("offset", [0, 1])
async def test_waits_for_kafka_without_troubling_anyone_else(make_event: MakeEvent, offset: int) -> None:
    letters = Letters(Transient("no broker"), Transient("no broker"))
    arrival = poison(0) if offset else Arrival(PLACE, 0, make_event())
    await Refusals(letters, ANY).refuse(arrival, TOO_LARGE, 0)
    assert len(letters.written) + len(letters.buried) == 1


async def test_an_event_that_is_read_again_and_again_counts_once(make_event: MakeEvent) -> None:
    refusals = Refusals(letters := Letters(), Tolerance(max_count=1))
    for _ in range(5):
        await refusals.refuse(Arrival(PLACE, 0, make_event()), TOO_LARGE, 0)
    assert len(letters.written) == 5
