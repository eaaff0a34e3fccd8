"""Timestamped pairs of signatures, held against what HMAC itself says."""

import hashlib
import hmac
from datetime import UTC, datetime

import pytest
from gateway.errors import Forged
from gateway.secrets import EndpointSecret
from gateway.signature import Authentic, verifier
from hypothesis import given, settings
from hypothesis import strategies as st
from payments_contracts.providers import PROVIDERS

SCHEME = PROVIDERS["stripe"].signature
OLD = EndpointSecret.model_validate({"id": "old", "secret": "whsec_old", "merchant_id": "m-old"})
NEW = EndpointSecret.model_validate({"id": "new", "secret": "whsec_new", "merchant_id": "m-new"})
VERIFIER = verifier(SCHEME, [OLD, NEW])
NOW = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC).timestamp()
T = int(NOW)
BODY = b'{"id":"evt_1"}'


def hexmac(secret: str, timestamp: object, body: bytes) -> str:
    return hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()


def reason(*header: str, body: bytes = BODY, now: float = NOW) -> str | None:
    verdict = VERIFIER.verify(header, body, now)
    return verdict.reason_code if isinstance(verdict, Forged) else None


def signed(body: bytes = BODY, timestamp: int = T, secret: str = NEW.secret.get_secret_value()) -> str:
    return f"t={timestamp},v1={hexmac(secret, timestamp, body)}"


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=2000))
def test_accepts_any_body_that_the_secret_signed(body: bytes) -> None:
    assert VERIFIER.verify([signed(body)], body, NOW) == Authentic("new", "m-new")


@settings(deadline=None)
@given(st.binary(max_size=200), st.data())
def test_refuses_a_body_of_which_one_bit_changed(body: bytes, data: st.DataObject) -> None:
    header = signed(body + b"x")
    changed = bytearray(body + b"x")
    changed[data.draw(st.integers(0, len(body)))] ^= 1 << data.draw(st.integers(0, 7))
    assert reason(header, body=bytes(changed)) == "signature_mismatch"


@settings(deadline=None)
@given(st.text(max_size=200))
def test_never_raises_and_never_accepts_an_arbitrary_header(header: str) -> None:
    assert reason(header) is not None


@settings(deadline=None)
@given(st.lists(st.sampled_from(["t=1", f"t={T}", "v1=", "v1=00", f"v0={hexmac('whsec_new', T, BODY)}", "=", "", "t"])))
def test_accepts_no_list_of_pairs_without_a_true_signature(pairs: list[str]) -> None:
    assert reason(",".join(pairs)) is not None


def test_tells_which_secret_signed() -> None:
    assert VERIFIER.verify([signed(secret="whsec_old")], BODY, NOW) == Authentic("old", "m-old")


def test_accepts_when_any_of_several_signatures_is_true() -> None:
    true = hexmac("whsec_old", T, BODY)
    assert reason(f"t={T},v1={'0' * 64},v1={true},v1=zz") is None


def test_accepts_pairs_in_any_order_and_ignores_unknown_ones() -> None:
    assert reason(f"v1={hexmac('whsec_new', T, BODY)},v2=x,t={T},") is None


def test_never_accepts_the_weaker_scheme() -> None:
    true = hexmac("whsec_new", T, BODY)
    assert reason(f"t={T},v0={true}") == "signature_malformed"
    assert reason(f"t={T},v1=00,v0={true}") == "signature_mismatch"


def test_refuses_a_secret_that_is_not_active() -> None:
    assert reason(signed(secret="whsec_other")) == "signature_mismatch"


def test_refuses_a_timestamp_other_than_the_signed_one() -> None:
    assert reason(f"t={T + 1},v1={hexmac('whsec_new', T, BODY)}") == "signature_mismatch"


def test_refuses_a_signature_in_capitals() -> None:
    assert reason(f"t={T},v1={hexmac('whsec_new', T, BODY).upper()}") == "signature_mismatch"


def test_refuses_a_true_signature_that_was_cut_off() -> None:
    assert reason(f"t={T},v1={hexmac('whsec_new', T, BODY)[:-1]}") == "signature_mismatch"


