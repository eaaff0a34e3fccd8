"""The original record of a dead letter is found, or it is said why there is none."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

import pytest
from operations.recovery.events import Failure, Position, RawEvent
from operations.recovery.filters import Filter
from operations.recovery.originals import Missing, Originals
from payments_contracts.topics import NORMALIZED

from .recovery_cases import failure, raw, refused

OF_THE_ORCHESTRATOR = failure(
    5, read_from=Position(NORMALIZED.name, 2, 9), payload=b'{"event_id": "x"}', reason_codes=["row_rejected"]
)


class Held:
    """A source that holds some raw events."""

    unreadable = 0

    def __init__(self, *events: RawEvent) -> None:
        self._events = events
        self.asked: list[Filter] = []
        self.held: list[Failure] = []

    def raw(self, which: Filter) -> Iterator[RawEvent]:
        self.asked.append(which)
        yield from (event for event in self._events if which.covers(event))

    def failures(self, which: Filter, *, bodies: bool = True) -> Iterator[Failure]:
        raise AssertionError(which)

    def letters(self, failures: Sequence[Failure]) -> Iterator[Failure]:
        places = {each.position for each in failures}
        yield from (each for each in self.held if each.position in places)

    def at(self, places: Collection[Position], within: Filter) -> Iterator[RawEvent]:
        yield from (event for event in self._events if event.position in places and within.covers(event))


def read_again(source: Held, dead_letter: Failure) -> Failure:
    source.held.append(dead_letter)
    return dead_letter.bare()


def find(source: Held, failures: Sequence[Failure], *, rebuild: bool | None = None) -> list[RawEvent | Missing]:
    found = Originals(source, rebuild=rebuild).find(failures)
    return [found[each.event_id] for each in failures]


def test_it_is_found_at_the_place_that_the_dead_letter_names() -> None:
    source = Held(raw(0), raw(1))
    assert find(source, [failure(0), failure(1)]) == [raw(0), raw(1)]
    assert source.asked == []


def test_another_event_at_its_place_is_not_taken_for_it() -> None:
    # The topic was made anew: its places are those of other events.
    moved = raw(0, position=Position("payments.stripe.raw", 4, 4))
    assert find(Held(raw(7, position=failure(0).source), moved), [failure(0)]) == [moved]


def test_a_record_that_could_not_be_read_is_found_by_its_bytes_once_it_can() -> None:
    event = replace(raw(0), value=b"\x00\x00\x00\x00\x63record")
    dead_letter = failure(0, event_id="made of the bytes", payload=event.value)
    assert find(Held(event), [dead_letter]) == [event]
    assert find(Held(event), [dead_letter.bare()]) == [event], "what is known of the bytes tells it, too"
    other = failure(0, event_id="made of the bytes", payload=b"\x00\x00\x00\x00\x63anothe")
    (found,) = find(Held(event), [other.bare()])
    assert isinstance(found, Missing)


def test_the_orchestrator_s_is_found_by_its_id() -> None:
    assert find(Held(raw(5)), [OF_THE_ORCHESTRATOR]) == [raw(5)]


@pytest.mark.parametrize(
    ("dead_letter", "reason"),
    [
        (failure(0), "--rebuild"),
        (refused(0), "only the gateway can make an event"),
        (OF_THE_ORCHESTRATOR, "the unified event alone"),
        (failure(0, payload=b"\x00\x00\x00\x00\x63...", reason_codes=["schema_unknown"]), "no whole body"),
    ],
)
def test_it_is_said_why_there_is_none(dead_letter: Failure, reason: str) -> None:
    (found,) = find(Held(), [dead_letter])
    assert isinstance(found, Missing)
    assert reason in found.reason


@pytest.mark.parametrize(
    "dead_letter", [refused(0), OF_THE_ORCHESTRATOR, failure(0, payload=b"{", reason_codes=["record_too_large"])]
)
def test_only_a_dead_letter_with_the_body_of_an_event_can_be_made_an_event_again(dead_letter: Failure) -> None:
    (found,) = find(Held(), [dead_letter], rebuild=True)
    assert isinstance(found, Missing)


@pytest.mark.parametrize("live", [True, False])
def test_an_event_is_made_of_its_dead_letter_as_live_or_test_as_a_person_says(*, live: bool) -> None:
    (found,) = find(Held(), [failure(0)], rebuild=live)
    assert isinstance(found, RawEvent)
    lost: dict[str, object] = {"headers": {}, "provider_created_at": None, "livemode": live, "schema_version": 1}
    assert found.record == raw(0).record.model_copy(update=lost)
    assert (found.origin, found.position, found.value) == ("dead_letter", failure(0).source, None)


def test_the_body_of_a_dead_letter_is_read_again_where_an_event_is_made_of_it() -> None:
    source = Held()
    (found,) = find(source, [read_again(source, failure(0))], rebuild=True)
    assert isinstance(found, RawEvent)
    assert found.record.payload == failure(0).record.payload


def test_no_event_is_made_of_a_dead_letter_that_is_gone_meanwhile() -> None:
    (found,) = find(Held(), [failure(0).bare()], rebuild=True)
    assert isinstance(found, Missing)
    assert "nor is the dead letter held" in found.reason
