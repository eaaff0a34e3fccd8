"""Bodies that are larger than an endpoint takes; a short way counts them itself."""

from typing import Any

import pytest

pytestmark = pytest.mark.parametrize("serve", [True], ids=["short"], indirect=True)
CHUNKED = b"POST /small HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"


def test_a_body_of_just_the_limit_is_taken_in_however_many_pieces(patient: Any, write: Any, small: int) -> None:
    whole = write("/small", bytes(small))
    with patient.connect() as client:
        client.send(whole)
        assert client.answer().content["length"] == small
        client.send(*(whole[start : start + 7] for start in range(0, len(whole), 7)))
        assert client.answer().content["length"] == small
    assert patient.requests == [("/small", bytes(small))] * 2


def test_a_longer_one_is_refused_and_its_rest_dropped(patient: Any, write: Any, small: int) -> None:
    with patient.connect() as client:
        client.send(write("/small", bytes(1000 * small)), write("/next", b"{}"))
        assert [client.answer().status for _ in range(2)] == [413, 200]
    assert patient.requests == [("/next", b"{}")]


def test_it_is_refused_before_its_end(patient: Any, small: int) -> None:
    with patient.connect() as client:
        client.send(CHUNKED, b"%x\r\n%b\r\n" % (small, bytes(small)), b"1\r\n")
        client.send(b"x")
        assert client.answer().status == 413
        client.send(b"\r\n0\r\n\r\n", CHUNKED, b"0\r\n\r\n")
        assert client.answer().content["length"] == 0


def test_what_does_not_end_after_its_refusal_is_not_refused_again(served: Any, small: int) -> None:
    with served.connect() as client:
        client.send(CHUNKED, b"%x\r\n%b" % (2 * small, bytes(2 * small)))
        assert client.answer().status == 413
        served.wait_for(lambda: served.refusals == ["request_timeout"])
        assert client.has_ended()


def test_the_connection_ends_where_the_client_says_so(patient: Any, write: Any, small: int) -> None:
    with patient.connect() as client:
        client.send(write("/small", bytes(small + 1), b"Connection: close"))
        answer = client.answer()
        assert (answer.status, answer.headers["connection"]) == (413, "close")
        assert client.has_ended()
