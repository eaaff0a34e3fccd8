"""Clients that send one request after the other without reading: what is kept for them has a limit."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from gateway.flow import Flow

from .conftest import PATIENCE_SECONDS, Served

PIECE = 16_384
READ_AT_ONCE = 262_144
HIGH_WATER = 65_536


def until(condition: Callable[[], bool]) -> None:
    """Wait until something is so at the server."""
    latest = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > latest:
            pytest.fail(f"it was not so within {PATIENCE_SECONDS} s")
        time.sleep(0.01)


def is_held(served: Served) -> bool:
    # A connection is among them a moment before it has all that belongs to it.
    return any(isinstance(each.flow, Flow) and each.flow.is_held() for each in served.connections)


def test_nothing_more_is_read_while_answers_are_not(patient: Any, write: Any) -> None:
    path, count = f"/{'x' * 400}", 20_000
    request = write(path)
    with patient.connect(receive_bytes=4096) as client:
        sending = threading.Thread(target=client.send, args=(request * count,))
        sending.start()
        until(lambda: is_held(patient))
        [connection] = patient.connections
        came = len(patient.requests)
        # What is not read any more does not come: the kernel keeps the rest, of which it takes no more than some.
        assert came < count
        assert connection.transport.get_write_buffer_size() < HIGH_WATER + 2 * PIECE
        assert len(connection.flow.unparsed) <= READ_AT_ONCE
        assert len(connection.pipeline) <= PIECE // len(request) + 1
        # Into so small a window the kernel sends a piece at each tick of its timer, once the reader is slow: minutes.
        client.receive_at_once(READ_AT_ONCE)
        for _ in range(count):
            assert client.answer().content["path"] == path
        sending.join()
    assert len(patient.requests) == count


def test_few_requests_wait_for_their_turn_however_short_they_are(patient: Any, write: Any) -> None:
    short = write("/")
    count = READ_AT_ONCE // len(short)
    with patient.connect() as client:
        client.send(write("/held"), short * count)
        until(lambda: is_held(patient))
        [connection] = patient.connections
        assert 0 < len(connection.pipeline) <= PIECE // len(short) + 1
        assert len(connection.flow.unparsed) <= READ_AT_ONCE
        assert [path for path, _ in patient.requests] in ([], ["/held"])
        patient.release()
        assert [client.answer().content["path"] for _ in range(count + 1)] == ["/held", *["/"] * count]


def test_requests_of_both_kinds_are_answered_in_their_order(patient: Any, write: Any) -> None:
    sent = [
        write("/held", b"1"),
        write("/a", method=b"GET"),
        write("/b", b"22"),
        write("/c", b"333"),
        write("/d", method=b"GET"),
    ]
    with patient.connect() as client:
        client.send(b"".join(sent * 50))
        patient.release()
        answers = [client.answer().content for _ in range(250)]
    assert [(each["path"], each["length"]) for each in answers] == [
        ("/held", 1),
        ("/a", 0),
        ("/b", 2),
        ("/c", 3),
        ("/d", 0),
    ] * 50


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_body_that_comes_while_an_earlier_request_is_answered_is_read(patient: Any, write: Any, size: int) -> None:
    second = write("/second", b"x" * 50)
    with patient.connect() as client:
        client.send(write("/held", b"1"))
        client.send(*(second[at : at + size] for at in range(0, len(second), size)))
        until(lambda: is_held(patient))
        patient.release()
        assert [client.answer().content["length"] for _ in range(2)] == [1, 50]


def test_a_client_that_never_reads_is_left(serve: Any, limits: Any, write: Any) -> None:
    served = serve(limits._replace(request_seconds=300, idle_seconds=1))
    client = served.connect(receive_bytes=4096)

    def send() -> None:
        try:
            client.send(write(f"/{'x' * 400}") * 40_000)
        except OSError:
            left.set()

    left = threading.Event()
    sending = threading.Thread(target=send)
    sending.start()
    until(lambda: not served.connections and bool(served.requests))
    assert left.wait(PATIENCE_SECONDS)
    sending.join()


def test_a_client_that_leaves_takes_what_waits_with_it(patient: Any, write: Any) -> None:
    client = patient.connect()
    client.send(write("/held"), write("/never") * 100)
    until(lambda: is_held(patient) and bool(patient.requests))
    [connection] = patient.connections
    client.abort()
    # Where nothing is read, nobody notices who has left, until there is something to write.
    patient.release()
    until(lambda: not patient.connections)
    assert (len(connection.pipeline), connection.flow.unparsed) == (0, b"")
