"""On a real Temporal: workflows are found by what their events are about, and tell how far they are."""

import asyncio
import time
import uuid

import pytest
from kit.errors import Rejected, Transient
from orchestrator.search import KEYS, register
from orchestrator.workflow import PaymentEventWorkflow
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.client import WorkflowFailureError

from tests.integration.workflows import Orchestrator, World, event

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


async def found(orchestrator: Orchestrator, query: str, wanted: str) -> bool:
    """Tell whether a query finds a workflow: what is written to the visibility store comes a moment later."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        ids = [execution.id async for execution in orchestrator.client.list_workflows(query)]
        if ids == [wanted]:
            return True
        await asyncio.sleep(0.2)
    return False


async def test_a_workflow_is_found_by_merchant_and_outcome(orchestrator: Orchestrator) -> None:
    merchant = f"m_{uuid.uuid4().hex}"
    started = event(merchant_id=merchant)
    await orchestrator.run(started, World())
    query = f"Merchant = '{merchant}' AND Provider = 'stripe' AND PaymentStatus = 'succeeded' AND Outcome = 'scored'"
    assert await found(orchestrator, query, started.event_id)


async def test_a_dead_letter_is_an_outcome(orchestrator: Orchestrator) -> None:
    merchant = f"m_{uuid.uuid4().hex}"
    started, world = event(merchant_id=merchant), World(lake_errors=[Rejected("no")] * 20)
    with pytest.raises(WorkflowFailureError):
        await orchestrator.run(started, world)
    query = f"Merchant = '{merchant}' AND Outcome = 'dead_lettered' AND ExecutionStatus = 'Failed'"
    assert await found(orchestrator, query, started.event_id)


async def test_a_merchant_that_the_visibility_store_cannot_hold_is_cut_and_mended(orchestrator: Orchestrator) -> None:
    begin = f"m_{uuid.uuid4().hex}"
    started = event(merchant_id=begin + "\x00" + "é" * 300)
    await orchestrator.run(started, World())
    merchant = (begin + "\ufffd" + "é" * 300)[:255]
    assert await found(orchestrator, f"Merchant = '{merchant}'", started.event_id)


async def test_a_workflow_that_waits_tells_at_what(orchestrator: Orchestrator) -> None:
    started, world = event(), World(lake_errors=[Transient("away")] * 10_000)
    async with orchestrator.at_work(world):
        handle = await orchestrator.start(started)
        async with asyncio.timeout(60):
            while (state := await handle.query(PaymentEventWorkflow.state)).step == "scoring":  # noqa: ASYNC110  # a workflow signals nobody
                await asyncio.sleep(0.1)
        assert (state.step, state.fraud_score_source, state.rule_violations) == ("bronze", "model", [])
        world.lake_errors.clear()
        await handle.result()
        ended = await handle.query(PaymentEventWorkflow.state)
        assert ended.step == "ended"


async def test_the_attributes_are_added_once_and_kept(orchestrator: Orchestrator) -> None:
    client = orchestrator.client
    await register(client, client.namespace)
    await register(client, client.namespace)
    held = await client.operator_service.list_search_attributes(ListSearchAttributesRequest(namespace=client.namespace))
    assert {key.name for key in KEYS} <= set(held.custom_attributes)
