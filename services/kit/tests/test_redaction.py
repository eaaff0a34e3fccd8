"""Card numbers, secrets and addresses do not stay in what is logged; what tells events apart does."""

import uuid
from typing import Any

import pytest
from kit.redaction import REMOVED, redact, redact_text


@pytest.mark.parametrize(
    "text",
    [
        "4242424242424242",
        "card 4242 4242 4242 4242 was declined",
        "5555-5555-5555-4444",
        "378282246310005",
        "whsec_5WbX5kEWLlfzsGNjH64I8lOOqUB6e8FH",
        "rk_live_51Hxx and more",
        "Authorization: Bearer abcdef.ghijkl.mnopqr",
        "postgresql://payments:hunter2@127.0.0.1:5432/payments",
        "password=hunter2",
        "jane.roe+tag@example.co.uk",
        "card_4242424242424242 declined",
        "4242.4242.4242.4242",
        "4242\u00a04242\u00a04242\u00a04242",
        "4242\u20134242\u20134242\u20134242",
        "4242 4242 4242 4242 12/30",
        "25 4242 4242 4242 4242",
        "password: hunter2",
        "{'user': 'x', 'password': 'hunter2 and more'}",
        '{"client_secret": "hunter2"}',
        'told {\\"api_key\\": \\"hunter2\\"}',
        "1 validation error: amount Input should be a valid integer [type=int, input_value='Jane Roe', input_type=str]",
    ],
)
def test_what_may_not_be_logged_is_taken_out(text: str) -> None:
    cleaned = redact_text(text)
    assert REMOVED in cleaned
    for part in ("4242", "5555-", "3782", "5WbX", "51Hxx", "ghijkl", "hunter2", "jane", "Jane"):
        assert part not in cleaned


@pytest.mark.parametrize(
    "text",
    [
        "4242424242424241",  # no card's: its last digit does not check
        "1795709925170",
        "payments.stripe.raw[5]@4242424242",
        str(uuid.UUID(int=0x4242424242424242424242424242424)),
        "http://127.0.0.1:18081/apis/ccompat/v7",
        "evt_1Nv0FGQ9RKHgCVdK",
        "took 2.718281828459045 s",
        "2026-11-28T12:30:45.123456Z",
        "a token is missing, and SCHEMA_REGISTRY_PASSWORD too",
        "TEMPORAL_API_KEY: \n",
    ],
)
def test_what_tells_things_apart_stays(text: str) -> None:
    assert redact_text(text) == text


def cleaned(**event: Any) -> dict[str, Any]:
    return dict(redact(None, "info", event))


def test_names_of_what_is_never_shown_hide_it_however_deep_it_is() -> None:
    told = cleaned(event="x", payload=b"{}", told={"Authorization": "Basic abc", "reasons": ["jane@example.org"]})
    assert told == {"event": "x", "payload": REMOVED, "told": {"Authorization": REMOVED, "reasons": [REMOVED]}}


def test_objects_are_looked_through_as_they_would_be_written() -> None:
    class Customer:
        def __repr__(self) -> str:
            return "Customer('jane@example.org')"

    assert cleaned(about=Customer())["about"] == f"Customer('{REMOVED}')"


def test_numbers_and_flags_stay_what_they_are() -> None:
    assert cleaned(event="x", rows=7, share=0.5, ok=True, none=None) == {
        "event": "x",
        "rows": 7,
        "share": 0.5,
        "ok": True,
        "none": None,
    }


def test_a_card_number_is_one_as_a_number_too() -> None:
    assert cleaned(about=4242424242424242, offset=4242424242424241, at=1795709925170) == {
        "about": REMOVED,
        "offset": 4242424242424241,
        "at": 1795709925170,
    }


def test_what_holds_itself_ends() -> None:
    loop: list[Any] = []
    loop.append(loop)
    assert REMOVED in str(cleaned(loop=loop))
