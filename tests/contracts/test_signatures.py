"""What the simulator signs as a contract says, the gateway's verifier accepts; with one byte flipped it refuses it."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import orjson
import pytest
from gateway.carried import Carried
from gateway.errors import Forged, KeyNeeded
from gateway.fetching import Document
from gateway.items import split
from gateway.secrets import EndpointSecret
from gateway.signature import Authentic, verifier
from payments_contracts.providers import PROVIDERS, Algorithm, Certificate, KeySet, Provider, Signature
from pydantic import SecretStr
from simulator.keys import certificate, key_set, kind_of, made_authority, made_key, public_key
from simulator.signing import Signer

if TYPE_CHECKING:
    from simulator.signing import Signed

NOW = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC)
T = int(NOW.timestamp())
URL = "https://payments.example/webhooks"
# One that is a secret in every encoding of keys.
SECRET = "0123456789abcdef"
BODY: dict[str, Any] = {"id": "evt_1", "sure": True, "count": 7, "a": {"b": ["x", "y"]}}

PLAIN = replace(
    PROVIDERS["square"].signature, header="X-Signature", signed_content="{body}", secret_prefix=None, encoding="hex"
)
TIMED = replace(
    PLAIN,
    form="pairs",
    timestamp_key="t",
    signature_key="v1",
    signed_content="{timestamp}.{body}",
    tolerance_seconds=300,
    future_tolerance_seconds=60,
)
FORMS: dict[str, Signature] = {
    "one of a body": PLAIN,
    "with SHA-1 in base64": replace(PLAIN, digest="hmac-sha1", encoding="base64"),
    "with SHA-512 and a key in hex": replace(PLAIN, digest="hmac-sha512", key_encoding="hex"),
    "of the URL, too": replace(PLAIN, signed_content="{url}|{body}"),
    "in pairs with a time": TIMED,
    "in pairs with other separators": replace(TIMED, pair_separator="; ", key_separator=":"),
    "with its time in another header": replace(TIMED, timestamp_key=None, timestamp_header="X-Time"),
    "with its time in ISO 8601": replace(
        TIMED, timestamp_key=None, timestamp_header="X-Time", timestamp_format="iso8601"
    ),
    "of another header, too": replace(PLAIN, signed_content="{header:X-Id}.{body}"),
    "of a checksum": replace(PLAIN, signed_content="{header:X-Id}|{body_crc32}"),
    "of fields": replace(PLAIN, signed_content="{field:id}:{field:sure}:{field:count}:{field:a.b[1]}:{field:none}"),
    "inside the body": replace(PLAIN, header=None, field=("a", "signature"), signed_content="{field:id}:{field:count}"),
    "with RSA and a public key": replace(
        PLAIN, digest="rsa-sha256", encoding="base64", key_encoding="pem", signed_content="{body}"
    ),
    "with ECDSA and a public key": replace(PLAIN, digest="ecdsa-sha256", key_encoding="pem"),
    "with RSA and a certificate": replace(
        PLAIN,
        digest="rsa-sha256",
        encoding="base64",
        key_encoding=None,
        signed_content="{header:X-Id}|{secret}|{body_crc32}",
        certificate=Certificate("X-Certificate", ("keys.example",), "/certs/", ("keys.example",)),
    ),
    **{
        f"as a JWS with {algorithm}": replace(
            PLAIN,
            form="jws",
            digest="jws",
            encoding="base64url",
            key_encoding=None,
            algorithms=(algorithm,),
            key_set=KeySet("https://keys.example/set", None, ()),
        )
        for algorithm in get_args(Algorithm)
    },
    "as a JWS with its time, of an issuer": replace(
        PLAIN,
        form="jws",
        digest="jws",
        encoding="base64url",
        key_encoding=None,
        algorithms=("ES256",),
        key_set=KeySet("https://keys.example/set", "https://issuer.example", ()),
        timestamp_key="iat",
        tolerance_seconds=300,
        future_tolerance_seconds=60,
    ),
    "as a JWS with claims": replace(
        PLAIN,
        form="jws",
        digest="jws",
        encoding="base64url",
        key_encoding="pem",
        algorithms=("PS256", "RS256"),
        digest_claim="body_sha256",
        timestamp_key="iat",
        tolerance_seconds=300,
        future_tolerance_seconds=60,
    ),
}
CASES: dict[str, tuple[Signature, Provider | None]] = {
    **{name: (form, None) for name, form in FORMS.items()},
    **{name: (provider.signature, provider) for name, provider in PROVIDERS.items()},
}


class Endpoint:
    """A signer and a verifier for one contract, and the provider's key where it has one."""

    def __init__(self, signature: Signature, provider: Provider | None) -> None:
        self.signature = signature
        self.items = None if provider is None else provider.envelope.items
        self.key = made_key(kind_of(signature)) if signature.is_asymmetric else None
        in_pem = signature.key_encoding == "pem" and self.key is not None
        self.secret = public_key(self.key) if in_pem and self.key is not None else SECRET
        self.fetched: list[str] = []
        secrets = [EndpointSecret.model_validate({"id": "a", "secret": self.secret, "merchant_id": "m"})]
        self.verifier = verifier(signature, secrets, URL, self.fetch, roots())
        self.signer = Signer(signature, SecretStr(self.secret), URL, self.items, self.key)
        self.body = orjson.dumps(BODY if provider is None else body_of(provider.name))

    async def fetch(self, url: str) -> Document:
        assert self.key is not None
        self.fetched.append(url)
        if self.signature.certificate is None:
            return Document(key_set([self.key]))
        return Document(certificate(self.key, self.signature.certificate.names[0], NOW))

    async def verdict(self, signed: Signed, body: bytes | None = None, now: int = T) -> Any:
        """Judge as a gateway does: each event of the body, once more where a certificate was needed."""
        sent = signed.body if body is None else body
        header = signed.headers.get((self.signature.header or "").lower())
        headers = [] if header is None else [header]
        try:
            events = split(sent, self.items) or []
        except orjson.JSONDecodeError:
            events = []
        if self.signature.field is None:
            carried = Carried(signed.headers, events[0].content if events else None)
            return await self._judged(headers, sent, now, carried)
        verdicts = [await self._judged([], each.payload, now, Carried(signed.headers, each.content)) for each in events]
        bad = [each for each in verdicts if not isinstance(each, Authentic)]
        return bad[0] if bad else verdicts[0] if verdicts else Forged("signature_missing", "")

    async def _judged(self, header: list[str], body: bytes, now: int, carried: Carried) -> Any:
        found = self.verifier.verify(header, body, now, carried)
        if isinstance(found, KeyNeeded):
            await self.verifier.fetch(found)
            found = self.verifier.verify(header, body, now, carried)
        return found


