"""Every form of signature that a contract can declare, held against what providers document and what HMAC says."""

import base64
import hmac
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from gateway.errors import Forged
from gateway.secrets import EndpointSecret
from gateway.signature import Authentic, verifier
from hypothesis import given, settings
from hypothesis import strategies as st
from kit.errors import Fault
from payments_contracts.providers import PROVIDERS, Digest, Signature

SQUARE = PROVIDERS["square"].signature
PLAIN = replace(SQUARE, signed_content="{body}")
TIMED = replace(
    PLAIN,
    form="pairs",
    signed_content="v0:{timestamp}:{body}:{url}",
    timestamp_key="t",
    signature_key="s",
    tolerance_seconds=300,
    future_tolerance_seconds=0,
)
URL = "https://example.com/webhook"
NOW = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC).timestamp()
T = int(NOW)
BODY = b'{"hello":"world"}'
# The example of https://developer.squareup.com/docs/webhooks/step3validate.
DOCUMENTED_KEY = "asdf1234"
DOCUMENTED_SIGNATURE = "2kRE5qRU2tR+tBGlDwMEw2avJ7QM4ikPYD/PJ3bd9Og="


def secret(text: str, name: str = "only") -> EndpointSecret:
    return EndpointSecret.model_validate({"id": name, "secret": text, "merchant_id": f"m-{name}"})


def reason(contract: Signature, key: str, *header: str, body: bytes = BODY, url: str = URL) -> str | None:
    verdict = verifier(contract, [secret(key)], url).verify(header, body, NOW)
    return verdict.reason_code if isinstance(verdict, Forged) else None


def mac(key: bytes, content: bytes, digest: str = "sha256") -> str:
    return base64.b64encode(hmac.digest(key, content, digest)).decode()


def test_accepts_the_signature_that_square_documents() -> None:
    assert reason(SQUARE, DOCUMENTED_KEY, DOCUMENTED_SIGNATURE) is None


@pytest.mark.parametrize(
    "url", ["https://example.com/webhook/", "http://example.com/webhook", "https://example.com:443/webhook"]
)
def test_the_url_counts_to_the_letter(url: str) -> None:
    assert reason(SQUARE, DOCUMENTED_KEY, DOCUMENTED_SIGNATURE, url=url) == "signature_mismatch"


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=200), st.text("0aZ_-", min_size=1))
def test_accepts_any_body_that_the_key_signed_for_this_url(body: bytes, key: str) -> None:
    assert reason(SQUARE, key, mac(key.encode(), URL.encode() + body), body=body) is None


def test_does_not_accept_a_signature_of_the_body_alone() -> None:
    assert reason(SQUARE, "k", mac(b"k", BODY)) == "signature_mismatch"


@pytest.mark.parametrize("url", [None, ""])
def test_does_not_start_without_the_url_that_is_signed(url: str | None) -> None:
    with pytest.raises(Fault) as caught:
        verifier(SQUARE, [secret("k")], url)
    assert str(caught.value) == (
        "The provider signs the notification URL: set NOTIFICATION_URL as it is set at the provider."
    )


def test_refuses_an_empty_body_whose_signature_would_be_the_same_for_ever() -> None:
    assert reason(SQUARE, "k", mac(b"k", URL.encode()), body=b"") == "signature_mismatch"


def test_an_empty_header_is_malformed() -> None:
    verdict = verifier(PLAIN, [secret("k")]).verify([""], BODY, NOW)
    assert verdict == Forged("signature_malformed", "The header x-square-hmacsha256-signature is empty.")


@settings(deadline=None)
@given(st.text(max_size=100))
def test_never_raises_and_never_accepts_an_arbitrary_bare_signature(header: str) -> None:
    assert reason(PLAIN, "k", header) is not None


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ([], "signature_missing"),
        ([f"{mac(b'k', BODY)}\xe9"], "signature_malformed"),
        ([mac(b"k", BODY)] * 2, "signature_malformed"),
        ([mac(b"k", BODY)[:-1]], "signature_mismatch"),
        ([f" {mac(b'k', BODY)}"], "signature_mismatch"),
        ([f"{mac(b'k', BODY)},{mac(b'k', BODY)}"], "signature_mismatch"),
        ([mac(b"k", BODY).swapcase()], "signature_mismatch"),
        ([hmac.digest(b"k", BODY, "sha256").hex()], "signature_mismatch"),
        ([f"v1={mac(b'k', BODY)}"], "signature_mismatch"),
    ],
)
def test_a_bare_signature_is_the_whole_of_one_header(header: list[str], code: str) -> None:
    assert reason(PLAIN, "k", *header) == code


