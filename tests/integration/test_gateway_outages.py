"""What the gateway answers while Kafka is away, and after it has come back."""

import asyncio
from collections.abc import Mapping

import httpx
import pytest

from tests.conftest import run_stack
from tests.integration.gateways import event, loaded, post, running
from tests.tail import Tail

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600), pytest.mark.alone]

# Much more is sent while Kafka is away than may be kept.
CONNECTIONS = 40
PADDING = 200_000
MOST_GROWTH = 150_000_000


async def test_refuses_while_kafka_is_restarted_and_loses_nothing_that_it_accepted(
    stack: Mapping[str, str], raw: Tail
) -> None:
    with running(stack, ACKNOWLEDGEMENT_DEADLINE_SECONDS="0.5") as process:
        await asyncio.to_thread(process.wait_until, 200)
        async with loaded(process, CONNECTIONS, padding=PADDING) as load:
            await load.more(100, status=200)
            before = most = process.memory_bytes
            restarting = asyncio.create_task(asyncio.to_thread(run_stack, "restart", "kafka"))
            await asyncio.to_thread(process.wait_until, 503)
            while not restarting.done():
                most = max(most, process.memory_bytes)
                await asyncio.sleep(0.2)
            await restarting
            await load.more(100, status=200)
            await asyncio.to_thread(process.wait_until, 200)
        log = process.log
    assert load.statuses == {200, 503}
    refused = [answer for _, answer in load.answers if answer.status_code == 503]
    assert {answer.headers["Retry-After"] for answer in refused} == {"1"}
    assert {answer.json()["reason_code"] for answer in refused} == {"broker_unavailable"}
    assert most - before < MOST_GROWTH
    # A line for what happened, none for each webhook.
    assert len(log.splitlines()) < 100
    assert load.accepted <= {record["payload"] for _, record in raw.records()}


def test_stays_up_but_not_ready_while_no_broker_answers(stack: Mapping[str, str]) -> None:
    with running(stack, KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1") as process:
        process.wait_until(503)
        answer = post(process, event()[1])
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
        assert httpx.get(f"{process.url}/healthz").status_code == 200
        process.terminate()
        assert process.end()[0] == 0