def test_refuses_a_missing_header() -> None:
    assert reason() == "signature_missing"


def test_refuses_a_header_that_comes_twice() -> None:
    assert reason(signed(), signed()) == "signature_malformed"


@pytest.mark.parametrize("timestamp", ["", "0", "+1", " 1", "01", "1_0", "1.0", "-5", "1e3", "٣", "x", "9" * 16])
def test_refuses_a_timestamp_that_is_not_plain_digits_even_where_it_is_signed(timestamp: str) -> None:
    assert reason(f"t={timestamp},v1={hexmac('whsec_new', timestamp, BODY)}") == "signature_malformed"


@pytest.mark.parametrize("timestamp", ["1", "9" * 15])
def test_judges_the_time_of_every_timestamp_in_plain_digits(timestamp: str) -> None:
    assert reason(f"t={timestamp},v1={hexmac('whsec_new', timestamp, BODY)}") == "signature_expired"


def test_refuses_an_empty_body_even_where_it_is_signed() -> None:
    assert reason(signed(b""), body=b"") == "signature_mismatch"


def test_refuses_two_timestamps() -> None:
    assert reason(f"t={T},{signed()}") == "signature_malformed"


def test_refuses_a_header_without_signature() -> None:
    assert reason(f"t={T}") == "signature_malformed"


@pytest.mark.parametrize("pair", ["v1", "t"])
def test_refuses_a_key_without_a_value_beside_a_true_signature(pair: str) -> None:
    assert reason(f"{signed()},{pair}") == "signature_malformed"


def test_takes_all_that_follows_the_first_equals_sign_for_the_signature() -> None:
    assert reason(f"{signed()}=") == "signature_mismatch"


@pytest.mark.parametrize("pair", ["v1=\xe9", "\xe9=1", "\udce9"])
def test_refuses_a_header_beyond_ascii_wherever_it_is(pair: str) -> None:
    assert reason(f"{signed()},{pair}") == "signature_malformed"


@pytest.mark.parametrize(
    ("seconds", "verdict"), [(300, None), (300.001, "signature_expired"), (10**6, "signature_expired")]
)
def test_tolerates_an_old_signature_for_five_minutes(seconds: float, verdict: str | None) -> None:
    assert reason(signed(), now=NOW + seconds) == verdict


@pytest.mark.parametrize(("seconds", "verdict"), [(60, None), (60.001, "signature_expired")])
def test_tolerates_a_signature_from_the_future_for_one_minute(seconds: float, verdict: str | None) -> None:
    assert reason(signed(), now=NOW - seconds) == verdict


def test_says_nothing_about_the_time_to_who_has_no_secret() -> None:
    assert reason(signed(secret="whsec_other", timestamp=1)) == "signature_mismatch"


@pytest.mark.parametrize(
    ("header", "detail"),
    [
        ([], "The header Stripe-Signature is absent."),
        ([signed(), signed()], "The header Stripe-Signature comes more than once."),
        (["\xe9"], "The header Stripe-Signature is not ASCII."),
        ([f"{signed()},v1"], "The header Stripe-Signature has a v1 without a value."),
        (["v1=00"], "The header Stripe-Signature has to hold one t= with seconds since 1970."),
        ([f"t={T}"], "The header Stripe-Signature holds no v1=."),
        ([f"t={T},v1=00"], "No active secret of this endpoint made the signature of this body."),
        ([signed(timestamp=T - 301)], "The signature is more than 300 seconds old."),
        ([signed(timestamp=T + 61)], "The signature is more than 60 seconds in the future."),
    ],
)
def test_says_what_is_wrong_with_a_header(header: list[str], detail: str) -> None:
    verdict = VERIFIER.verify(header, BODY, NOW)
    assert isinstance(verdict, Forged)
    assert verdict.detail == detail


def test_a_detail_shows_neither_secret_nor_expected_signature() -> None:
    verdict = VERIFIER.verify([f"t={T},v1=00"], BODY, NOW)
    assert isinstance(verdict, Forged)
    assert "whsec" not in verdict.detail
    assert hexmac("whsec_new", T, BODY) not in verdict.detail
