"""Processes of the stack are killed under load, and every acknowledged webhook arrives once."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

import pytest
from rich.console import Console
from stack.session import Session
from stack.settings import Settings

from tests.conftest import run_stack
from tests.faults.ordeal import Plans, choose, endure
from tests.faults.victims import Victims

WEBHOOKS, RATE, KILLS = 400, 25, 4


@pytest.fixture(scope="module")
def session(stack: Mapping[str, str]) -> Session:
    settings = Settings(
        state_dir=Path(stack["PAYMENTS_STATE_DIR"]),
        port_offset=int(os.environ.get("PAYMENTS_TEST_PORT_OFFSET", "5000")),
    )
    return Session(settings, Console())


@pytest.mark.e2e
@pytest.mark.timeout(1800)
def test_nothing_is_lost_repeated_or_stuck_whoever_is_killed(session: Session, stack: Mapping[str, str]) -> None:
    victims = Victims(session)
    run_stack("up", *victims.names)
    # Another choice each time: a failure names the seed.
    seed = int(os.environ.get("FAULTS_SEED", secrets.randbelow(1_000_000)))
    plans = Plans(WEBHOOKS, RATE, choose(victims.names, KILLS, seed), f"faults-{os.getpid()}-{seed}")
    said: list[str] = [f"seed {seed}: {', '.join(plans.kills)}"]
    problems = endure(stack, session, plans, said.append)
    assert not problems, "\n".join(said)
