"""Events are sent again on record, at a bounded rate, and no further than failures allow."""

import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from operations.errors import UnavailableError
from operations.recovery.events import Position, RawEvent
from operations.recovery.originals import Missing
from operations.recovery.redrive import Candidate, Limits, Redrive, Report, Run
from operations.recovery.sending import Batch
from operations.recovery.trial import PASSES, Trial
from payments_contracts.pins.operations import RecoveryAction

from .recovery_cases import NOON, raw

FAST = 1000.0
FAILS = Trial("fails", ("currency_unknown",), ("currency: is not known",))


@dataclass
class World:
    """A pipeline that answers as it is told to."""

    written: list[str] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    recorded: list[RecoveryAction] = field(default_factory=list)
    failing: set[str] = field(default_factory=set)
    with_row: set[str] = field(default_factory=set)
    restartable: bool = True
    refused_after: int | None = None
    restarts: int | None = None
    _told: set[str] = field(default_factory=set)

    def send(self, events: Sequence[RawEvent], run_id: str) -> Batch:
        del run_id
        batch = Batch()
        for event in events:
            if self.refused_after is not None and len(self.written) >= self.refused_after:
                batch.trouble = "the broker went away"
                break
            self.written.append(event.event_id)
            batch.written[event.event_id] = Position("payments.stripe.raw", 1, len(self.written))
        self.batches.append(len(events))
        return batch

    def record(self, actions: Sequence[RecoveryAction]) -> None:
        self.recorded += actions

    def failed(self) -> dict[str, tuple[str, ...]]:
        new = (self.failing & set(self.written)) - self._told
        self._told |= new
        codes: dict[str, tuple[str, ...]] = dict.fromkeys(new, ("currency_unknown",))
        return codes | {"of somebody else": ("other",)}

    def rows(self, event_ids: Collection[str]) -> set[str]:
        return self.with_row & set(event_ids)

    def restart(self, event_id: str) -> str | None:
        if self.restarts is not None:
            if not self.restarts:
                raise UnavailableError("Temporal does not answer")
            self.restarts -= 1
        return None if self.restartable else "Temporal knows no workflow of it any more"


def redriving(
    world: World, limits: Limits, stop: threading.Event | None = None, tell: Callable[[Report], None] = lambda _: None
) -> Redrive:
    return Redrive(
        Run("redrive", "somebody", '{"provider":["stripe"]}', "run-1"),
        limits,
        sender=world,
        ledger=world,
        watch=world,
        restart=world.restart,
        rows=world.rows,
        clock=lambda: NOON,
        stop=stop or threading.Event(),
        tell=tell,
    )


def candidates(count: int, trial: Trial = PASSES, *, restart: bool = False) -> list[Candidate]:
    return [
        Candidate(event.event_id, "stripe", event, trial, ("amount_missing",), restart)
        for event in (raw(number) for number in range(count))
    ]


def test_events_are_sent_in_order_and_each_is_on_record() -> None:
    world, made = World(), candidates(250)
    report = redriving(world, Limits(FAST)).send(made)
    assert world.written == [each.event_id for each in made]
    assert world.batches == [100, 100, 50]
    assert [(each.event_id, each.outcome) for each in world.recorded] == [(each.event_id, "sent") for each in made]
    first = world.recorded[0]
    assert (first.actor, first.command, first.filter, first.run_id) == (
        "somebody",
        "redrive",
        '{"provider":["stripe"]}',
        "run-1",
    )
    assert (first.origin, first.source_offset, first.target_partition, first.target_offset) == ("topic", 0, 1, 1)
    assert (first.acted_at, first.reason_codes) == (NOON, ["amount_missing"])
    assert (len(report.sent), report.stopped) == (250, None)


def test_what_today_s_contract_refuses_is_not_sent_and_the_record_says_why() -> None:
    world = World()
    report = redriving(world, Limits(FAST)).send(candidates(2, FAILS))
    assert world.written == []
    assert set(report.still_fails) == {raw(0).event_id, raw(1).event_id}
    assert {(each.outcome, each.detail, *each.reason_codes) for each in world.recorded} == {
        ("still_fails", "currency: is not known", "currency_unknown")
    }


def test_it_is_sent_all_the_same_when_forced() -> None:
    world = World()
    redriving(world, Limits(FAST, force=True)).send(candidates(2, FAILS))
    assert len(world.written) == 2


def test_an_event_without_original_is_left_alone_and_the_record_says_why() -> None:
    world = World()
    report = redriving(world, Limits(FAST)).send([Candidate("id", "stripe", Missing("it is gone"), PASSES)])
    assert report.not_found == {"id": "it is gone"}
    assert [(each.outcome, each.detail, each.origin) for each in world.recorded] == [("not_found", "it is gone", None)]


