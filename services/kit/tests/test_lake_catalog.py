"""A catalog that demands a token: a server of this test that answers as Iceberg's description of the protocol says.

https://github.com/apache/iceberg/blob/main/open-api/rest-catalog-open-api.yaml
"""

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest
from kit.errors import Fault, Transient
from kit.lake import load_catalog
from kit.settings import LakeSettings
from pydantic import ValidationError
from pyiceberg.exceptions import NoSuchTableError

CREDENTIAL = "writer:s3cret"
SCOPE = "PRINCIPAL_ROLE:ALL"


@dataclass
class Polaris:
    """What the server has given out, and what it answers otherwise."""

    url: str = ""
    tokens: list[str] = field(default_factory=list)
    valid: set[str] = field(default_factory=set)
    scopes: list[str] = field(default_factory=list)
    warehouses: list[str] = field(default_factory=list)
    seconds: int | None = 3600
    token_status: int = 200

    def expire(self) -> None:
        self.valid.clear()

    def answer(self, request: BaseHTTPRequestHandler) -> tuple[int, object]:
        address = urlsplit(request.path)
        if address.path == "/api/catalog/v1/oauth/tokens":
            return self._token(request)
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or token not in self.valid:
            return 401, error(401, "NotAuthorizedException", "not authorized")
        if address.path == "/api/catalog/v1/config":
            self.warehouses += parse_qs(address.query)["warehouse"]
            if self.warehouses[-1] != "payments":
                return 403, error(403, "ForbiddenException", "not yours")
            return 200, {"defaults": {}, "overrides": {"prefix": "payments"}}
        if address.path == "/api/catalog/v1/payments/namespaces":
            return 200, {"namespaces": [["bronze"]]}
        return 404, error(404, "NoSuchTableException", "there is none")

    def _token(self, request: BaseHTTPRequestHandler) -> tuple[int, object]:
        form = parse_qs(request.rfile.read(int(request.headers["Content-Length"])).decode())
        expected = "Basic " + base64.b64encode(CREDENTIAL.encode()).decode()
        if self.token_status != 200:
            return self.token_status, {}
        if request.headers["Authorization"] != expected or form["grant_type"] != ["client_credentials"]:
            return 401, {"error": "invalid_client"}
        self.scopes += form["scope"]
        token = f"token-{len(self.tokens)}"
        self.tokens.append(token)
        self.valid.add(token)
        lifetime = {} if self.seconds is None else {"expires_in": self.seconds}
        return 200, {"access_token": token, "token_type": "bearer", **lifetime}


def error(code: int, kind: str, message: str) -> object:
    return {"error": {"message": message, "type": kind, "code": code}}


@pytest.fixture
def polaris() -> Iterator[Polaris]:
    state = Polaris()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, content = state.answer(self)
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        state.url = f"http://127.0.0.1:{server.server_address[1]}/api/catalog"
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield state
        server.shutdown()
        thread.join()


Settings = Callable[..., LakeSettings]


@pytest.fixture
def settings(polaris: Polaris) -> Settings:
    def make(**changes: str) -> LakeSettings:
        usual = {
            "catalog_uri": polaris.url,
            "catalog_warehouse": "payments",
            "catalog_credential": CREDENTIAL,
            "catalog_scope": SCOPE,
            "s3_endpoint": "http://127.0.0.1:1",
            "s3_access_key_id": "id",
            "s3_secret_access_key": "key",
            "s3_region": "us-east-1",
        }
        return LakeSettings.model_validate(usual | changes)

    return make


def test_a_token_is_asked_for_once_and_goes_with_every_request(polaris: Polaris, settings: Settings) -> None:
    catalog = load_catalog(settings())
    assert catalog.list_namespaces() == [("bronze",)]
    with pytest.raises(NoSuchTableError):
        catalog.load_table(("bronze", "absent"))
    assert (polaris.tokens, polaris.scopes, polaris.warehouses) == (["token-0"], [SCOPE], ["payments"])


def test_a_token_that_is_refused_before_its_time_is_replaced_in_the_same_call(
    polaris: Polaris, settings: Settings
) -> None:
    catalog = load_catalog(settings())
    polaris.expire()
    assert catalog.list_namespaces() == [("bronze",)]
    assert polaris.tokens == ["token-0", "token-1"]


@pytest.mark.parametrize(("seconds", "asked"), [(30, 3), (None, 1)])
def test_a_token_is_renewed_before_it_ends_and_lasts_an_hour_where_nothing_is_said(
    polaris: Polaris, settings: Settings, seconds: int | None, asked: int
) -> None:
    polaris.seconds = seconds
    catalog = load_catalog(settings())
    catalog.list_namespaces()
    catalog.list_namespaces()
    assert len(polaris.tokens) == asked


def test_a_credential_that_is_refused_is_a_fault_that_names_the_settings_and_not_the_secret(settings: Settings) -> None:
    with pytest.raises(Fault, match=r"no token to writer \(HTTP 401\): set CATALOG_CREDENTIAL") as caught:
        load_catalog(settings(catalog_credential="writer:wrong"))
    assert "wrong" not in str(caught.value)


def test_a_token_server_that_is_in_trouble_may_answer_later(polaris: Polaris, settings: Settings) -> None:
    polaris.token_status = 503
    with pytest.raises(Transient):
        load_catalog(settings())


@pytest.mark.parametrize("changes", [{"catalog_warehouse": "others"}, {"catalog_token_url": "http://127.0.0.1:1/"}])
def test_what_is_refused_is_a_fault_and_what_does_not_answer_is_not(
    settings: Settings, changes: dict[str, str]
) -> None:
    refused = "catalog_warehouse" in changes
    with pytest.raises(Fault if refused else Transient):
        load_catalog(settings(**changes))


def test_a_catalog_that_demands_a_token_and_gets_none_is_told_from_one_that_is_away(
    polaris: Polaris, settings: Settings
) -> None:
    without = LakeSettings.model_validate(settings().model_dump() | {"catalog_credential": None})
    with pytest.raises(Fault, match="set CATALOG_CREDENTIAL"):
        load_catalog(without)
    assert polaris.tokens == []


@pytest.mark.parametrize("credential", ["writer", ":secret", "writer:"])
def test_a_credential_has_two_parts(settings: Settings, credential: str) -> None:
    with pytest.raises(ValidationError, match="a colon, and the client's secret"):
        settings(catalog_credential=credential)
