import asyncio

import pytest
from kit.errors import Fault, Rejected, Transient
from kit.poison import Tolerance
from orchestrator.bridge import Bridge
from orchestrator.messages import DeadLetter
from orchestrator.refusals import Refusals
from orchestrator.source import Arrival, Poison

from services.orchestrator.tests.bridging import (
    ONE,
    ZERO,
    Gate,
    MakeEvent,
    Session,
    Topic,
    Workflows,
    bridge_of,
    run_until,
    until,
)


async def test_starts_a_workflow_for_every_event_and_commits_past_the_last(make_event: MakeEvent) -> None:
    topic, workflows = Topic(make_event(), zero=30, one=20), Workflows()
    await run_until(bridge_of(topic, workflows), lambda: len(workflows.started) == 50)
    assert len(set(workflows.started)) == 50
    assert topic.committed == {ZERO: 30, ONE: 20}
    assert topic.sessions[0].closed


async def test_commits_while_it_works(make_event: MakeEvent) -> None:
    topic, workflows = Topic(make_event(), zero=5), Workflows()
    await run_until(bridge_of(topic, workflows), lambda: topic.committed[ZERO] == 5)


async def test_never_commits_past_a_start_that_is_not_durable(make_event: MakeEvent) -> None:
    topic, workflows = Topic(make_event(), zero=10), Workflows()
    workflows.held["0-3"] = asyncio.Event()
    bridge = bridge_of(topic, workflows, drain_seconds=0.05)
    await run_until(bridge, lambda: len(workflows.started) == 9 and topic.committed[ZERO] == 3)
    assert topic.committed[ZERO] == 3


async def test_waits_at_the_end_for_starts_under_way(make_event: MakeEvent) -> None:
    topic, workflows = Topic(make_event(), zero=4), Workflows()
    workflows.held["0-0"] = asyncio.Event()
    asyncio.get_running_loop().call_later(0.1, workflows.held["0-0"].set)
    await run_until(bridge_of(topic, workflows), lambda: len(workflows.started) == 3)
    assert topic.committed[ZERO] == 4


async def test_has_no_more_starts_under_way_than_allowed(make_event: MakeEvent) -> None:
    topic, workflows = Topic(make_event(), zero=40), Workflows()
    await run_until(bridge_of(topic, workflows, max_in_flight=7), lambda: len(workflows.started) == 40)
    assert workflows.most_at_once <= 7


