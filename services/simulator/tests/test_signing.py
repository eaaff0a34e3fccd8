"""The simulator's signer, held against what the provider documents."""

import base64
import hmac
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from payments_contracts.providers import PROVIDERS
from pydantic import SecretStr
from simulator.signing import signer

SCHEME = PROVIDERS["stripe"].signature
SECRET = "whsec_test"


@settings(deadline=None)
@given(st.binary(), st.integers(1, 2**40))
def test_signs_timestamp_dot_body_in_hex(body: bytes, timestamp: int) -> None:
    expected = hmac.new(SECRET.encode(), b"%d." % timestamp + body, "sha256").hexdigest()
    assert signer(SCHEME, SecretStr(SECRET)).sign(body, timestamp) == f"t={timestamp},v1={expected}"


def test_signs_in_base64_where_the_contract_says_so() -> None:
    expected = base64.b64encode(hmac.digest(SECRET.encode(), b"7.{}", "sha256")).decode()
    assert signer(replace(SCHEME, encoding="base64"), SecretStr(SECRET)).sign(b"{}", 7) == f"t=7,v1={expected}"


def test_refuses_a_scheme_that_it_does_not_know() -> None:
    with pytest.raises(ValueError, match="cannot sign by telepathy"):
        signer(replace(SCHEME, scheme="telepathy"), SecretStr(SECRET))
