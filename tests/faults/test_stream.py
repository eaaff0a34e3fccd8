"""What is wrong with a stream is told; and Flink and Kafka are killed on real servers, each at least once."""

import json
import os
import secrets
from collections import Counter
from collections.abc import Iterator, Mapping
from io import StringIO
from pathlib import Path

import pytest
import typer
from rich.console import Console
from stack.session import Session
from stack.settings import Settings

from tests.conftest import ROOT, run_stack
from tests.faults.__main__ import _conclude
from tests.faults.exactly_once import (
    VICTIMS,
    Plan,
    StreamOrdeal,
    go_away,
    lateness,
    lost_transactions,
    misses,
    order,
)
from tests.faults.stream import Arrival, Seen, Sent, faults

# Added to the ports of the other tests' stack; the brokers' and the rollout's tests add less.
BESIDE = 600
SENT = {f"e{number}": Sent("shop", "merch", number, 0.0) for number in (1, 2, 3)}


def seen(*events: str) -> Seen:
    return Seen({event: Arrival(0.0, 0.0) for event in events}, Counter(events), {0: list(events)})


def test_nothing_is_told_where_each_event_came_once_and_in_order() -> None:
    assert list(faults(SENT, seen("e1", "other", "e2", "e3"))) == []


def test_events_that_are_lost_repeated_or_out_of_order_are_told() -> None:
    assert list(faults(SENT, seen("e1", "e3"))) == ["1 events are lost: e2"]
    assert list(faults(SENT, seen("e1", "e3", "e2"))) == ["e2 of merch is out of order in partition 0"]
    assert list(faults(SENT, seen("e1", "e1", "e2", "e3"))) == [
        "1 events came more than once: e1",
        "e1 of merch is out of order in partition 0",
    ]


def test_each_victim_is_killed_as_often_in_an_order_of_the_seed() -> None:
    plan = Plan(10, 0, 0, 25, 7)
    assert Counter(order(plan)) == Counter(dict.fromkeys(VICTIMS, 10))
    assert order(plan) == order(plan)
    assert order(plan) != order(Plan(10, 0, 0, 25, 8))


def test_a_downtime_that_never_hits_the_window_is_tried_some_times_more_and_then_told() -> None:
    assert go_away(lambda: 7, 2) == [7, 7]
    assert go_away(iter([0, 0, 0, 4, 9]).__next__, 2) == [0, 0, 0, 4]
    assert list(misses([0, 0, 0, 4])) == []
    (told,) = misses(go_away(lambda: 0, 2))
    assert told.startswith("none of 5 downtimes began between a checkpoint and its commit")
    assert "--windows" in told


def test_nothing_is_missed_where_flink_is_not_to_go_away() -> None:
    assert go_away(lambda: 0, 0) == []
    assert list(misses([])) == []


def test_recoveries_that_take_too_long_are_told_and_fail_the_command() -> None:
    assert list(lateness({"kafka": [14.9, 3.0]})) == []
    late = list(lateness({"kafka": [15.1, 3.0], "flink-jobmanager": [9.0, 31.24, 16.0]}))
    assert late == [
        "flink-jobmanager: 2 of 3 recoveries took longer than 15 s, 31.2 s at most",
        "kafka: 1 of 2 recoveries took longer than 15 s, 15.1 s at most",
    ]
    said = StringIO()
    console = Console(file=said, soft_wrap=True)
    with pytest.raises(typer.Exit) as ended:
        _conclude([], 7, console, late)
    assert ended.value.exit_code == 1
    assert said.getvalue().splitlines()[:3] == [*late, "Nothing was lost, repeated or stuck."]
    _conclude([], 7, console)


def test_lost_transactions_are_read_from_a_program_and_not_taken_for_none() -> None:
    text = "# TYPE normalizer_job_lost_transactions gauge\nnormalizer_job_lost_transactions 2.0\nother 3\n"
    assert lost_transactions(text) == 2
    with pytest.raises(ValueError, match="has no normalizer_job_lost_transactions"):
        lost_transactions("other 3\n")


@pytest.fixture
def apart() -> Iterator[tuple[Mapping[str, str], Session]]:
    """Start a normalizer and what it needs with a state and ports of their own, and stop them."""
    state = Path(f"{os.environ.get('PAYMENTS_TEST_STATE_DIR', ROOT / '.state-test')}-stream").absolute()
    offset = int(os.environ.get("PAYMENTS_TEST_PORT_OFFSET", "5000")) + BESIDE
    own = {"PAYMENTS_STATE_DIR": str(state), "PAYMENTS_PORT_OFFSET": str(offset)}
    try:
        run_stack("up", "normalizer-stripe", **own)
        settings = Settings(state_dir=state, port_offset=offset, gateway_providers="stripe")
        yield json.loads(run_stack("env", "--format", "json", **own)), Session(settings, Console())
    finally:
        run_stack("down", **own)
    run_stack("clean-state", **own)


@pytest.mark.e2e
@pytest.mark.nightly
@pytest.mark.timeout(1200)
def test_a_reader_of_committed_records_sees_each_event_once_and_in_order(
    apart: tuple[Mapping[str, str], Session],
) -> None:
    stack, session = apart
    downtime = float(os.environ.get("FAULTS_DOWNTIME", "10"))
    plan = Plan(kills=1, windows=2, downtime=downtime, rate=25, seed=secrets.randbelow(1_000_000))
    said = [f"seed {plan.seed}"]
    problems = StreamOrdeal(stack, session, ["stripe"], said.append).endure(plan)
    assert not problems, "\n".join([*said, *problems])
