"""What a gateway makes of the certificates that a sender names, as in PayPal's webhooks: an attacker may write each."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zlib import crc32

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID
from gateway.carried import Carried
from gateway.certificates import Certificates
from gateway.errors import Forged, KeyNeeded
from gateway.fetching import Document
from gateway.public_keys import PublicKeyVerifier
from gateway.secrets import EndpointSecret
from gateway.verdict import Authentic
from hypothesis import given, settings
from hypothesis import strategies as st
from kit.errors import Transient
from payments_contracts.providers import PROVIDERS
from pydantic import SecretStr
from simulator.keys import Authority, certificate, made_authority, made_key, signature_of
from simulator.signing import Signer

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography import x509

PAYPAL = PROVIDERS["paypal"].signature
assert PAYPAL.certificate is not None
NAME, SANDBOX = PAYPAL.certificate.names
NOW = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC)
T = int(NOW.timestamp())
KEY = made_key("rsa-sha256")
WEBHOOK_ID = "9XL90610J3647323C"
URL = f"https://api.paypal.com{PAYPAL.certificate.path}CERT-360caa42-fca2a594-a5cafa77"
BODY = b'{"id":"WH-1","event_type":"PAYMENT.CAPTURE.COMPLETED","create_time":"2026-05-01T11:59:00Z"}'
UNTRUSTED = f"The certificate is not one of {NAME} or {SANDBOX} that is good now and leads to a trusted root."


def pem(name: str = NAME, **options: Any) -> bytes:
    return certificate(KEY, name, **{"now": NOW, **options})


@dataclass
class Server:
    """The provider's server: what it has, and how often it was asked."""

    content: bytes | Exception
    asked: list[str] = field(default_factory=list)
    gate: asyncio.Event | None = None

    async def __call__(self, url: str) -> Document:
        self.asked.append(url)
        if self.gate is not None:
            await self.gate.wait()
        if isinstance(self.content, Exception):
            raise self.content
        return Document(self.content)


@dataclass
class Clock:
    seconds: float = 1000.0

    def __call__(self) -> float:
        return self.seconds


def judge(server: Server, clock: Callable[[], float] | None = None) -> PublicKeyVerifier:
    assert PAYPAL.certificate is not None
    roots: list[x509.Certificate] = [made_authority(now=NOW).certificate]
    certificates = Certificates(PAYPAL.certificate, server, roots, clock or Clock())
    secret = EndpointSecret.model_validate({"id": "a", "secret": WEBHOOK_ID, "merchant_id": "m"})
    return PublicKeyVerifier(PAYPAL, [secret], "", certificates)


def headers(url: str = URL, body: bytes = BODY, at: int = T, secret: str = WEBHOOK_ID) -> dict[str, str]:
    made = Signer(PAYPAL, SecretStr(secret), "", key=KEY).deliver(body, at)
    return {**made.headers, "paypal-cert-url": url}


async def verdict(verifier: PublicKeyVerifier, sent: dict[str, str], body: bytes = BODY, now: float = T) -> Any:
    given = [sent["paypal-transmission-sig"]]
    found = verifier.verify(given, body, now, Carried(sent))
    if isinstance(found, KeyNeeded):
        await verifier.fetch(found)
        found = verifier.verify(given, body, now, Carried(sent))
    return found


def test_what_is_signed_is_what_paypal_documents() -> None:
    sent = headers()
    signed = f"{sent['paypal-transmission-id']}|{sent['paypal-transmission-time']}|{WEBHOOK_ID}|{crc32(BODY)}"
    verified = signature_of(KEY, signed.encode())
    # RSA with PKCS #1 v1.5 has one signature of each text.
    import base64  # noqa: PLC0415

    assert sent["paypal-transmission-sig"] == base64.b64encode(verified).decode()


@pytest.mark.parametrize("name", [NAME, SANDBOX])
async def test_a_certificate_of_either_name_that_leads_to_the_root_is_enough(name: str) -> None:
    assert await verdict(judge(Server(pem(name))), headers()) == Authentic("a", "m")


@pytest.mark.parametrize(
    "content",
    [
        pem("messageverificationcerts.paypal.com.evil.example"),
        pem("evil.example"),
        pem("messageverificationcerts.paypa1.com"),
        pem("paypal.com"),
        pem(now=NOW - timedelta(days=40), authority=made_authority(now=NOW)),
        pem(now=NOW + timedelta(days=3), authority=made_authority(now=NOW)),
        pem(authority=made_authority("Simulated Authority", NOW + timedelta(days=1))),
        pem(authority=made_authority("Another", NOW)),
        pem(purposes=[ExtendedKeyUsageOID.CODE_SIGNING]),
        pem(purposes=[ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.EMAIL_PROTECTION]),
    ],
    ids=[
        "look-alike",
        "other",
        "digit for a letter",
        "parent domain",
        "expired",
        "not yet",
        "same name, other authority",
        "other authority",
        "for code",
        "for clients",
    ],
)
async def test_any_other_certificate_verifies_nothing(content: bytes) -> None:
    server = Server(content)
    verifier = judge(server)
    for _ in range(3):
        assert await verdict(verifier, headers()) == Forged("signature_mismatch", UNTRUSTED)
    # And is not asked for again with each webhook.
    assert len(server.asked) == 1


