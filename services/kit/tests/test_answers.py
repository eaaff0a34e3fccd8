"""A server that answers something else than its API promises fails in a way that the caller knows."""

from typing import Any

import httpx
import pytest
import requests
from kit.answers import object_of
from kit.errors import Fault, Transient
from kit.lake import load_catalog
from kit.lake.tokens import open_tokens
from kit.registry import RegistryClient
from kit.settings import LakeSettings
from pydantic import SecretStr

LAKE: dict[str, Any] = {
    "catalog_uri": "http://catalog",
    "catalog_warehouse": "payments",
    "s3_endpoint": "http://s3",
    "s3_region": "r",
    "s3_access_key_id": "a",
    "s3_secret_access_key": "b",
}


@pytest.mark.parametrize("content", [b"<h1>", b"[1]", b"null", b"[" * 100_000, b"\xff"])
def test_what_is_no_object_is_away(content: bytes) -> None:
    with pytest.raises(Transient, match=r"^x answers otherwise than its API promises \(200, "):
        object_of("x", httpx.Response(200, content=content))


@pytest.mark.parametrize("content", [{"x": 1}, {"version": "first", "id": 1}])
def test_a_registry_without_what_it_has_to_tell_is_none(content: Any) -> None:
    transport = httpx.MockTransport(lambda _request: httpx.Response(200, json=content))
    with RegistryClient("http://registry", transport=transport) as registry:
        with pytest.raises(Fault, match="otherwise than its API promises"):
            registry.text(1)
        with pytest.raises(Fault, match="otherwise than its API promises"):
            registry.lookup("s", 1, "{}")


def answering(body: bytes) -> Any:
    def answer(*_arguments: object, **_options: object) -> requests.Response:
        response = requests.Response()
        response.status_code, response._content = 200, body
        return response

    return answer


def test_a_catalog_that_answers_anything_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests.Session, "get", answering(b"[1]"))
    with pytest.raises(Transient, match="http://catalog answers otherwise than its API promises"):
        load_catalog(LakeSettings(**LAKE))


@pytest.mark.parametrize("body", [b"<h1>", b"[1]", b"{}"])
def test_a_server_of_tokens_that_gives_none_is_away(body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "post", answering(body))
    tokens = open_tokens(LakeSettings(**LAKE, catalog_credential=SecretStr("client:secret")), 1.0)
    assert tokens is not None
    with pytest.raises(Transient, match="otherwise than its API promises"):
        tokens.token_provider.get_token()
