"""The short form of `make fuzz`: the same on fewer bodies, always the same ones."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.fuzz.barrage import Barrage
from tests.fuzz.bodies import KINDS
from tests.fuzz.contract import examine
from tests.fuzz.endpoint import PLAIN
from tests.fuzz.flood import Flood, flood
from tests.fuzz.services import INFERENCE, gateway, services, survivors
from tests.processes import Process

pytestmark = [pytest.mark.integration, pytest.mark.alone]

SEED = 1
CASES = 25
BODIES = 1000
APIS = [*map(gateway, PLAIN), INFERENCE]


@pytest.fixture(scope="module")
def started(stack: Mapping[str, str]) -> Iterator[Mapping[str, Process]]:
    with services(stack) as found:
        yield found


@pytest.mark.parametrize("api", APIS)
def test_a_service_does_what_its_contract_says(started: Mapping[str, Process], api: str, tmp_path: Path) -> None:
    outcome = examine(api, started[api].url, examples=CASES, seed=SEED, folder=tmp_path)
    assert outcome.is_clean, outcome.said
    assert {phase for phase, _, _ in outcome.cases} == {"examples", "coverage", "fuzzing"}
    # No answer has a link to another operation, nor data that another one takes.
    assert outcome.skipped == {"stateful": "not_applicable"}


def test_malformed_bodies_are_refused_and_each_is_one_dead_letter(
    started: Mapping[str, Process], stack: Mapping[str, str]
) -> None:
    outcome = flood(Flood(BODIES, SEED), stack, started, lambda _name, _completed: None)
    assert [(each.kind, each.complaint) for each in outcome.findings] == []
    for ledger in outcome.ledgers.values():
        assert ledger.malformed >= BODIES
        sent = {kind for kind, _ in ledger.answers}
        assert set(KINDS) <= sent
        said = {said for kind, said in ledger.answers if kind == "forged: wrong secret"}
        # A body that is too large is refused before anybody looks at its signature.
        assert {"401 signature_mismatch"} <= said <= {"401 signature_mismatch", "413 body_too_large"}
    assert list(survivors(started)) == []


def test_the_inference_service_answers_whatever_it_is_sent(started: Mapping[str, Process]) -> None:
    barrage = Barrage(300, SEED, lambda _completed: None)
    barrage.fire(started[INFERENCE].url, concurrency=8)
    assert [(each.kind, each.complaint) for each in barrage.findings] == []
    assert barrage.answers.total() == 600
    assert list(survivors(started)) == []
