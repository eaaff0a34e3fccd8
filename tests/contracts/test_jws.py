"""What a gateway makes of a JWS: its algorithm and key are the contract's and the provider's, never its own choice."""

from __future__ import annotations

import asyncio
import base64
import hmac
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from gateway.errors import Forged, KeyNeeded
from gateway.fetching import Document
from gateway.jws import JwsVerifier
from gateway.key_set import PublishedKeys
from gateway.secrets import EndpointSecret
from gateway.verdict import Authentic
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc.jwk import OctKey, RSAKey
from kit.errors import Transient
from payments_contracts.providers import PROVIDERS, KeySet, Signature
from simulator.keys import in_pem, jws_of, key_set, made_key, public_key

if TYPE_CHECKING:
    from simulator.keys import PrivateKey

ADDRESS = "https://keys.example/set"
PLAIN = replace(
    PROVIDERS["checkout"].signature,
    header="X-Signature",
    form="jws",
    digest="jws",
    encoding="base64url",
    key_encoding=None,
    algorithms=("RS256", "ES256"),
    key_set=KeySet(ADDRESS, None, ()),
)
CLAIMS = replace(
    PLAIN,
    key_set=KeySet(ADDRESS, "https://issuer.example", ()),
    digest_claim="body_sha256",
    timestamp_key="iat",
    tolerance_seconds=300,
    future_tolerance_seconds=60,
)
T = 1_777_636_800
BODY = b'{"id":"evt_1"}'
RSA, EC, STRANGER = made_key("RS256"), made_key("ES256"), made_key("RS256", "stranger")


@dataclass
class Clock:
    seconds: float = 1000.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class Server:
    content: bytes | Exception = field(default_factory=lambda: key_set([RSA, EC]))
    fresh_seconds: float | None = None
    asked: int = 0

    async def __call__(self, url: str) -> Document:
        assert url == ADDRESS
        self.asked += 1
        if isinstance(self.content, Exception):
            raise self.content
        return Document(self.content, self.fresh_seconds)


class Endpoint:
    def __init__(self, signature: Signature = PLAIN, server: Server | None = None) -> None:
        self.server, self.clock, self.outcomes = server or Server(), Clock(), list[str]()
        assert signature.key_set is not None
        self.keys = PublishedKeys(signature.key_set, self.server, self.outcomes.append, self.clock)
        secret = EndpointSecret.model_validate({"id": "a", "secret": "x", "merchant_id": "m"})
        self.verifier = JwsVerifier(signature, [secret], "", self.keys)

    async def verdict(self, text: str, body: bytes = BODY, now: float = T) -> Any:
        found = self.verifier.verify([text], body, now)
        if isinstance(found, KeyNeeded):
            await self.verifier.fetch(found)
            found = self.verifier.verify([text], body, now)
        return found

    async def reason(self, text: str, body: bytes = BODY, now: float = T) -> str | None:
        found = await self.verdict(text, body, now)
        return found.reason_code if isinstance(found, Forged) else None


def signed(key: PrivateKey = RSA, algorithm: str = "RS256", body: bytes = BODY, **stated: Any) -> str:
    return jws_of(key, algorithm, body, stated, detached=True)


def claimed(body: bytes = BODY, key: PrivateKey = RSA, **claims: Any) -> str:
    said = {"iss": "https://issuer.example", "iat": T, "body_sha256": sha256(body).hexdigest(), **claims}
    return jws_of(key, "RS256", orjson.dumps(said), {}, detached=False)


def encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


async def test_the_payload_may_be_left_out_or_be_the_body_and_nothing_else() -> None:
    endpoint = Endpoint()
    whole = jws_of(RSA, "RS256", BODY, {}, detached=False)
    assert await endpoint.verdict(signed()) == Authentic("a", "m")
    assert await endpoint.verdict(whole) == Authentic("a", "m")
    assert await endpoint.reason(whole, b'{"id":"evt_2"}') == "signature_mismatch"


async def test_an_unencoded_payload_is_understood() -> None:
    assert await Endpoint().verdict(signed(b64=False, crit=["b64"])) == Authentic("a", "m")


