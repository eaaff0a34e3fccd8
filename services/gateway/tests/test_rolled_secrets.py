"""Secrets whose time comes and goes, and secrets that are exchanged while webhooks come in."""

import hmac
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from gateway.errors import Forged, KeyNeeded
from gateway.secrets import EndpointSecret
from gateway.signature import Authentic, Verifier, verifier
from kit.errors import Fault
from payments_contracts.providers import PROVIDERS

STRIPE = PROVIDERS["stripe"].signature
IN_HEX = replace(STRIPE, key_encoding="hex")
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
BODY = b'{"id":"evt_1"}'
MISMATCH = Forged("signature_mismatch", "No active secret of this endpoint made the signature of this body.")


def secret(name: str, text: str = "", **time: datetime) -> EndpointSecret:
    fields: dict[str, Any] = {"id": name, "secret": text or f"whsec_{name}", "merchant_id": f"m-{name}", **time}
    return EndpointSecret.model_validate(fields)


def signed(key: bytes, at: datetime) -> str:
    timestamp = int(at.timestamp())
    return f"t={timestamp},v1={hmac.digest(key, b'%d.%b' % (timestamp, BODY), 'sha256').hex()}"


def verdict(judge: Verifier, name: str, at: datetime = NOON) -> Authentic | Forged | KeyNeeded:
    return judge.verify([signed(f"whsec_{name}".encode(), at)], BODY, at.timestamp())


@pytest.mark.parametrize("at", [NOON, NOON + HOUR - timedelta(milliseconds=1)])
def test_a_secret_signs_from_the_beginning_of_its_time_on(at: datetime) -> None:
    judge = verifier(STRIPE, [secret("a", not_before=NOON, not_after=NOON + HOUR)])
    assert verdict(judge, "a", at) == Authentic("a", "m-a")
    assert judge.has_secret(at.timestamp())


@pytest.mark.parametrize("at", [NOON - timedelta(milliseconds=1), NOON + HOUR, NOON + 2 * HOUR])
def test_a_secret_out_of_its_time_signs_nothing(at: datetime) -> None:
    judge = verifier(STRIPE, [secret("a", not_before=NOON, not_after=NOON + HOUR)])
    assert verdict(judge, "a", at) == MISMATCH
    assert not judge.has_secret(at.timestamp())


def test_a_secret_without_a_time_signs_at_any_time() -> None:
    judge = verifier(STRIPE, [secret("a")])
    assert judge.has_secret(0.0)
    assert verdict(judge, "a", datetime(2999, 1, 1, tzinfo=UTC)) == Authentic("a", "m-a")


def test_a_secret_may_begin_and_never_end() -> None:
    judge = verifier(STRIPE, [secret("a", not_before=NOON)])
    assert not judge.has_secret(NOON.timestamp() - 1)
    assert judge.has_secret(datetime(2999, 1, 1, tzinfo=UTC).timestamp())


def test_a_secret_may_end_and_have_no_beginning() -> None:
    judge = verifier(STRIPE, [secret("a", not_after=NOON)])
    assert judge.has_secret(0.0)
    assert not judge.has_secret(NOON.timestamp())


def test_the_time_of_one_secret_is_not_that_of_another() -> None:
    judge = verifier(STRIPE, [secret("old", not_after=NOON), secret("new", not_before=NOON)])
    assert verdict(judge, "old") == MISMATCH
    assert verdict(judge, "new") == Authentic("new", "m-new")
    assert judge.has_secret(NOON.timestamp())


def test_while_two_secrets_overlap_either_signs_and_it_is_told_which() -> None:
    judge = verifier(STRIPE, [secret("old", not_after=NOON + HOUR), secret("new", not_before=NOON - HOUR)])
    assert verdict(judge, "old") == Authentic("old", "m-old")
    assert verdict(judge, "new") == Authentic("new", "m-new")


def test_of_two_secrets_with_the_same_key_the_first_is_reported() -> None:
    judge = verifier(STRIPE, [secret("x", "whsec_a"), secret("y", "whsec_a")])
    assert verdict(judge, "a") == Authentic("x", "m-x")


def test_without_secrets_nothing_is_authentic() -> None:
    judge = verifier(STRIPE, [])
    assert verdict(judge, "a") == MISMATCH
    assert not judge.has_secret(NOON.timestamp())


def test_new_secrets_take_the_place_of_all_others() -> None:
    judge = verifier(STRIPE, [secret("a"), secret("b")])
    judge.use([secret("c"), secret("d")])
    assert [verdict(judge, name) for name in "abcd"] == [
        MISMATCH,
        MISMATCH,
        Authentic("c", "m-c"),
        Authentic("d", "m-d"),
    ]


def test_the_time_of_new_secrets_counts() -> None:
    judge = verifier(STRIPE, [secret("a")])
    judge.use([secret("a", not_after=NOON)])
    assert verdict(judge, "a") == MISMATCH


def test_secrets_that_cannot_be_read_leave_those_in_use() -> None:
    judge = verifier(IN_HEX, [secret("a", "00ff")])
    with pytest.raises(Fault, match="The secret 'c' of this endpoint is not hex"):
        judge.use([secret("b", "11ee"), secret("c", "hidden")])
    seconds = NOON.timestamp()
    assert judge.verify([signed(b"\x00\xff", NOON)], BODY, seconds) == Authentic("a", "m-a")
    assert judge.verify([signed(b"\x11\xee", NOON)], BODY, seconds) == MISMATCH


def test_says_nothing_about_the_time_to_who_has_a_secret_out_of_its_time() -> None:
    judge = verifier(STRIPE, [secret("a", not_after=NOON)])
    header = signed(b"whsec_a", NOON - HOUR)
    assert judge.verify([header], BODY, NOON.timestamp()) == MISMATCH
