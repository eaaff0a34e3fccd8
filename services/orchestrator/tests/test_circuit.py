import asyncio
import traceback

import pytest
from kit.errors import Fault, Transient
from orchestrator.circuit import Circuits, Unavailable
from prometheus_client import REGISTRY


@pytest.fixture
def circuits() -> Circuits:
    return Circuits(threshold=3, open_seconds=0.05)


async def ask(circuits: Circuits, error: Exception | None = None, model: str = "fraud_score") -> None:
    async with circuits.asking(model):
        if error is not None:
            raise error


async def fail(circuits: Circuits, times: int, model: str = "fraud_score") -> None:
    for _ in range(times):
        with pytest.raises(Transient):
            await ask(circuits, Transient("hangs"), model)


def is_open(model: str) -> float | None:
    return REGISTRY.get_sample_value("orchestrator_inference_circuit_open", {"model": model})


async def test_a_model_that_fails_again_and_again_is_not_asked(circuits: Circuits) -> None:
    await fail(circuits, 3)
    with pytest.raises(Unavailable, match="fraud_score"):
        await ask(circuits)
    assert is_open("fraud_score") == 1


async def test_a_success_between_failures_keeps_it_asked(circuits: Circuits) -> None:
    await fail(circuits, 2)
    await ask(circuits)
    await fail(circuits, 2)
    await ask(circuits)


async def test_it_is_asked_again_after_a_while_and_one_answer_is_enough(circuits: Circuits) -> None:
    await fail(circuits, 3)
    await asyncio.sleep(0.06)
    await ask(circuits)
    await fail(circuits, 2)
    await ask(circuits)
    assert is_open("fraud_score") == 0


async def test_one_failure_after_a_while_is_enough_to_leave_it_alone_again(circuits: Circuits) -> None:
    await fail(circuits, 3)
    await asyncio.sleep(0.06)
    await fail(circuits, 1)
    with pytest.raises(Unavailable):
        await ask(circuits)


async def test_each_model_has_its_own(circuits: Circuits) -> None:
    await fail(circuits, 3)
    await ask(circuits, model="retry_strategy")


async def test_a_model_that_refuses_a_request_is_there(circuits: Circuits) -> None:
    for _ in range(5):
        with pytest.raises(Fault):
            await ask(circuits, Fault("another form"))
    await ask(circuits)


async def test_a_refusal_is_as_small_as_the_first_however_many_came_before(circuits: Circuits) -> None:
    await fail(circuits, 3)
    depths = []
    for _ in range(50):
        try:
            await ask(circuits)
        except Unavailable as error:
            depths.append(len(traceback.format_exception(error)))
    assert set(depths) == {depths[0]}