async def test_what_signs_with_the_public_key_as_a_secret_is_refused() -> None:
    endpoint = Endpoint()
    kid = RSAKey.import_key(in_pem(RSA)).thumbprint()
    for secret in (public_key(RSA).encode(), orjson.dumps(RSAKey.import_key(in_pem(RSA)).as_dict(private=False))):
        head = encoded(orjson.dumps({"alg": "HS256", "kid": kid}))
        code = hmac.digest(secret, f"{head}.{encoded(BODY)}".encode(), "sha256")
        assert await endpoint.reason(f"{head}..{encoded(code)}") == "signature_malformed"


@pytest.mark.parametrize("algorithm", ["none", "None", "HS256", "PS256", "RS512", "", 5, None, ["RS256"], {}])
async def test_an_algorithm_that_the_contract_does_not_list_is_refused(algorithm: Any) -> None:
    endpoint = Endpoint()
    head = encoded(orjson.dumps({"alg": algorithm}))
    for tail in ("", encoded(b"x" * 256)):
        assert await endpoint.reason(f"{head}..{tail}") == "signature_malformed"
    assert endpoint.server.asked == 0


async def test_a_key_that_the_signature_brings_along_is_not_looked_at() -> None:
    endpoint = Endpoint()
    jwk = RSAKey.import_key(in_pem(STRANGER)).as_dict(private=False)
    text = signed(STRANGER, jwk=jwk, jku="https://evil.example/set", x5u="https://evil.example/c")
    assert await endpoint.reason(text) == "signature_mismatch"
    own = RSAKey.import_key(in_pem(RSA)).thumbprint()
    assert await endpoint.reason(signed(STRANGER, jwk=jwk, kid=own)) == "signature_mismatch"


async def test_a_key_of_another_kind_than_the_algorithm_verifies_nothing() -> None:
    endpoint = Endpoint()
    kid = RSAKey.import_key(in_pem(RSA)).thumbprint()
    assert await endpoint.reason(signed(EC, "ES256", kid=kid)) == "signature_mismatch"


async def test_a_critical_parameter_that_nobody_knows_is_refused() -> None:
    text = signed()
    head, _, code = text.split(".")
    read = orjson.loads(base64.urlsafe_b64decode(head + "=="))
    changed = encoded(orjson.dumps({**read, "crit": ["exp2"], "exp2": 1}))
    assert await Endpoint().reason(f"{changed}..{code}") == "signature_malformed"


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({}, None),
        ({"body_sha256": "0" * 64}, "signature_mismatch"),
        ({"body_sha256": None}, "signature_mismatch"),
        ({"body_sha256": "\u00e9"}, "signature_mismatch"),
        ({"iss": "https://issuer.example/"}, "signature_mismatch"),
        ({"iss": None}, "signature_mismatch"),
        ({"iat": T - 301}, "signature_expired"),
        ({"iat": T + 61}, "signature_expired"),
        ({"iat": str(T)}, "signature_malformed"),
        ({"iat": True}, "signature_malformed"),
        ({"exp": T}, "signature_expired"),
        ({"exp": T + 1}, None),
        ({"exp": "never"}, "signature_expired"),
        ({"nbf": T + 1}, "signature_expired"),
    ],
)
async def test_claims_say_what_was_signed_when_and_by_whom(claims: dict[str, Any], reason: str | None) -> None:
    assert await Endpoint(CLAIMS).reason(claimed(**claims)) == reason


async def test_claims_of_a_stranger_tell_nothing_of_their_time() -> None:
    assert await Endpoint(CLAIMS).reason(claimed(key=STRANGER, iat=0)) == "signature_mismatch"


async def test_a_known_key_verifies_while_the_server_is_away_and_the_set_is_stale() -> None:
    endpoint = Endpoint()
    assert await endpoint.verdict(signed()) == Authentic("a", "m")
    endpoint.server.content = Transient("away")
    endpoint.clock.seconds += 10 * 86_400
    assert endpoint.verifier.verify([signed()], BODY, T) == Authentic("a", "m")
    for _ in range(5):
        with pytest.raises(Transient):
            await endpoint.verdict(signed(STRANGER))
    assert (endpoint.server.asked, endpoint.outcomes) == (2, ["fetched", "failed"])
    assert endpoint.verifier.verify([signed()], BODY, T) == Authentic("a", "m")


async def test_an_unknown_key_has_the_set_fetched_again_but_not_each_time() -> None:
    endpoint = Endpoint()
    for _ in range(20):
        assert await endpoint.reason(signed(STRANGER)) == "signature_mismatch"
    assert endpoint.server.asked == 1
    endpoint.server.content = key_set([RSA, STRANGER])
    assert await endpoint.reason(signed(STRANGER)) == "signature_mismatch"
    endpoint.clock.seconds += 31
    assert await endpoint.verdict(signed(STRANGER)) == Authentic("a", "m")
    # What the server took out is gone.
    assert await endpoint.reason(signed(EC, "ES256")) == "signature_mismatch"
    assert endpoint.server.asked == 2


