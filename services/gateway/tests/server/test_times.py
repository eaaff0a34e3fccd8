"""Requests that take longer to arrive than they may, and connections without any."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from payments_contracts.gateway import Problem

HEAD = b"POST / HTTP/1.1\r\nHost: gateway\r\nContent-Length: 10\r\n\r\n"


def assert_is_refused(client: Any, served: Any) -> None:
    answer = client.answer()
    assert (answer.status, answer.headers["connection"]) == (408, "close")
    assert answer.headers["content-type"] == "application/problem+json"
    problem = Problem.model_validate_json(answer.body)
    assert (problem.status, problem.reason_code.root) == (408, "request_timeout")
    assert client.has_ended()
    assert served.refusals == ["request_timeout"]
    assert served.requests == []


def outlast(served: Any) -> None:
    """Wait until whatever was received by now and is not whole has been refused."""
    known = len(served.refusals)
    with served.connect():
        served.wait_for(lambda: len(served.refusals) > known)


@pytest.mark.parametrize(
    "start", [b"", b"P", HEAD[:30], HEAD, HEAD + b"{"], ids=["nothing", "a letter", "half a head", "a head", "a body"]
)
def test_what_does_not_go_on_is_refused(served: Any, start: bytes) -> None:
    with served.connect() as client:
        client.send(start)
        assert_is_refused(client, served)


@pytest.mark.parametrize("start", [b"POST / HTTP/1.1\r\nX-Slow: ", HEAD.replace(b"10", b"100000")])
def test_what_goes_on_for_ever_is_refused(served: Any, start: bytes) -> None:
    with served.connect() as client:
        client.send(start)
        while not served.refusals:
            client.send(b"a")
            time.sleep(0.02)
        assert_is_refused(client, served)


def test_the_app_is_told_that_no_more_will_come(served: Any) -> None:
    with served.connect() as client:
        client.send(HEAD + b"{")
        served.wait_for(lambda: served.disconnects == 1)


def test_what_came_whole_may_take_longer_to_be_answered(served: Any, write: Any) -> None:
    with served.connect() as client:
        client.send(write("/held", b"{}"))
        served.wait_for(lambda: served.requests == [("/held", b"{}")])
        outlast(served)
        outlast(served)
        served.release()
        assert client.answer().status == 200


def test_a_connection_may_rest_between_requests(served: Any, write: Any) -> None:
    with served.connect() as client:
        client.send(write())
        assert client.answer().status == 200
        outlast(served)
        outlast(served)
        client.send(write())
        assert client.answer().status == 200


def test_the_second_request_on_a_connection_is_refused_like_the_first(served: Any, write: Any) -> None:
    with served.connect() as client:
        client.send(write("/first"))
        assert client.answer().status == 200
        client.send(HEAD)
        assert client.answer().status == 408
        assert client.has_ended()


def test_a_connection_without_request_ends_after_a_while(serve: Callable[..., Any], limits: Any, write: Any) -> None:
    served = serve(limits._replace(idle_seconds=1))
    with served.connect() as client:
        client.send(write())
        assert client.answer().status == 200
        assert client.has_ended()
    assert served.refusals == []


def test_what_was_answered_before_its_end_is_not_answered_again(served: Any) -> None:
    with served.connect() as client:
        client.send(HEAD.replace(b"/", b"/deaf", 1))
        assert client.answer().status == 200
        served.wait_for(lambda: served.refusals == ["request_timeout"])
        assert client.has_ended()


def test_a_refusal_does_not_overtake_the_answer_to_an_earlier_request(served: Any, write: Any) -> None:
    with served.connect() as client:
        client.send(write("/held", b"{}") + HEAD)
        served.wait_for(lambda: bool(served.requests))
        outlast(served)
        outlast(served)
        served.release()
        assert [client.answer().status for _ in range(2)] == [200, 408]
        assert client.has_ended()


def test_others_are_served_while_many_are_slow(served: Any, write: Any) -> None:
    slow = [served.connect() for _ in range(50)]
    for client in slow:
        client.send(HEAD)
    with served.connect() as client:
        while len(served.refusals) < len(slow):
            client.send(write())
            assert client.answer().status == 200
    for each in slow:
        assert each.answer().status == 408