@cache
def roots() -> Path:
    file = Path(tempfile.mkdtemp()) / "authority.pem"
    file.write_bytes(made_authority(now=NOW).pem)
    return file


def body_of(provider: str) -> Any:
    from payments_contracts.examples import EXAMPLES  # noqa: PLC0415 - thousands of lines, for some cases alone

    return orjson.loads(next(each.body for each in EXAMPLES if (each.provider, each.kind) == (provider, "accepted")))


@pytest.fixture(params=list(CASES.values()), ids=list(CASES))
def endpoint(request: pytest.FixtureRequest) -> Endpoint:
    return Endpoint(*request.param)


async def test_what_is_signed_as_the_contract_says_is_authentic(endpoint: Endpoint) -> None:
    assert await endpoint.verdict(endpoint.signer.deliver(endpoint.body, T)) == Authentic("a", "m")


async def test_with_a_flipped_byte_in_what_is_signed_it_is_refused(endpoint: Endpoint) -> None:
    signed = endpoint.signer.deliver(endpoint.body, T)
    fields = [part.path for part in endpoint.signature.content if hasattr(part, "path")]
    if not fields:
        changed = bytearray(signed.body)
        changed[len(changed) // 2] ^= 1
        verdict = await endpoint.verdict(signed, bytes(changed))
    else:
        content = orjson.loads(signed.body)
        holder: Any = content
        for step in fields[0][:-1]:
            holder = holder[step]
        holder[fields[0][-1]] += "0"
        verdict = await endpoint.verdict(signed, orjson.dumps(content))
    assert isinstance(verdict, Forged)
    assert verdict.reason_code == "signature_mismatch"


async def test_with_a_flipped_byte_in_the_signature_it_is_refused(endpoint: Endpoint) -> None:
    signed = endpoint.signer.deliver(endpoint.body, T)
    if endpoint.signature.header is None:
        text = endpoint.signer._text(endpoint.body, orjson.loads(endpoint.body), str(T), {}, T)
        other = ("B" if text[0] != "B" else "C") + text[1:]
        assert text.encode() in signed.body
        verdict = await endpoint.verdict(signed, signed.body.replace(text.encode(), other.encode()))
    else:
        name = endpoint.signature.header.lower()
        text = signed.headers[name]
        middle = len(text) - 12
        other = text[:middle] + ("a" if text[middle] != "a" else "b") + text[middle + 1 :]
        verdict = await endpoint.verdict(signed._replace(headers={**signed.headers, name: other}))
    assert isinstance(verdict, Forged)
    assert verdict.reason_code == "signature_mismatch"


async def test_a_signature_that_covers_its_time_is_refused_when_it_is_old(endpoint: Endpoint) -> None:
    signed = endpoint.signer.deliver(endpoint.body, T)
    tolerance = endpoint.signature.tolerance_seconds
    verdict = await endpoint.verdict(signed, now=T + (tolerance or 10**6) + 1)
    assert isinstance(verdict, Authentic if tolerance is None else Forged)


async def test_every_header_that_is_signed_counts(endpoint: Endpoint) -> None:
    signed = endpoint.signer.deliver(endpoint.body, T)
    for part in endpoint.signature.content:
        if hasattr(part, "name") and part.name.lower() in signed.headers:
            changed = {**signed.headers, part.name.lower(): "another"}
            verdict = await endpoint.verdict(signed._replace(headers=changed))
            assert isinstance(verdict, Forged)


async def test_a_certificate_is_fetched_once_and_only_from_a_host_of_the_contract() -> None:
    endpoint = Endpoint(FORMS["with RSA and a certificate"], None)
    for _ in range(3):
        assert isinstance(await endpoint.verdict(endpoint.signer.deliver(endpoint.body, T)), Authentic)
    assert len(endpoint.fetched) == 1
    signed = endpoint.signer.deliver(endpoint.body, T)
    for url in (
        "http://keys.example/a",
        "https://keys.example.evil/a",
        "https://keys.example@evil/a",
        "https://evil/keys.example",
        "https://keys.example:8443/a",
        "https://u:p@keys.example/a",
        "https://[keys.example/a",
        "https://keys.example/other/a",
        "https://keys.example/certs/",
        "https://keys.example/certs/../a",
        "https://keys.example/certs/a?b",
        "https://keys.example/certs/a#b",
        "https://keys.example/certs/%61",
        "https://keys.example/certs/a\n",
        "https://keys.example./certs/a",
        "https://KEYS.example/certs/a",
        "https://keys.ex\u0430mple/certs/a",
        "https://keys.example\\@evil.example/certs/a",
        "HTTPS://keys.example/certs/a",
        "file:///certs/a",
    ):
        verdict = await endpoint.verdict(signed._replace(headers={**signed.headers, "x-certificate": url}))
        assert isinstance(verdict, Forged), url
        assert verdict.reason_code == "signature_malformed"
    assert len(endpoint.fetched) == 1


async def test_a_certificate_of_somebody_else_verifies_nothing() -> None:
    form = FORMS["with RSA and a certificate"]
    endpoint = Endpoint(form, None)

    async def other(url: str) -> Document:
        return Document(certificate(made_key(form.digest), "another.example", NOW))

    endpoint.verifier = verifier(
        form, [EndpointSecret.model_validate({"id": "a", "secret": SECRET, "merchant_id": "m"})], URL, other, roots()
    )
    verdict = await endpoint.verdict(endpoint.signer.deliver(endpoint.body, T))
    assert verdict == Forged(
        "signature_mismatch",
        "The certificate is not one of keys.example that is good now and leads to a trusted root.",
    )
