"""Requests whose headers are larger than they may be."""

from itertools import count, repeat
from typing import Any

import pytest
from payments_contracts.gateway import Problem

LIMIT = 8192
# More than the buffers of a connection hold.
ENDLESS = 256 * 2**20


def in_pieces(content: bytes, size: int) -> list[bytes]:
    return [content[start : start + size] for start in range(0, len(content), size)]


def feed(client: Any, served: Any, pieces: Any) -> int:
    """Send pieces until the server has had enough; return how many bytes went out."""
    sent = 0
    for piece in pieces:
        if served.refusals or sent > ENDLESS:
            break
        try:
            client.send(piece)
        except ConnectionError:
            break
        sent += len(piece)
    return sent


def assert_is_refused(client: Any, served: Any) -> None:
    answer = client.answer()
    assert (answer.status, answer.headers["connection"]) == (431, "close")
    assert answer.headers["content-type"] == "application/problem+json"
    problem = Problem.model_validate_json(answer.body)
    assert (problem.status, problem.reason_code.root) == (431, "headers_too_large")
    assert client.has_ended()
    assert served.refusals == ["headers_too_large"]
    assert served.requests == []


def test_headers_over_the_limit_are_refused(served: Any, write: Any) -> None:
    with served.connect() as client:
        client.send(write("/", b"{}", b"X-Long: " + b"a" * LIMIT))
        assert_is_refused(client, served)


def test_many_small_headers_over_the_limit_are_refused(served: Any, write: Any) -> None:
    with served.connect() as client:
        client.send(write("/", b"{}", *(b"X-%d: %d" % (number, number) for number in range(2000))))
        assert_is_refused(client, served)


def test_many_headers_in_many_pieces_are_refused(served: Any) -> None:
    with served.connect() as client:
        client.send(b"POST / HTTP/1.1\r\n")
        feed(client, served, (b"X-%d: %b\r\n" % (number, b"a" * 500) for number in count()))
        assert_is_refused(client, served)


def test_a_header_that_never_ends_is_refused(served: Any) -> None:
    with served.connect() as client:
        client.send(b"POST / HTTP/1.1\r\nX-Long: ")
        feed(client, served, repeat(b"a" * 1000))
        assert_is_refused(client, served)


def test_a_path_that_never_ends_is_refused(served: Any) -> None:
    with served.connect() as client:
        client.send(b"POST /")
        feed(client, served, repeat(b"a" * 1000))
        assert_is_refused(client, served)


def test_a_path_over_the_limit_is_refused(served: Any, write: Any) -> None:
    with served.connect() as client:
        client.send(write("/" + "a" * LIMIT))
        assert_is_refused(client, served)


@pytest.mark.parametrize(
    "start",
    [
        b"POST / HTTP/1.1\r\nX-Long: ",
        b"POST / HTTP/1.1\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\nX-Long: ",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\n",
    ],
    ids=["a header", "headers", "a trailer", "trailers"],
)
def test_no_more_is_read_than_the_limit_and_what_is_in_buffers(patient: Any, start: bytes) -> None:
    piece = b"a" * 100_000 if start.endswith(b" ") else b"X-Some: thing\r\n" * 5000
    with patient.connect() as client:
        client.send(start)
        assert feed(client, patient, repeat(piece)) < ENDLESS
        patient.wait_for(lambda: patient.refusals == ["headers_too_large"])


def test_trailers_over_the_limit_are_refused(patient: Any) -> None:
    with patient.connect() as client:
        client.send(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\n")
        feed(client, patient, repeat(b"X-Some: " + b"a" * 1000 + b"\r\n"))
        assert_is_refused(client, patient)


@pytest.mark.parametrize("size", [1_000_000, 700, 1])
def test_headers_of_just_the_limit_are_taken_in_however_many_pieces(patient: Any, write: Any, size: int) -> None:
    # Names and values count, not what stands between them.
    small = [b"a%03d:" % number for number in range(1000)]
    counted = len("/") + len("Host" + "gateway") + len("Content-Length" + "2") + 1000 * len("a000")
    rest = b"X-Long: " + b"a" * (LIMIT - counted - len("X-Long"))
    with patient.connect() as client:
        client.send(*in_pieces(write("/", b"{}", *small, rest), size))
        assert client.answer().status == 200


def test_a_head_that_begins_with_the_end_of_another_request_counts_for_itself(patient: Any, write: Any) -> None:
    first, second = write("/first", b"{" * 10 * LIMIT), write("/second", b"{}")
    with patient.connect() as client, patient.connect() as other:
        client.send(first[:10])
        # By the time that another request is answered, the piece before has been read.
        other.send(write("/other"))
        patient.wait_for(lambda: bool(patient.requests))
        client.send(first[10:] + second[:10])
        client.send(second[10:])
        assert [client.answer().content["path"] for _ in range(2)] == ["/first", "/second"]


def test_one_answer_is_given_to_several_requests_that_are_too_large(served: Any, write: Any) -> None:
    large = write("/", b"{}", b"X-Long: " + b"a" * LIMIT)
    with served.connect() as client:
        client.send(large + large)
        assert_is_refused(client, served)


def test_what_follows_a_refused_head_is_not_read(served: Any, write: Any) -> None:
    with served.connect() as client:
        client.send(write("/", b"{}", b"X-Long: " + b"a" * LIMIT) + write("/", b"{}"))
        assert_is_refused(client, served)


def test_others_are_served_while_headers_are_refused(served: Any, write: Any) -> None:
    with served.connect() as before, served.connect() as flood:
        before.send(write("/", b"{}")[:-2])
        flood.send(write("/", b"{}", b"X-Long: " + b"a" * LIMIT))
        assert flood.answer().status == 431
        before.send(b"{}")
        assert before.answer().status == 200


def test_trailers_are_not_headers(patient: Any) -> None:
    chunked = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nStripe-Signature: t=1\r\n\r\n"
    with patient.connect() as client:
        client.send(chunked)
        assert client.answer().content == {"path": "/", "length": 2, "headers": ["transfer-encoding"]}
