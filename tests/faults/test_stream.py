"""What is wrong with a stream is told; and Flink and Kafka are killed on real servers, each at least once."""

import json
import os
import secrets
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from rich.console import Console
from stack.session import Session
from stack.settings import Settings

from tests.conftest import ROOT, run_stack
from tests.faults.exactly_once import VICTIMS, Plan, StreamOrdeal, order
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
    plan = Plan(kills=1, windows=1, downtime=1, rate=25, seed=secrets.randbelow(1_000_000))
    said = [f"seed {plan.seed}"]
    problems = StreamOrdeal(stack, session, ["stripe"], said.append).endure(plan)
    assert not problems, "\n".join([*said, *problems])
