"""Connections as clients use them, and leave them."""

from typing import Any

import pytest

CHUNKED = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n7;some=extension\r\n, world\r\n0\r\n\r\n"


def test_a_connection_serves_one_request_after_the_other(served: Any, write: Any) -> None:
    with served.connect() as client:
        for path in ("/first", "/second", "/last"):
            client.send(write(path, b"{}"))
            assert client.answer().content["path"] == path


def test_requests_sent_all_at_once_are_answered_in_their_order(patient: Any, write: Any) -> None:
    paths = ["/held", *(f"/{number}" for number in range(20)), "/last"]
    with patient.connect() as client:
        client.send(b"".join(write(path, path.encode()) for path in paths))
        patient.wait_for(lambda: bool(patient.requests))
        patient.release()
        assert [client.answer().content["path"] for _ in paths] == paths
    assert patient.requests == [(path, path.encode()) for path in paths]


def test_a_request_may_come_letter_by_letter(patient: Any, write: Any) -> None:
    with patient.connect() as client:
        client.send(*(bytes([byte]) for byte in write("/", b"hello", b"X-Some: thing")))
        assert client.answer().content == {"path": "/", "length": 5, "headers": ["host", "x-some", "content-length"]}


def test_a_body_is_asked_for_where_the_client_waits_to_be_asked(patient: Any) -> None:
    with patient.connect() as client:
        client.send(b"POST / HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        assert client.answer().status == 100
        client.send(b"{}")
        assert client.answer().content["length"] == 2


def test_a_body_is_not_asked_for_where_nobody_reads_it(patient: Any) -> None:
    with patient.connect() as client:
        client.send(b"POST /deaf HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        assert client.answer().status == 200


def test_a_body_that_nobody_read_does_not_disturb_the_next_request(patient: Any, write: Any) -> None:
    with patient.connect() as client:
        client.send(write("/deaf", b"x" * 1000), write("/next", b"{}"))
        assert [client.answer().content["path"] for _ in range(2)] == ["/deaf", "/next"]


def test_the_answer_to_head_has_no_body(served: Any, write: Any) -> None:
    with served.connect() as client:
        client.send(write("/", method=b"HEAD"), write("/after"))
        assert client.answer(to="HEAD").body == b""
        assert client.answer().content["path"] == "/after"


def test_get_is_served_like_any_other(served: Any, write: Any) -> None:
    with served.connect() as client:
        client.send(write("/healthz", method=b"GET"))
        assert client.answer().content["path"] == "/healthz"


@pytest.mark.parametrize("size", [1, len(CHUNKED)])
def test_a_body_in_chunks_is_put_together(patient: Any, size: int) -> None:
    with patient.connect() as client:
        client.send(*(CHUNKED[start : start + size] for start in range(0, len(CHUNKED), size)))
        assert client.answer().status == 200
    assert patient.requests == [("/", b"hello, world")]


def test_a_large_body_in_tiny_chunks_is_not_a_head(patient: Any) -> None:
    with patient.connect() as client:
        client.send(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
        client.send(b"1\r\na\r\n" * 50_000, b"0\r\n\r\n")
        assert client.answer().content["length"] == 50_000


@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.parametrize("protocol", [b"websocket", b"h2c"])
@pytest.mark.parametrize("body", [b"", b"hello"])
def test_a_request_for_another_protocol_is_answered_in_this_one(
    patient: Any, write: Any, protocol: bytes, body: bytes, size: int
) -> None:
    upgrade = write("/", body, b"Connection: Upgrade, X-Some", b"Upgrade: " + protocol)
    both = upgrade + write("/next", b"{}")
    with patient.connect() as client:
        client.send(*(both[start : start + size] for start in range(0, len(both), size)))
        assert client.answer().content["length"] == len(body)
        assert client.answer().content["path"] == "/next"
    assert patient.requests == [("/", body), ("/next", b"{}")]


def test_many_requests_for_another_protocol_are_answered(patient: Any, write: Any) -> None:
    upgrade = write("/", b"hello", b"Connection: Upgrade", b"Upgrade: h2c")
    with patient.connect() as client:
        client.send(upgrade * 2000)
        for _ in range(2000):
            assert client.answer().content["length"] == 5


@pytest.mark.parametrize("size", [1, 1000])
def test_who_asks_for_a_tunnel_is_answered_like_any_other(patient: Any, write: Any, size: int) -> None:
    both = write("/", method=b"CONNECT") + write("/next", b"{}")
    with patient.connect() as client:
        client.send(*(both[start : start + size] for start in range(0, len(both), size)))
        assert [client.answer().content["path"] for _ in range(2)] == ["/", "/next"]


def test_a_tunnel_to_elsewhere_is_not_http(patient: Any) -> None:
    with patient.connect() as client:
        client.send(b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n")
        assert client.answer().status == 400
        assert client.has_ended()


def test_an_old_client_is_answered_and_its_connection_ended(served: Any, write: Any) -> None:
    with served.connect() as client:
        client.send(write("/", b"hello").replace(b"HTTP/1.1", b"HTTP/1.0"))
        answer = client.answer()
        assert (answer.status, answer.content["length"], answer.headers["connection"]) == (200, 5, "close")
        assert client.has_ended()


def test_the_connection_ends_where_the_client_says_so(served: Any, write: Any) -> None:
    with served.connect() as client:
        client.send(write("/", b"{}", b"Connection: close"))
        answer = client.answer()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert client.has_ended()


@pytest.mark.parametrize("garbage", [b"\x16\x03\x01\x02\x00", b"hello\r\n\r\n", b"POST / HTTP/1.1\r\nA B: c\r\n\r\n"])
def test_what_is_not_http_is_refused(served: Any, garbage: bytes) -> None:
    with served.connect() as client:
        client.send(garbage)
        answer = client.answer()
        assert (answer.status, answer.headers["content-type"]) == (400, "application/problem+json")
        assert answer.content["detail"] == "The request is not valid HTTP/1.1."
        assert client.has_ended()
    assert served.requests == []


def test_a_flood_of_what_is_not_http_does_not_become_a_flood_of_logs(
    served: Any, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(50):
        with served.connect() as client:
            client.send(b"hello\r\n\r\n")
            assert client.answer().status == 400
    assert caplog.records == []


@pytest.mark.parametrize(
    "headers", [b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", b"Content-Length: 2\r\nContent-Length: 3\r\n"]
)
def test_a_body_of_two_lengths_is_refused(served: Any, headers: bytes) -> None:
    with served.connect() as client:
        client.send(b"POST / HTTP/1.1\r\n" + headers + b"\r\n{}")
        assert client.answer().status == 400
        assert client.has_ended()


def test_a_client_that_leaves_in_the_middle_of_a_body_is_noticed(patient: Any, write: Any) -> None:
    client = patient.connect()
    client.send(write("/", b"x" * 100)[:-50])
    client.abort()
    patient.wait_for(lambda: patient.disconnects == 1)
    with patient.connect() as other:
        other.send(write())
        assert other.answer().status == 200


@pytest.mark.parametrize("left", [b"POST / HT", b"POST / HTTP/1.1\r\nX-Some"])
def test_a_client_that_leaves_in_the_middle_of_a_head_harms_nobody(patient: Any, write: Any, left: bytes) -> None:
    client = patient.connect()
    client.send(left)
    client.abort()
    with patient.connect() as other:
        other.send(write())
        assert other.answer().status == 200


@pytest.mark.parametrize("requests", [1, 2])
def test_clients_that_do_not_wait_for_their_answers_harm_nobody(patient: Any, write: Any, requests: int) -> None:
    leaving = [patient.connect() for _ in range(20)]
    staying = [patient.connect() for _ in range(20)]
    for left, stayed in zip(leaving, staying, strict=True):
        left.send(write("/held", b"{}") * requests)
        stayed.send(write("/held", b"{}"))
    patient.wait_for(lambda: len(patient.requests) == 40)
    for client in leaving:
        client.abort()
    with patient.connect() as other:
        # Once this is answered, the others' leaving has been noticed.
        other.send(write())
        assert other.answer().status == 200
    patient.release()
    assert [client.answer().status for client in staying] == [200] * 20


def test_what_is_under_way_is_answered_before_the_end(patient: Any, write: Any) -> None:
    clients = [patient.connect() for _ in range(20)]
    for client in clients:
        client.send(write("/held", b"{}"))
    patient.wait_for(lambda: len(patient.requests) == 20)
    patient.stop()
    patient.release()
    for client in clients:
        assert client.answer().status == 200
        assert client.has_ended()


def test_what_is_answered_in_the_moment_of_the_end_is_sent(patient: Any, write: Any) -> None:
    clients = [patient.connect() for _ in range(20)]
    for client in clients:
        client.send(write("/held", b"{}"))
    patient.wait_for(lambda: len(patient.requests) == 20)
    patient.end_at_once()
    for client in clients:
        assert client.answer().status == 200
        assert client.has_ended()
