"""Events whose rows are refused, on the real Temporal: what their workflows come to, and that they may begin anew."""

import pytest
from kit.errors import Rejected
from kit.lake import Outcome
from orchestrator.messages import DEAD_LETTERED, DeadLetter
from orchestrator.workflow import PaymentEventWorkflow
from payments_contracts.pins.orchestrator import PaymentEvent
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError

from tests.integration.workflows import NEW, PLACE, UNKNOWN, Orchestrator, World, event, record

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]


async def test_a_row_that_does_not_fit_the_table_becomes_a_dead_letter_with_its_place(
    orchestrator: Orchestrator,
) -> None:
    world, started = World(lake_errors=[Rejected("column amount takes an integer")]), event()
    assert await dead_lettered(orchestrator, started, world) == "lake: dead_lettered, operational database: stored"
    assert len(world.lake_calls) == 1
    assert world.stored == [started.event_id]
    assert world.letters == [
        DeadLetter(event=started, position=PLACE, reason_code="row_rejected", reason="column amount takes an integer")
    ]
    handle = orchestrator.client.get_workflow_handle_for(PaymentEventWorkflow.run, started.event_id)
    await record(handle, "dead-lettered")


async def test_a_row_that_the_database_refuses_becomes_a_dead_letter_and_stays_in_the_lake(
    orchestrator: Orchestrator,
) -> None:
    world, started = World(database_errors=[Rejected("no such text")]), event()
    words = await dead_lettered(orchestrator, started, world)
    assert words == f"lake: {Outcome.APPENDED}, operational database: dead_lettered"
    assert [letter.reason_code for letter in world.letters] == ["database_row_rejected"]


async def test_an_event_that_was_dead_lettered_begins_anew_when_it_is_sent_again_and_one_with_a_row_does_not(
    orchestrator: Orchestrator,
) -> None:
    world, started = World(database_errors=[Rejected("no such text")]), event()
    await dead_lettered(orchestrator, started, world)
    # Whatever refused it was mended: its row in the lake is looked up, and it gets the one in the database.
    completion = await orchestrator.run(started, world)
    assert (completion.lake, completion.database) == (Outcome.ALREADY_THERE, "stored")
    assert world.lake_calls == [NEW, UNKNOWN]
    async with orchestrator.at_work(world):
        handle = await orchestrator.start(started)
        assert await handle.result() == completion
    assert (len(world.lake_calls), len(world.stored)) == (2, 1)


async def dead_lettered(orchestrator: Orchestrator, started: PaymentEvent, world: World) -> str:
    """Run the event's workflow until it has failed for its dead letter, and return the words of that."""
    with pytest.raises(WorkflowFailureError) as failure:
        await orchestrator.run(started, world)
    assert isinstance(failure.value.cause, ApplicationError)
    assert failure.value.cause.type == DEAD_LETTERED
    return failure.value.cause.message
