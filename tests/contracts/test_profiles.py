"""Signatures that many providers share, against what their specifications publish."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
from codegen.build import signature
from codegen.webhooks import PROFILES
from gateway.carried import Carried
from gateway.errors import Forged
from gateway.secrets import EndpointSecret
from gateway.signature import Authentic, verifier
from payments_contracts.providers import Signature
from pydantic import SecretStr
from simulator.signing import Signer

# Published with the specification, and in the tests of its libraries:
# https://github.com/standard-webhooks/standard-webhooks/blob/main/libraries/python/tests/test_webhooks.py
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID, TIME = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330
BODY = b'{"test": 2432232314}'
SIGNED = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
HEADERS = {"webhook-id": ID, "webhook-timestamp": str(TIME)}


def contract(**own: Any) -> Signature:
    """Return a contract with the profile as services know it."""
    declared = signature({"profile": "standard-webhooks", **own})
    return Signature(**{each.name: getattr(declared, each.name) for each in fields(Signature)})


def judged(text: str, *, secret: str = SECRET, now: float = TIME, body: bytes = BODY, **headers: str) -> object:
    secrets = [EndpointSecret.model_validate({"id": "a", "secret": secret, "merchant_id": "m"})]
    carried = Carried({**HEADERS, **{name.replace("_", "-"): value for name, value in headers.items()}})
    return verifier(contract(), secrets).verify([text], body, now, carried)


def reason(text: str, **changes: Any) -> str | None:
    verdict = judged(text, **changes)
    return verdict.reason_code if isinstance(verdict, Forged) else None


@pytest.mark.parametrize(
    "text", [SIGNED, f"v1,bm9wZQ== {SIGNED}", f"v1a,bm9wZQ== {SIGNED}", f"{SIGNED} v2,{SIGNED.removeprefix('v1,')}"]
)
def test_the_published_signature_is_authentic_alone_and_among_others(text: str) -> None:
    assert judged(text) == Authentic("a", "m")


def test_a_secret_may_be_written_without_its_prefix() -> None:
    assert judged(SIGNED, secret=SECRET.removeprefix("whsec_")) == Authentic("a", "m")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"webhook_id": "msg_other"}, "signature_mismatch"),
        ({"webhook_timestamp": str(TIME + 1)}, "signature_mismatch"),
        ({"webhook_timestamp": "soon"}, "signature_malformed"),
        ({"body": BODY + b" "}, "signature_mismatch"),
        ({"now": TIME + 301}, "signature_expired"),
        ({"now": TIME - 301}, "signature_expired"),
        ({"now": TIME + 300}, None),
    ],
)
def test_id_time_and_body_are_signed(changes: dict[str, Any], code: str | None) -> None:
    assert reason(SIGNED, **changes) == code


@pytest.mark.parametrize("text", ["", "v1", SIGNED.replace("v1,", "v1a,"), SIGNED.removeprefix("v1,")])
def test_no_other_scheme_counts(text: str) -> None:
    assert reason(text) == "signature_malformed"


def test_the_simulator_signs_as_published() -> None:
    signed = Signer(contract(), SecretStr(SECRET), "").deliver(BODY, TIME, {"webhook-id": ID})
    assert signed.headers == {**HEADERS, "webhook-signature": SIGNED}


def test_a_provider_may_have_headers_of_its_own() -> None:
    own = contract(header="svix-signature", timestamp_header="svix-timestamp")
    assert (own.header, own.timestamp_header, own.digest) == ("svix-signature", "svix-timestamp", "hmac-sha256")
    assert PROFILES["standard-webhooks"]["header"] == "webhook-signature"