async def test_a_certificate_that_its_owner_issued_to_itself_further_down_is_refused() -> None:
    own = Authority(made_key("ecdsa-sha256", "own"), made_authority(now=NOW).certificate)  # type: ignore[arg-type]
    assert isinstance(await verdict(judge(Server(pem(authority=own) + own.pem)), headers()), Forged)


async def test_a_certificate_counts_only_while_its_time_is() -> None:
    server = Server(pem(days=2))
    verifier = judge(server)
    assert await verdict(verifier, headers()) == Authentic("a", "m")
    later = T + 86_400 + 3600
    assert isinstance(await verdict(verifier, headers(at=later), now=later), Forged)
    assert len(server.asked) == 2


@pytest.mark.parametrize("content", [b"", b"<html>not now</html>", pem() * 11, b"-----BEGIN CERTIFICATE-----\nAAAA"])
async def test_an_answer_that_is_no_certificate_is_asked_for_again_later(content: bytes) -> None:
    clock, server = Clock(), Server(content)
    verifier = judge(server, clock)
    for _ in range(3):
        with pytest.raises(Transient):
            await verdict(verifier, headers())
    assert len(server.asked) == 1
    server.content = pem()
    clock.seconds += 6
    assert await verdict(verifier, headers()) == Authentic("a", "m")


async def test_a_server_that_is_away_stops_no_webhook_whose_certificate_is_known() -> None:
    clock, server = Clock(), Server(pem())
    verifier = judge(server, clock)
    assert await verdict(verifier, headers()) == Authentic("a", "m")
    server.content = Transient("away")
    for number in range(100):
        clock.seconds += 1
        with pytest.raises(Transient):
            await verdict(verifier, headers(f"{URL}{number}"))
        assert await verdict(verifier, headers()) == Authentic("a", "m")
    assert len(server.asked) < 80


async def test_who_names_many_certificates_has_few_of_them_fetched() -> None:
    server = Server(pem(), gate=asyncio.Event())
    verifier = judge(server)
    tasks = [asyncio.create_task(verdict(verifier, headers(f"{URL}{number % 8}"))) for number in range(32)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert len(server.asked) == 4
    assert server.gate is not None
    server.gate.set()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert [isinstance(each, Authentic) for each in found].count(True) == 16


async def test_a_webhook_is_refused_when_it_comes_again_too_late_or_before_its_time() -> None:
    verifier = judge(Server(pem()))
    assert PAYPAL.tolerance_seconds is not None
    for now in (T + PAYPAL.tolerance_seconds + 1, T - 61):
        found = await verdict(verifier, headers(), now=now)
        assert isinstance(found, Forged)
        assert found.reason_code == "signature_expired"


@pytest.mark.parametrize("header", ["paypal-transmission-id", "paypal-transmission-time"])
async def test_every_part_of_what_is_signed_counts(header: str) -> None:
    other = {"paypal-transmission-id": "another", "paypal-transmission-time": "2026-05-01T12:00:01Z"}[header]
    assert isinstance(await verdict(judge(Server(pem())), {**headers(), header: other}), Forged)


async def test_a_webhook_of_another_endpoint_is_refused() -> None:
    assert isinstance(await verdict(judge(Server(pem())), headers(secret="another")), Forged)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, len(BODY) - 1), st.integers(1, 255))
def test_a_body_that_was_changed_by_one_byte_is_refused(place: int, mask: int) -> None:
    changed = bytearray(BODY)
    changed[place] ^= mask
    found = asyncio.run(verdict(judge(Server(pem())), headers(), bytes(changed)))
    assert isinstance(found, Forged)
    assert found.reason_code == "signature_mismatch"


@settings(deadline=None, max_examples=100)
@given(st.text(max_size=80), st.sampled_from(["", "https://", URL, "https://api.paypal.com"]))
def test_no_address_but_that_of_a_certificate_is_ever_asked(tail: str, head: str) -> None:
    server = Server(pem())
    verifier = judge(server)
    found = verifier.verify([headers()["paypal-transmission-sig"]], BODY, T, Carried(headers(head + tail)))
    if isinstance(found, KeyNeeded):
        assert found.url.startswith("https://api.paypal.com/v1/notifications/certs/CERT-")
        assert set(found.url) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/-_.:")
