"""Varying an example changes its ids, amounts and times, and nothing that decides what becomes of it."""

import random
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from payments_contracts.examples import Example
from simulator.variation import is_variable, vary

CREATED = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC)
UUID = "13b867cf-db3d-4b1c-90b6-2f32a9d78124"


def example(body: bytes, told: int | None = None) -> Example:
    return Example(
        provider="any",
        name="any",
        kind="accepted",
        event_type=None,
        merchant_id="m",
        headers={},
        body=body,
        reason_codes=(),
        event=None if told is None else {"amount_cents": told},
    )


def varied(content: Any, seed: int = 1, owner: tuple[str, ...] | None = None, told: int | None = None) -> Any:
    made = vary(
        example(orjson.dumps(content), told),
        created=int(CREATED.timestamp()),
        created_at=("at",),
        owner=owner,
        account="acct_1",
        dice=random.Random(seed),  # noqa: S311  # not for secrets
    )
    return orjson.loads(made.body)


@pytest.mark.parametrize(
    "token", [UUID, "KkAkhdMsgzn59SM8A89WgKwekxLZY", "8515131751004933", "MLEFBHHSJGVHD0", "evt_1Nf3Abcdef"]
)
def test_an_id_becomes_another_of_the_same_form_and_stays_one_id(token: str) -> None:
    read = varied({"id": token, "again": [token]})
    assert read["id"] == read["again"][0] != token
    assert len(read["id"]) == len(token)
    assert varied({"id": token}, seed=2)["id"] != read["id"]


def test_an_id_inside_an_address_is_the_same_id() -> None:
    address = "https://api.example.com/v2/captures/{}{}"
    token, other = "27M47624FP291604U", "8U481631H66031715"
    content = {
        "id": token,
        "links": [address.format(token, "/refund"), address.format(token, ""), address.format(other, "?x=1")],
    }
    read = varied(content)
    fresh = read["links"][2].split("/")[-1].removesuffix("?x=1")
    assert token != read["id"]
    assert fresh != other
    assert len(fresh) == len(other)
    assert read["links"] == [
        address.format(read["id"], "/refund"),
        address.format(read["id"], ""),
        address.format(fresh, "?x=1"),
    ]


def test_a_uuid_stays_a_uuid() -> None:
    read = varied({"id": UUID})["id"]
    assert all(character in "0123456789abcdef-" for character in read)
    assert [place for place, character in enumerate(read) if character == "-"] == [8, 13, 18, 23]


@pytest.mark.parametrize("text", ["COMPLETED", "payment.updated", "2024-01-18", "requires_payment_method", "4242", ""])
def test_what_is_not_an_id_stays(text: str) -> None:
    assert varied({"x": text}) == {"x": text}


def test_a_key_is_not_an_id() -> None:
    assert varied({"balance_platform_2026": "x"}) == {"balance_platform_2026": "x"}


@pytest.mark.parametrize(
    ("at", "later", "expected"),
    [
        ("2026-01-05T10:01:30Z", "2026-01-05T10:01:32Z", ("2026-05-01T12:00:00Z", "2026-05-01T12:00:02Z")),
        (
            "2026-01-05T10:01:30.250Z",
            "2026-01-05T12:01:30+02:00",
            ("2026-05-01T12:00:00.250Z", "2026-05-01T14:00:00+02:00"),
        ),
        ("2026-01-05T10:01:30", "2026-01-05T10:01:32", ("2026-05-01T12:00:00", "2026-05-01T12:00:02")),
        (1_767_607_290, 1_767_607_300, (1_777_636_800, 1_777_636_810)),
    ],
)
def test_times_keep_their_distance_and_their_form(at: Any, later: Any, expected: tuple[Any, Any]) -> None:
    read = varied({"at": at, "later": later})
    assert (read["at"], read["later"]) == expected


@pytest.mark.parametrize("wrong", ["1999-01-05T10:01:30Z", "2026-02-30T10:01:30Z", 5])
def test_a_time_that_is_wrong_on_purpose_stays(wrong: Any) -> None:
    assert varied({"at": "2026-01-05T10:01:30Z", "x": wrong})["x"] == wrong


@pytest.mark.parametrize(
    "content",
    [{"amount": 1250}, {"amount_due": 1250}, {"amount_money": {"amount": 1250}}, {"v": {"value": 1250, "currency": 1}}],
)
def test_amounts_change(content: Any) -> None:
    assert varied(content) != content


@pytest.mark.parametrize("amount", [0, -5, 99_999_999_999, "12.50", True, None])
def test_an_amount_that_is_wrong_on_purpose_stays(amount: Any) -> None:
    assert varied({"amount": amount}) == {"amount": amount}


def test_a_value_without_currency_is_not_an_amount() -> None:
    assert varied({"value": 1250}) == {"value": 1250}


@pytest.mark.parametrize("amount", [150_000, 1_250, 1_251, 10, 3])
def test_an_amount_keeps_whether_its_last_digits_are_zero(amount: int) -> None:
    for seed in range(50):
        read = varied({"amount": amount}, seed)["amount"]
        assert [read % step == 0 for step in (10, 100)] == [amount % step == 0 for step in (10, 100)]


def test_sums_of_amounts_stay_sums() -> None:
    read = varied({"amount": 1250, "amount_refunded": 250, "application_fee_amount": 30, "net": 970})
    assert read["amount"] == read["amount_refunded"] + read["application_fee_amount"] + read["net"]


@pytest.mark.parametrize(
    ("content", "told"),
    [({"amount": 5000}, 50), ({"amount": 2, "attempts": 2}, 2), ({"amount": 7, "amount_refunded": -7}, 7)],
)
def test_amounts_stay_where_it_is_not_sure_what_is_told_of_them(content: Any, told: int) -> None:
    assert varied(content, told=told) == content


def test_the_merchant_is_put_where_the_contract_has_it() -> None:
    assert varied({}, owner=("data", "merchant")) == {"data": {"merchant": "acct_1"}}


@pytest.mark.parametrize(
    ("body", "variable"), [(b"{}", False), (b'"text"', True), (b"", False), (b'{"id":"evt_1Nf3Abcdef', True)]
)
def test_tells_what_can_be_varied(body: bytes, variable: bool) -> None:  # noqa: FBT001  # parametrized
    assert is_variable(example(body)) is variable
