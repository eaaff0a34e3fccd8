"""Candidates are made of dead letters and of raw events, each with what today's contract says of it."""

import tracemalloc
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from operations.recovery import trial as trial_module
from operations.recovery.events import Failure, Position, RawEvent
from operations.recovery.filters import Filter
from operations.recovery.originals import Missing, Originals
from operations.recovery.portions import MOST_BYTES
from operations.recovery.selection import Choice, RawSelection, Tally, bare, from_quarantine
from operations.recovery.standing import Standing, standings
from operations.recovery.trial import PASSES, Trial, count_reasons, try_raw
from payments_contracts.examples import EXAMPLES, Example
from payments_contracts.pins.operations import RecoveryAction
from payments_contracts.topics import NORMALIZED

from .recovery_cases import HOUR, NOON, failure, raw, refused
from .test_recovery_originals import Held
from .test_recovery_standing import action

NOW = NOON + 100 * HOUR
STRIPE = [each for each in EXAMPLES if each.provider == "stripe"]
ACCEPTED, REJECTED, UNSUPPORTED = (
    next(each for each in STRIPE if each.kind == kind) for kind in ("accepted", "rejected", "unsupported")
)


def event_of(number: int, example: Example, payload: bytes | None = None) -> RawEvent:
    return raw(
        number,
        payload=example.body if payload is None else payload,
        provider_event_type=example.event_type or "",
        merchant_id=example.merchant_id,
    )


def choose(
    choice: Choice,
    events: Sequence[RawEvent],
    rows: Sequence[int] = (),
    quarantined: Sequence[int] = (),
    last: RecoveryAction | None = None,
) -> tuple[list[str], Tally]:
    actions = {} if last is None else {last.event_id: last}
    selection = RawSelection(
        choice,
        rows=lambda _: {raw(number).event_id for number in rows},
        quarantined={raw(number).event_id for number in quarantined},
        actions=lambda _: actions,
        now=NOW,
    )
    return [each.event_id for each in selection.choose(events)], selection.tally


@pytest.mark.parametrize("example", [each for each in STRIPE if each.kind == "rejected"], ids=lambda each: each.name)
def test_a_trial_gives_the_reasons_of_the_contract(example: Example) -> None:
    trial = try_raw(event_of(0, example))
    assert (trial.verdict, trial.reason_codes) == ("fails", tuple(dict.fromkeys(example.reason_codes)))


def test_a_trial_tells_what_passes_and_what_has_no_mapping() -> None:
    assert try_raw(event_of(0, ACCEPTED)) == PASSES
    trial = try_raw(event_of(0, UNSUPPORTED))
    assert (trial.verdict, trial.reason_codes) == ("unsupported", ("unsupported",))


def test_a_mapping_that_fails_does_not_end_the_trial_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_found: object) -> None:
        raise RecursionError

    monkeypatch.setattr(trial_module, "normalize", fail)
    trial = try_raw(event_of(0, ACCEPTED))
    assert (trial.reason_codes, trial.reasons) == (
        ("mapping_failed",),
        ("the mapping of stripe fails: RecursionError",),
    )


def test_a_record_of_an_unknown_provider_is_no_defect_of_a_mapping() -> None:
    assert try_raw(raw(0, provider="x" * 500_000)).reason_codes == ("record_invalid",)


def test_reasons_are_counted_once_for_an_event() -> None:
    trials = [PASSES, Trial("fails", ("a", "a", "b")), Trial("fails", ("b",))]
    assert count_reasons(trials) == [("b", 2), ("a", 1)]


def test_all_that_matches_is_sent_in_the_order_of_receipt_and_each_event_once() -> None:
    late, early = event_of(2, ACCEPTED), event_of(1, ACCEPTED)
    chosen, tally = choose(Choice(), [late, early, late])
    assert chosen == [early.event_id, late.event_id]
    assert (tally.matched, tally.repeated, tally.considered, tally.passes) == (3, 1, 2, 2)


def test_what_the_contract_does_not_take_is_counted_and_not_sent() -> None:
    events = [event_of(1, REJECTED), event_of(2, UNSUPPORTED), event_of(3, ACCEPTED)]
    chosen, tally = choose(Choice(), events)
    assert chosen == [events[2].event_id]
    assert tally.unsupported == Counter({UNSUPPORTED.event_type: 1})
    assert (tally.failing, set(tally.fails)) == (1, set(REJECTED.reason_codes))
    assert choose(Choice(force=True), events)[0] == [event.event_id for event in events]


def test_unsupported_events_are_those_with_neither_row_nor_dead_letter() -> None:
    events = [event_of(number, ACCEPTED) for number in (1, 2, 3)]
    chosen, tally = choose(Choice(unsupported=True), events, rows=[1], quarantined=[2])
    assert chosen == [events[2].event_id]
    assert (tally.with_row, tally.quarantined) == (1, 1)


def test_events_without_row_may_have_been_quarantined() -> None:
    events = [event_of(number, ACCEPTED) for number in (1, 2)]
    assert choose(Choice(without_row=True), events, rows=[1], quarantined=[2])[0] == [events[1].event_id]


@pytest.mark.parametrize("choice", [Choice(unsupported=True), Choice(without_row=True)])
def test_an_event_that_may_be_on_its_way_is_not_taken_for_lost(choice: Choice) -> None:
    young = raw(1, payload=ACCEPTED.body, received_at=NOW - timedelta(minutes=4))
    chosen, tally = choose(choice, [young])
    assert (chosen, tally.young) == ([], 1)