def test_tells_which_secret_made_a_bare_signature() -> None:
    judge = verifier(PLAIN, [secret("old", "old"), secret("new", "new")])
    assert judge.verify([mac(b"old", BODY)], BODY, NOW) == Authentic("old", "m-old")


@pytest.mark.parametrize("length", [1, 63, 64, 65, 127, 128, 129, 1000])
@pytest.mark.parametrize("digest", ["hmac-sha1", "hmac-sha256", "hmac-sha512"])
def test_takes_keys_of_every_length(digest: Digest, length: int) -> None:
    # RFC 2104 shortens those that are longer than the digest's block, of 64 bytes or 128.
    key = "k" * length
    expected = mac(key.encode(), BODY, digest.removeprefix("hmac-"))
    assert reason(replace(PLAIN, digest=digest), key, expected) is None


@pytest.mark.parametrize("digest", ["hmac-sha1", "hmac-sha256", "hmac-sha512"])
def test_knows_every_digest(digest: Digest) -> None:
    assert reason(replace(PLAIN, digest=digest), "k", mac(b"k", BODY, digest.removeprefix("hmac-"))) is None


@pytest.mark.parametrize(
    ("encoding", "text"), [("hex", "00FF10"), ("hex", "00ff10"), ("base64", "AP8Q"), ("utf-8", "00FF10")]
)
def test_reads_a_key_as_the_contract_has_it_written(encoding: Any, text: str) -> None:
    key = text.encode() if encoding == "utf-8" else b"\x00\xff\x10"
    assert reason(replace(PLAIN, key_encoding=encoding), text, mac(key, BODY)) is None


@pytest.mark.parametrize(
    ("encoding", "text"), [("hex", "hidden"), ("hex", "00 ff"), ("hex", "0"), ("base64", "hid en")]
)
def test_does_not_start_with_a_secret_that_is_written_otherwise_and_does_not_show_it(encoding: Any, text: str) -> None:
    with pytest.raises(Fault) as caught:
        verifier(replace(PLAIN, key_encoding=encoding), [secret(text)])
    assert str(caught.value) == (
        f"The secret 'only' of this endpoint is not {encoding}, as the provider's contract has it: "
        "copy it again from the provider."
    )
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert text not in str(caught.value)


def test_pairs_need_no_timestamp_where_none_is_signed() -> None:
    contract = replace(PLAIN, form="pairs", signature_key="sha256", encoding="hex")
    true = hmac.digest(b"k", BODY, "sha256").hex()
    assert reason(contract, "k", f"sha256={true}") is None
    assert reason(contract, "k", f"sha1={true}") == "signature_malformed"
    assert reason(contract, "k", true) == "signature_malformed"


def test_a_template_can_hold_everything_in_any_order_with_text_between() -> None:
    content = b"v0:%d:%b:%b" % (T, BODY, URL.encode())
    assert reason(TIMED, "k", f"t={T},s={mac(b'k', content)}") is None


def test_a_signature_from_the_future_is_refused_where_no_second_of_it_is_tolerated() -> None:
    content = b"v0:%d:%b:%b" % (T + 1, BODY, URL.encode())
    assert reason(TIMED, "k", f"t={T + 1},s={mac(b'k', content)}") == "signature_expired"


def test_a_url_that_is_not_signed_is_not_needed() -> None:
    judge = verifier(PLAIN, [secret("k")])
    assert judge.verify([mac(b"k", BODY)], BODY, NOW) == Authentic("only", "m-only")


def test_what_looks_like_a_placeholder_in_a_url_is_taken_as_it_stands() -> None:
    url = f"{URL}?a={{body}}"
    assert reason(SQUARE, "k", mac(b"k", url.encode() + BODY), url=url) is None


def test_what_looks_like_a_placeholder_in_a_body_is_taken_as_it_stands() -> None:
    body = b"{url}{body}{timestamp}"
    assert reason(SQUARE, "k", mac(b"k", URL.encode() + body), body=body) is None