async def test_webhooks_that_wait_for_the_set_wait_for_one_answer() -> None:
    endpoint = Endpoint()
    found = await asyncio.gather(*(endpoint.verdict(signed()) for _ in range(20)))
    assert (set(found), endpoint.server.asked) == ({Authentic("a", "m")}, 1)


async def test_only_pinned_keys_count() -> None:
    pin = RSAKey.import_key(in_pem(RSA)).thumbprint()
    endpoint = Endpoint(replace(PLAIN, key_set=KeySet(ADDRESS, None, (pin,))))
    assert await endpoint.verdict(signed()) == Authentic("a", "m")
    assert await endpoint.reason(signed(EC, "ES256")) == "signature_mismatch"
    other = Endpoint(replace(PLAIN, key_set=KeySet(ADDRESS, None, ("0" * 43,))))
    with pytest.raises(Transient):
        await other.verdict(signed())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b'{"keys":{}}',
        b'{"keys":[]}',
        b'{"keys":[1,null,{"kty":"RSA"},{"kty":"RSA","n":5,"e":"AQAB"},{"kty":"new"}]}',
        orjson.dumps({"keys": [OctKey.generate_key(256).as_dict()]}),
        orjson.dumps({"keys": [RSAKey.import_key(in_pem(RSA)).as_dict(private=True)]}),
        orjson.dumps({"keys": [{**RSAKey.import_key(in_pem(RSA)).as_dict(private=False), "use": "enc"}]}),
        orjson.dumps({"keys": [{"kty": "RSA", "n": encoded(b"\xff" * 2048), "e": "AQAB"}]}),
        orjson.dumps({"keys": [{"kty": "RSA", "n": encoded(b"\xff" * 64), "e": "AQAB"}]}),
        b'{"keys":[' + b'{"kty":"new"},' * 101 + b"1]}",
    ],
)
async def test_a_set_without_a_key_that_may_be_used_changes_nothing(content: bytes) -> None:
    endpoint = Endpoint()
    assert await endpoint.verdict(signed()) == Authentic("a", "m")
    endpoint.server.content = content
    endpoint.clock.seconds += 60
    with pytest.raises(Transient):
        await endpoint.verifier.fetch(KeyNeeded(ADDRESS, T))
    assert endpoint.verifier.verify([signed()], BODY, T) == Authentic("a", "m")


@pytest.mark.parametrize(("said", "waits"), [(None, 3600), (0, 300), (7, 300), (900, 900), (10**9, 86_400)])
async def test_a_set_is_fetched_again_when_its_server_says_so_within_bounds(
    said: float | None, waits: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint, slept = Endpoint(server=Server(fresh_seconds=said)), list[float]()

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        raise asyncio.CancelledError

    monkeypatch.setattr("gateway.key_set.asyncio.sleep", sleep)
    with pytest.raises(asyncio.CancelledError):
        await endpoint.verifier.follow()
    assert (slept, endpoint.server.asked) == ([waits], 1)


PARTS = st.one_of(st.just(""), st.text("AZaz09-_=", max_size=20), st.just(encoded(b'{"alg":"RS256"}')))


@settings(deadline=None, max_examples=100)
@given(
    st.one_of(
        st.text(max_size=60),
        st.lists(PARTS, max_size=5).map(".".join),
        st.recursive(st.none() | st.text(max_size=5) | st.integers(-5, 5), lambda each: st.lists(each, max_size=3))
        .flatmap(lambda value: st.sampled_from(["alg", "kid", "crit", "b64", "typ"]).map(lambda key: {key: value}))
        .map(lambda header: f"{encoded(orjson.dumps({'alg': 'RS256', **header}))}..AAAA"),
        st.just(f"{encoded(b'[' * 2900)}..AAAA"),
    )
)
def test_whatever_stands_in_the_header_is_refused_and_nothing_raises(text: str) -> None:
    try:
        reason = asyncio.run(Endpoint().reason(text))
    except Transient:  # pragma: no cover - the server is there
        raise AssertionError from None
    assert reason in {"signature_malformed", "signature_mismatch"}
