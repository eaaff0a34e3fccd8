"""A defect of the gateway itself, as it must not be, and what it may harm."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from gateway.errors import Forged
from gateway.signature import Authentic
from structlog.testing import capture_logs

BODY = b'{"id":"evt_1","type":"payment_intent.succeeded","created":1767607290,"account":"acct_9","data":{"object":{}}}'
HARMFUL = b'{"id":"evt_2"}'


@pytest.fixture
def defective(gateway: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A gateway that fails at one body."""
    verify = gateway.verifier.verify

    def fail_sometimes(header: Sequence[str], body: bytes, now: float) -> Authentic | Forged:
        if body == HARMFUL:
            raise RuntimeError("a defect")
        found: Authentic | Forged = verify(header, body, now)
        return found

    monkeypatch.setattr(gateway.verifier, "verify", fail_sometimes)
    return gateway


async def test_others_that_came_at_the_same_time_are_accepted(defective: Any) -> None:
    bodies = [BODY, HARMFUL, BODY, HARMFUL, BODY]
    with capture_logs() as lines:
        answers = await asyncio.gather(*(defective.post(body) for body in bodies))
    assert [answer.status_code for answer in answers] == [200, 500, 200, 500, 200]
    assert [line["event"] for line in lines] == ["webhook_not_handled"] * 2
    assert len(defective.producer.records) == 3
    assert (defective.count("failed", "defect"), defective.count("accepted")) == (2, 3)


async def test_what_failed_is_a_problem_and_says_nothing_of_the_inside(defective: Any) -> None:
    with capture_logs():
        answer = await defective.post(HARMFUL)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json() == {
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": 500,
        "detail": "The gateway has a defect.",
    }


async def test_what_failed_is_under_way_no_more(defective: Any) -> None:
    with capture_logs():
        for _ in range(150):
            assert (await defective.post(HARMFUL)).status_code == 500
    assert (await defective.post(BODY)).status_code == 200