def test_a_run_that_is_repeated_goes_on_where_it_ended() -> None:
    events = [event_of(number, ACCEPTED) for number in (0, 1)]
    lately = action("sent", NOW - NOON - 2 * HOUR)
    chosen, tally = choose(Choice(), events, last=lately)
    assert (chosen, tally.sent_lately) == ([events[1].event_id], 1)
    assert len(choose(Choice(again=True), events, last=lately)[0]) == 2
    assert len(choose(Choice(), events, last=action("sent", timedelta(0)))[0]) == 2


@pytest.mark.parametrize("restart", [True, False])
def test_workflows_are_started_again_where_that_is_asked_for(*, restart: bool) -> None:
    selection = RawSelection(
        Choice(restart=restart), rows=lambda _: set(), quarantined=(), actions=lambda _: {}, now=NOW
    )
    assert [each.restart for each in selection.choose([event_of(1, ACCEPTED)])] == [restart]


def standing_of(dead_letter: Failure) -> Standing:
    return Standing(dead_letter, 1, "open", None)


def restarts(code: str) -> bool:
    letter = failure(0, read_from=Position(NORMALIZED.name, 0, 0), reason_codes=[code])
    (candidate,) = from_quarantine([standing_of(letter)], Originals(Held(event_of(0, ACCEPTED))))
    return candidate.restart


def test_candidates_of_dead_letters_are_in_the_order_of_receipt_and_tried() -> None:
    source = Held(event_of(0, ACCEPTED), event_of(1, REJECTED))
    found = from_quarantine([standing_of(failure(1)), standing_of(failure(0))], Originals(source))
    assert [(each.event_id, each.trial.verdict) for each in found] == [
        (raw(0).event_id, "passes"),
        (raw(1).event_id, "fails"),
    ]


def test_originals_are_looked_for_when_their_turn_comes() -> None:
    source = Held()
    letters = [failure(number, read_from=Position(NORMALIZED.name, 0, number)) for number in range(501)]
    candidates = from_quarantine([standing_of(each) for each in letters], Originals(source))
    for number, _ in enumerate(candidates):
        assert len(source.asked) == number // 500 + 1
    assert [len(which.event_ids) for which in source.asked] == [500, 1]


class Many(Held):
    """Dead letters with bodies of 100 KB, each made when it is read, and their originals."""

    COUNT, BODY = 1_000, 100_000

    def failures(self, which: Filter, *, bodies: bool = True) -> Iterator[Failure]:
        yield from self._found(range(self.COUNT), which)

    def letters(self, failures: Sequence[Failure]) -> Iterator[Failure]:
        yield from self._found([UUID(each.event_id).int for each in failures], Filter())

    def at(self, places: Collection[Position], within: Filter) -> Iterator[RawEvent]:
        del within
        for place in places:
            yield replace(raw(place.offset, payload=bytes(self.BODY)), value=bytes(self.BODY))

    def _found(self, numbers: Iterable[int], which: Filter) -> Iterator[Failure]:
        # Half of them are the gateway's, whose bodies are in the dead letters alone.
        for number in numbers:
            yield (refused if number % 2 else failure)(number, payload=bytes(self.BODY))
        del which


def test_bodies_of_any_number_are_gone_through_in_bounded_memory() -> None:
    source = Many()
    tracemalloc.start()
    try:
        found = standings(source.failures(Filter()), lambda _: {}, lambda _: set(), lambda _: set())
        trials = Counter(each.trial.reason_codes for each in from_quarantine(found, Originals(source)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert trials.keys() == {("refused_by_gateway",), try_raw(raw(0, payload=bytes(1))).reason_codes}
    assert sum(trials.values()) == Many.COUNT
    # A portion of bodies, twice (an original's record has its own); the letters themselves take a few KB each.
    assert peak < 3 * MOST_BYTES + Many.COUNT * 10_000 < Many.COUNT * Many.BODY


def test_a_candidate_that_is_only_counted_needs_no_body() -> None:
    (candidate,) = from_quarantine([standing_of(failure(0))], Originals(Held(event_of(0, ACCEPTED))))
    assert isinstance(candidate.original, RawEvent)
    original = bare(candidate).original
    assert isinstance(original, RawEvent)
    assert (original.record.payload, original.record.headers, original.value) == (b"", {}, None)
    assert (original.event_id, original.position) == (candidate.event_id, candidate.original.position)


@pytest.mark.parametrize(
    ("code", "expected"), [("row_rejected", True), ("database_row_rejected", True), ("event_too_large", False)]
)
def test_only_a_workflow_that_ended_is_started_again(code: str, *, expected: bool) -> None:
    assert restarts(code) == expected


def test_what_the_gateway_refused_is_tried_and_said_to_need_the_gateway() -> None:
    (candidate,) = from_quarantine([standing_of(refused(0))], Originals(Held()))
    assert candidate.trial.reason_codes == ("refused_by_gateway",)
    assert candidate.trial.reasons == ("the payload is not JSON in UTF-8",)
    assert isinstance(candidate.original, Missing)


def test_a_body_that_the_gateway_refused_and_the_mapping_takes_still_has_to_come_by_the_gateway() -> None:
    body = next(each for each in STRIPE if each.kind == "accepted").body
    (candidate,) = from_quarantine([standing_of(refused(0, payload=body))], Originals(Held()))
    assert (candidate.trial.passes, candidate.trial.reasons) == (
        False,
        ("the mapping takes the body; have the provider send it again",),
    )


def test_what_has_no_original_does_not_pass() -> None:
    (candidate,) = from_quarantine([standing_of(failure(0))], Originals(Held()))
    assert candidate.trial.reason_codes == ("no_original",)
