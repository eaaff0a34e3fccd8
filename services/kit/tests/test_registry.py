"""The reader of the Schema Registry, against a registry in memory that speaks the Confluent API."""

import json

import httpx
import pytest
from kit.errors import Fault, Rejected, Transient
from kit.kafka import RegistryClient

TEXT = json.dumps({"type": "record", "name": "thing", "fields": []})


def answer(request: httpx.Request) -> httpx.Response:
    path = request.url.path
    if path == "/api/subjects/things-value":
        if json.loads(request.content)["schema"] != TEXT:
            return httpx.Response(404, json={"error_code": 40403, "message": "Schema not found"})
        return httpx.Response(200, json={"subject": "things-value", "version": 2, "id": 41, "schema": TEXT})
    if path == "/api/schemas/ids/41":
        return httpx.Response(200, json={"schema": TEXT})
    return httpx.Response(404, json={"error_code": 40401, "message": "Not found"})


def client(transport: httpx.BaseTransport, patience_seconds: float = 10) -> RegistryClient:
    return RegistryClient("http://registry/api/", patience_seconds=patience_seconds, transport=transport)


@pytest.fixture
def registry() -> RegistryClient:
    return client(httpx.MockTransport(answer))


def test_finds_a_registered_schema(registry: RegistryClient) -> None:
    found = registry.lookup("things-value", 2, TEXT)
    assert (found.id, found.version, found.text) == (41, 2, TEXT)


def test_refuses_a_schema_that_is_not_registered_and_says_what_to_do(registry: RegistryClient) -> None:
    with pytest.raises(Fault, match=r"things-value, version 3, is not registered .*`make register`"):
        registry.lookup("things-value", 3, '"string"')


def test_refuses_an_unknown_subject(registry: RegistryClient) -> None:
    with pytest.raises(Fault, match="others-value, version 1"):
        registry.lookup("others-value", 1, TEXT)


def test_refuses_a_schema_that_is_registered_under_another_version(registry: RegistryClient) -> None:
    with pytest.raises(Fault, match="registered as version 2, its contract says 1"):
        registry.lookup("things-value", 1, TEXT)


def test_gives_a_schema_by_its_id(registry: RegistryClient) -> None:
    assert registry.text(41) == TEXT


def test_rejects_an_unknown_id(registry: RegistryClient) -> None:
    with pytest.raises(Rejected) as caught:
        registry.text(42)
    assert caught.value.reason_code == "schema_unknown"


def test_tries_again_while_the_registry_starts() -> None:
    answers = iter([httpx.Response(503), httpx.Response(502)])
    registry = client(httpx.MockTransport(lambda request: next(answers, answer(request))))
    assert registry.text(41) == TEXT


def test_is_transient_when_the_registry_stays_away() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    registry = client(httpx.MockTransport(refuse), patience_seconds=0.3)
    with pytest.raises(Transient, match="http://registry/api/ does not answer"):
        registry.text(41)
    assert registry.check() == "http://registry/api/ does not answer (ConnectError)"


@pytest.mark.parametrize("content", [b"[]", b"<html></html>", b"", b"\xff"])
def test_is_a_fault_when_something_else_answers(content: bytes) -> None:
    registry = client(httpx.MockTransport(lambda _request: httpx.Response(200, content=content)))
    with pytest.raises(Fault, match="not a schema registry"):
        registry.text(41)


def test_is_in_order_when_the_registry_answers() -> None:
    assert client(httpx.MockTransport(lambda _request: httpx.Response(200, json=[]))).check() is None
