"""What is read as a request, and what is not."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from inference.requests import RefusedError, parse
from payments_contracts.inference import FraudScoreRequest

CONTRACT = Path(__file__).parents[3] / "contracts" / "openapi" / "inference" / "v1.yaml"
PLAIN: dict[str, Any] = {
    "event_id": "e-1",
    "provider": "stripe",
    "merchant_id": "m-1",
    "event_type": "payment.succeeded",
    "status": "succeeded",
    "amount_cents": 5_000,
    "currency": "USD",
    "occurred_at": "2025-03-01T12:00:00Z",
}
TEXT = json.dumps(PLAIN)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(codec="utf-8"), max_size=3),
    st.sampled_from(["USD", "usd", "1", "", [], {}, ["new_customer"], ["odd"], [1], ["new_customer", "new_customer"]]),
)


def read(**changes: Any) -> FraudScoreRequest:
    return parse(FraudScoreRequest, json.dumps(PLAIN | changes).encode())


def complaint(body: bytes) -> str:
    with pytest.raises(RefusedError) as caught:
        parse(FraudScoreRequest, body)
    return str(caught.value)


def test_reads_what_the_contract_has() -> None:
    assert read() == FraudScoreRequest(**PLAIN | {"occurred_at": datetime(2025, 3, 1, 12, tzinfo=UTC)})


@pytest.mark.parametrize("written", ["5000.0", "5e3", "5E+3", "50000e-1"])
def test_a_number_without_a_fraction_is_an_integer_however_it_is_written(written: str) -> None:
    assert parse(FraudScoreRequest, TEXT.replace("5000", written).encode()).amount_cents == 5000


def test_an_integer_may_be_larger_than_a_machine_word() -> None:
    assert read(amount_cents=10**30).amount_cents == pytest.approx(10**30)


@pytest.mark.parametrize("amount", ["1", True, 1.5, None, [1], {}, -5000, -1])
def test_nothing_else_is_an_amount(amount: object) -> None:
    assert complaint(json.dumps(PLAIN | {"amount_cents": amount}).encode()).startswith("body.amount_cents: ")


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2025-03-01T13:00:00+01:00", datetime(2025, 3, 1, 12, tzinfo=UTC)),
        ("2025-03-01t12:00:00.25z", datetime(2025, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)),
        ("2025-03-01T12:00:00.123456789Z", datetime(2025, 3, 1, 12, 0, 0, 123_456, tzinfo=UTC)),
    ],
)
def test_a_time_is_read_as_rfc_3339_writes_it(written: str, moment: datetime) -> None:
    assert read(occurred_at=written).occurred_at - moment == timedelta()


@pytest.mark.parametrize(
    "moment",
    [
        *(0, 1_740_830_400, 1.5, True, None, "", "0", "1740830400", "2025-03-01", "2025-03-01T12:00:00"),
        *("2025-02-30T12:00:00Z", "2025-03-01T25:00:00Z", "2025-03-01T12:00Z", "2025-03-01 12:00:00Z", "soon"),
        "\u0662\u0660\u0662\u0665-03-01T12:00:00Z",
    ],
)
def test_nothing_else_is_a_time(moment: object) -> None:
    assert complaint(json.dumps(PLAIN | {"occurred_at": moment}).encode()).startswith("body.occurred_at: ")


@pytest.mark.parametrize(
    "body",
    [
        *(TEXT.encode(name) for name in ("utf-16", "utf-16-le", "utf-32", "utf-8-sig")),
        TEXT.replace("m-1", "\xe9").encode("latin-1"),
        *(TEXT.encode().replace(b"m-1", text) for text in (b"\xed\xa0\x80", b"\xff", b"\\ud800", b"a\nb")),
        *(TEXT.replace("5000", text).encode() for text in ("NaN", "Infinity", "1e400", "05000", "+5000", "1_000")),
        TEXT.replace('"amount_cents"', '"amount_cents": NaN, "amount_cents"').encode(),
        *(TEXT.encode() + tail for tail in (b"x", b"\x00", b"{}")),
        *(b"", b"  ", b"\x1f\x8b\x08\x00", b"[" * 2000 + b"]" * 2000, b"a=1"),
        TEXT[:-1].encode() + b',"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
    ids=lambda body: repr(body[:20]),
)
def test_what_is_not_json_is_refused_without_repeating_it(body: bytes) -> None:
    assert complaint(body) == "body: It should be JSON (RFC 8259), nested no deeper than 1024"


@pytest.mark.parametrize("body", [b"[]", b"null", b"1", b'"text"'])
def test_what_is_not_an_object_is_refused(body: bytes) -> None:
    assert complaint(body).startswith("body: ")


def test_what_is_nested_deeply_is_only_one_field_too_many() -> None:
    body = TEXT[:-1].encode() + b',"x":' + b"[" * 1000 + b"]" * 1000 + b"}"
    assert complaint(body) == "body.x: Extra inputs are not permitted"


@pytest.mark.parametrize(
    "changes", [{"merchant_id": 4242}, {"amount_cents": "4242"}, {"currency": "4242"}, {"occurred_at": "4242"}]
)
def test_a_complaint_names_the_field_and_shows_no_value(changes: dict[str, Any]) -> None:
    told = complaint(json.dumps(PLAIN | changes).encode())
    assert told.startswith(f"body.{next(iter(changes))}: ")
    assert "4242" not in told


@pytest.fixture(scope="module")
def schema() -> jsonschema.Draft202012Validator:
    contract = yaml.safe_load(CONTRACT.read_text())
    return jsonschema.Draft202012Validator(contract["components"]["schemas"]["FraudScoreRequest"])


@given(changes=st.dictionaries(st.sampled_from(sorted({*FraudScoreRequest.model_fields} - {"occurred_at"})), VALUES))
def test_takes_what_the_contract_takes_whatever_the_values(
    schema: jsonschema.Draft202012Validator, changes: dict[str, Any]
) -> None:
    body = json.dumps(PLAIN | changes).encode()
    try:
        parse(FraudScoreRequest, body)
        is_taken = True
    except RefusedError:
        is_taken = False
    assert schema.is_valid(PLAIN | changes) == is_taken, body