async def test_keeps_polling_without_reading_while_temporal_is_away(
    make_event: MakeEvent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.bridge._ROOM_SECONDS", 0.005)
    topic, workflows = Topic(make_event(), zero=9), Workflows()
    back = asyncio.Event()
    workflows.held = {f"0-{offset}": back for offset in range(9)}
    bridge = bridge_of(topic, workflows, max_in_flight=3)

    async def come_back_once_it_polls_without_reading() -> None:
        while not topic.sessions or topic.sessions[0].limits.count(0) < 2:  # noqa: ASYNC110  # the fake tells nobody
            await asyncio.sleep(0.001)
        back.set()

    returning = asyncio.create_task(come_back_once_it_polls_without_reading())
    await run_until(bridge, lambda: len(workflows.started) == 9)
    await returning
    assert topic.committed[ZERO] == 9


async def test_a_fault_stops_it_and_leaves_the_events_offset(make_event: MakeEvent) -> None:
    topic, workflows = Topic(make_event(), zero=5), Workflows()
    workflows.errors["0-2"] = Fault("namespace unknown")
    with pytest.raises(Fault, match="namespace unknown"):
        await run_until(bridge_of(topic, workflows), lambda: False)
    assert topic.committed[ZERO] <= 2
    assert topic.sessions[0].closed


async def test_opens_a_new_session_when_kafka_was_away_and_skips_nothing(make_event: MakeEvent) -> None:
    topic, workflows = Topic(make_event(), zero=6), Workflows()
    topic.poll_errors = [Transient("broker away")]
    await run_until(bridge_of(topic, workflows), lambda: len(set(workflows.started)) == 6)
    assert len(topic.sessions) == 2
    assert all(session.closed for session in topic.sessions)
    assert topic.committed[ZERO] == 6


async def test_a_fault_of_the_topic_stops_it(make_event: MakeEvent) -> None:
    topic = Topic(make_event())
    topic.poll_errors = [Fault("unreadable")]
    with pytest.raises(Fault, match="unreadable"):
        await run_until(bridge_of(topic, Workflows()), lambda: False)


async def test_finishes_what_it_can_of_a_partition_that_is_taken_away(make_event: MakeEvent) -> None:
    topic, workflows = Topic(make_event(), zero=3, one=3), Workflows()
    workflows.held["1-2"] = asyncio.Event()
    stop = asyncio.Event()
    running = asyncio.create_task(bridge_of(topic, workflows).run(stop))
    await until(lambda: len(workflows.started) == 5)
    revoking = asyncio.create_task(topic.sessions[0].revoke(ONE))
    await asyncio.sleep(0.02)
    assert not revoking.done()
    workflows.held["1-2"].set()
    await revoking
    assert topic.committed[ONE] == 3
    stop.set()
    await running


async def test_a_partition_that_comes_back_earlier_is_read_again(make_event: MakeEvent) -> None:
    topic, workflows = Topic(make_event(), zero=3, one=3), Workflows()

    async def scenario(session: Session) -> None:
        await session.revoke(ONE)
        topic.committed[ONE] = 1
        session.position[ONE] = 1

    stop = asyncio.Event()
    running = asyncio.create_task(bridge_of(topic, workflows).run(stop))
    await until(lambda: len(workflows.started) == 6)
    await scenario(topic.sessions[0])
    await until(lambda: len(workflows.started) == 8)
    stop.set()
    await running
    assert topic.committed == {ZERO: 3, ONE: 3}


async def test_reads_nothing_while_there_is_no_room_for_workflows_and_goes_on_after(make_event: MakeEvent) -> None:
    topic, workflows, gate = Topic(make_event(), zero=9), Workflows(), Gate()
    gate.places = 0
    stop = asyncio.Event()
    running = asyncio.create_task(bridge_of(topic, workflows, gate).run(stop))
    await until(lambda: topic.sessions[0].limits.count(0) > 1 if topic.sessions else False)
    assert workflows.started == []
    gate.places = 2
    await until(lambda: len(workflows.started) == 9)
    assert max(topic.sessions[0].limits) == 2
    stop.set()
    await running


async def test_an_event_that_can_have_no_workflow_is_dead_lettered_and_the_rest_goes_on(make_event: MakeEvent) -> None:
    topic, workflows = Topic(make_event(), zero=5), Workflows()
    workflows.errors["0-2"] = Rejected("too much", "event_too_large")
    await run_until(bridge_of(topic, workflows), lambda: topic.committed[ZERO] == 5)
    assert workflows.refused == ["0-2 event_too_large"]
    assert len(workflows.started) == 4


async def test_offsets_that_a_rebalance_kept_from_being_stored_are_stored_after_it(make_event: MakeEvent) -> None:
    topic, workflows = Topic(make_event(), zero=5), Workflows()
    topic.rebalances = 2
    await run_until(bridge_of(topic, workflows), lambda: topic.committed[ZERO] == 5)


async def test_a_record_that_is_no_event_is_dead_lettered_and_its_offset_committed(make_event: MakeEvent) -> None:
    topic, workflows = Topic(make_event(), zero=5), Workflows()
    topic.poison = frozenset({2})
    await run_until(bridge_of(topic, workflows), lambda: topic.committed[ZERO] == 5)
    assert workflows.refused == ["t/0@2 avro_unreadable"]
    assert len(workflows.started) == 4


async def test_an_error_of_ours_about_one_event_is_dead_lettered_and_the_rest_goes_on(make_event: MakeEvent) -> None:
    topic, workflows = Topic(make_event(), zero=5), Workflows()
    workflows.errors["0-2"] = KeyError("a defect")
    await run_until(bridge_of(topic, workflows), lambda: topic.committed[ZERO] == 5)
    assert workflows.refused == ["0-2 internal_error"]
    assert len(workflows.started) == 4


async def test_too_many_of_them_stop_the_consumer_and_their_offsets_are_not_committed(make_event: MakeEvent) -> None:
    topic, workflows = Topic(make_event(), zero=5), Workflows()
    topic.poison = frozenset({2})
    workflows.errors["t/0@2"] = Fault("too many")
    with pytest.raises(Fault, match="too many"):
        await run_until(bridge_of(topic, workflows), lambda: False)
    assert topic.committed[ZERO] <= 2


class Letters:
    """Keeps the places of dead letters."""

    def __init__(self) -> None:
        self.places: list[str] = []

    async def write(self, letter: DeadLetter) -> None:
        self.places.append(str(letter.position))

    async def bury(self, poison: Poison) -> None:
        self.places.append(str(poison.position))


def tolerant_bridge(topic: Topic, workflows: Workflows, letters: Letters) -> Bridge:
    refusals = Refusals(letters, Tolerance())

    async def start(arrival: Arrival) -> None:
        await workflows.start(arrival)
        refusals.passed()

    return Bridge(topic.open, start, refusals.refuse, Gate(), commit_seconds=0.005)


async def test_bad_records_are_a_share_of_what_was_read_with_them_and_not_of_what_is_started(
    make_event: MakeEvent,
) -> None:
    topic, workflows, letters = Topic(make_event(), zero=100), Workflows(), Letters()
    topic.poison = frozenset(range(0, 70, 10))
    workflows.held = {"0-99": asyncio.Event()}
    asyncio.get_running_loop().call_later(0.05, workflows.held["0-99"].set)
    await run_until(tolerant_bridge(topic, workflows, letters), lambda: topic.committed[ZERO] == 100)
    assert (len(letters.places), len(workflows.started)) == (7, 93)


async def test_events_that_are_all_refused_stop_it_however_many_were_read_before_they_were(
    make_event: MakeEvent,
) -> None:
    topic, workflows, letters = Topic(make_event(), zero=12), Workflows(), Letters()
    workflows.errors = {f"0-{offset}": KeyError("a defect") for offset in range(12)}
    with pytest.raises(Fault, match=r"7 of 12 records .*internal_error \(7\)"):
        await run_until(tolerant_bridge(topic, workflows, letters), lambda: False)
    assert len(letters.places) == 6


async def test_a_session_that_broke_off_leaves_nothing_that_counts_as_being_started(make_event: MakeEvent) -> None:
    topic, workflows, letters = Topic(make_event(), zero=8), Workflows(), Letters()
    workflows.held = {"0-7": asyncio.Event()}
    stop = asyncio.Event()
    running = asyncio.create_task(tolerant_bridge(topic, workflows, letters).run(stop))
    await until(lambda: topic.committed[ZERO] == 7)
    topic.poll_errors = [Transient("broker away")]
    await until(lambda: len(topic.sessions) == 2)
    workflows.held["0-7"].set()
    await until(lambda: topic.committed[ZERO] == 8)
    # Eight were used; of the next nine all are refused.
    workflows.errors = {f"0-{offset}": KeyError("a defect") for offset in range(8, 17)}
    topic.ends[ZERO] = 17
    with pytest.raises(Fault, match="9 of 17 records "):
        await running
