"""Recorded histories replay with today's workflow: a change that breaks workflows under way fails here.

The files are written by tests/integration/test_orchestrator_workflow.py and _dead_letters.py with RECORD_HISTORIES=1.
"""

from pathlib import Path

import pytest
from orchestrator.workflow import PaymentEventWorkflow
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

with workflow.unsafe.imports_passed_through():
    from payments_contracts.pins.orchestrator import PaymentEvent

HISTORIES = sorted((Path(__file__).parent / "histories").glob("*.json"))


def history_of(path: Path) -> WorkflowHistory:
    return WorkflowHistory.from_json(path.stem, path.read_text())


def test_there_are_histories_to_replay() -> None:
    wanted = {"succeeded", "failed", "fallback", "lake-away", "rejected", "not-scored"}
    assert {path.stem for path in HISTORIES} >= wanted


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
async def test_a_recorded_history_replays(path: Path) -> None:
    replayer = Replayer(workflows=[PaymentEventWorkflow], data_converter=pydantic_data_converter)
    await replayer.replay_workflow(history_of(path))


@workflow.defn(name="PaymentEventWorkflow")
class Changed:
    """A workflow that does something else, as a careless change would."""

    @workflow.run
    async def run(self, event: PaymentEvent) -> None:
        await workflow.sleep(1)


async def test_a_careless_change_is_noticed() -> None:
    replayer = Replayer(workflows=[Changed], data_converter=pydantic_data_converter)
    with pytest.raises(workflow.NondeterminismError):
        await replayer.replay_workflow(history_of(HISTORIES[0]))
