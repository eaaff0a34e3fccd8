"""The simulator's signer, held against what providers document."""

import base64
import hashlib
import hmac
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from payments_contracts.providers import PROVIDERS, Digest, KeyEncoding
from pydantic import SecretStr
from simulator.signing import Signer, written

STRIPE = PROVIDERS["stripe"].signature
BARE = PROVIDERS["square"].signature
URL = "https://example.com/webhook"
SECRET = "whsec_test"


@settings(deadline=None)
@given(st.binary(), st.integers(1, 2**40))
def test_signs_timestamp_dot_body_in_hex(body: bytes, timestamp: int) -> None:
    expected = hmac.new(SECRET.encode(), b"%d." % timestamp + body, "sha256").hexdigest()
    assert Signer(STRIPE, SecretStr(SECRET), URL).sign(body, timestamp) == f"t={timestamp},v1={expected}"


def test_signs_as_square_documents_it() -> None:
    signature = Signer(BARE, SecretStr("asdf1234"), URL).sign(b'{"hello":"world"}', 1)
    assert signature == "2kRE5qRU2tR+tBGlDwMEw2avJ7QM4ikPYD/PJ3bd9Og="


def test_signs_pairs_without_a_time_where_the_contract_has_none() -> None:
    contract = replace(BARE, form="pairs", signature_key="sha256", signed_content="{body}", encoding="hex")
    expected = hmac.new(SECRET.encode(), b"{}", hashlib.sha256).hexdigest()
    assert Signer(contract, SecretStr(SECRET), URL).sign(b"{}", 7) == f"sha256={expected}"


@pytest.mark.parametrize("digest", ["hmac-sha1", "hmac-sha256", "hmac-sha512"])
def test_signs_with_every_digest(digest: Digest) -> None:
    contract = replace(BARE, signed_content="{body}", digest=digest)
    expected = base64.b64encode(hmac.digest(SECRET.encode(), b"{}", digest.removeprefix("hmac-"))).decode()
    assert Signer(contract, SecretStr(SECRET), URL).sign(b"{}", 7) == expected


@pytest.mark.parametrize("secret", ["00ff10", "00FF10"])
def test_reads_a_key_in_hex(secret: str) -> None:
    contract = replace(BARE, signed_content="{body}", key_encoding="hex")
    expected = base64.b64encode(hmac.digest(b"\x00\xff\x10", b"{}", "sha256")).decode()
    assert Signer(contract, SecretStr(secret), URL).sign(b"{}", 7) == expected


def test_what_looks_like_a_placeholder_in_a_body_is_signed_as_it_stands() -> None:
    body = b"{url}{body}{timestamp}"
    expected = base64.b64encode(hmac.digest(SECRET.encode(), URL.encode() + body, "sha256")).decode()
    assert Signer(BARE, SecretStr(SECRET), URL).sign(body, 7) == expected


@pytest.mark.parametrize("encoding", ["utf-8", "hex", "base64"])
def test_a_written_key_can_be_signed_with(encoding: KeyEncoding) -> None:
    contract = replace(BARE, key_encoding=encoding)
    assert Signer(contract, written(bytes(range(32)), encoding), URL).sign(b"", 1)


@pytest.mark.parametrize(("encoding", "secret"), [("hex", "hidden"), ("base64", "hidden!")])
def test_refuses_a_secret_that_is_not_written_as_the_contract_says_without_showing_it(
    encoding: KeyEncoding, secret: str
) -> None:
    with pytest.raises(ValueError, match=f"is not {encoding}") as caught:
        Signer(replace(BARE, key_encoding=encoding), SecretStr(secret), URL)
    assert "hidden" not in str(caught.value)