def test_failures_beyond_the_limit_end_the_run_loudly() -> None:
    world, made = World(), candidates(40)
    world.failing = {each.event_id for each in made}
    report = redriving(world, Limits(10, failures=9)).send(made)
    assert len(world.written) == 10
    assert report.stopped is not None
    assert report.stopped.startswith("10 of 10 events that were sent failed again (currency_unknown)")


@pytest.mark.parametrize("limits", [Limits(FAST, failures=40), Limits(FAST, failures=0, force=True)])
def test_failures_within_the_limit_or_forced_do_not_end_it(limits: Limits) -> None:
    world, made = World(), candidates(40)
    world.failing = {each.event_id for each in made}
    report = redriving(world, limits).send(made)
    assert (len(world.written), len(report.failed_again), report.stopped) == (40, 40, None)


def test_an_interrupted_run_ends_after_the_batch_that_is_under_way() -> None:
    stop, world = threading.Event(), World()
    report = redriving(world, Limits(5), stop, lambda _report: stop.set()).send(candidates(40))
    assert len(world.written) == len(world.recorded) == 5
    assert report.stopped == "interrupted"


def test_what_was_acknowledged_is_on_record_when_kafka_goes_away() -> None:
    world = World(refused_after=3)
    with pytest.raises(UnavailableError, match="the broker went away"):
        redriving(world, Limits(FAST)).send(candidates(10))
    assert [each.event_id for each in world.recorded] == world.written
    assert len(world.written) == 3


def test_a_workflow_that_ended_without_its_row_is_started_again_in_place_of_the_record() -> None:
    world = World()
    report = redriving(world, Limits(FAST)).send(candidates(1, restart=True))
    assert (world.written, report.restarted) == ([], {raw(0).event_id})
    assert [each.outcome for each in world.recorded] == ["restarted"]


def test_a_workflow_that_temporal_has_forgotten_is_begun_by_the_record() -> None:
    world = World(restartable=False)
    redriving(world, Limits(FAST)).send(candidates(1, restart=True))
    assert world.written == [raw(0).event_id]


def test_what_was_restarted_is_on_record_when_temporal_goes_away() -> None:
    world, made = World(restarts=2), candidates(5, restart=True)
    redrive = redriving(world, Limits(FAST))
    with pytest.raises(UnavailableError, match="Temporal does not answer"):
        redrive.send(made)
    assert [(each.event_id, each.outcome) for each in world.recorded] == [
        (each.event_id, "restarted") for each in made[:2]
    ]
    assert redrive.report.restarted == {each.event_id for each in made[:2]}


def test_a_record_that_was_read_late_is_on_record_under_the_id_of_its_dead_letter() -> None:
    world = World()
    report = redriving(world, Limits(FAST)).send([Candidate("made of its bytes", "stripe", raw(0), PASSES)])
    assert [each.event_id for each in world.recorded] == ["made of its bytes"]
    assert report.sent == {raw(0).event_id}


def test_a_run_settles_once_each_event_has_its_row_or_has_failed_again() -> None:
    world, made = World(), candidates(3)
    world.with_row, world.failing = {made[0].event_id}, {made[1].event_id}
    redrive = redriving(world, Limits(FAST))
    redrive.send(made)
    report = redrive.settle(0.0)
    assert (report.passed, set(report.failed_again), report.under_way) == (
        {made[0].event_id},
        {made[1].event_id},
        {made[2].event_id},
    )
    world.with_row.add(made[2].event_id)
    assert redrive.settle(60.0).under_way == set()


def test_many_events_are_asked_for_in_portions_and_what_has_its_row_no_more() -> None:
    asked: list[int] = []

    class Noting(World):
        def rows(self, event_ids: Collection[str]) -> set[str]:
            asked.append(len(event_ids))
            return super().rows(event_ids)

    world, made = Noting(), candidates(1_200)
    world.with_row = {each.event_id for each in made[:1_100]}
    redrive = redriving(world, Limits(1e6))
    redrive.send(made)
    assert len(redrive.settle(0.0).under_way) == 100
    assert asked == [500, 500, 200]
    redrive.settle(0.0)
    assert asked[3:] == [100]


def test_what_was_sent_is_not_gone_through_again_after_each_batch() -> None:
    world, made = World(), candidates(200)
    redrive = redriving(world, Limits(1e6))
    sent = redrive.report.sent
    redrive.send(made)
    assert redrive.report.sent is sent
    assert sent == redrive.report.under_way == {each.event_id for each in made}


def test_no_more_than_the_rate_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    class Stop(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waited.append(timeout or 0.0)
            return False

    redriving(World(), Limits(20), Stop()).send(candidates(60))
    assert waited[0] == 0
    assert all(pause == pytest.approx(1.0, abs=0.2) for pause in waited[1:2])
    assert sum(waited) > timedelta(seconds=2).total_seconds()
