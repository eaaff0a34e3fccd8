"""Whether real money is meant: by what the webhook says, else by what its endpoint is set to."""

from dataclasses import replace
from typing import Any

import orjson
import pytest
from gateway.composed import ComposedReader
from gateway.envelope import Envelope, EnvelopeReader
from gateway.secrets import EndpointSecret
from payments_contracts.providers import PROVIDERS
from pydantic import ValidationError

STRIPE = EnvelopeReader(PROVIDERS["stripe"])
SQUARE = EnvelopeReader(PROVIDERS["square"])
ADYEN = ComposedReader(PROVIDERS["adyen"])
UNTOLD = EnvelopeReader(replace(PROVIDERS["stripe"], envelope=replace(PROVIDERS["stripe"].envelope, livemode=None)))
CHARGE: dict[str, Any] = {"id": "evt_1", "type": "charge.succeeded", "created": 1, "data": {"object": {}}}
PAYMENT: dict[str, Any] = {
    "event_id": "1",
    "merchant_id": "m",
    "type": "payment.created",
    "created_at": "2026-01-01T00:00:00Z",
    "data": {"object": {}},
}
NOTICE = {
    "pspReference": "1",
    "eventCode": "AUTHORISATION",
    "success": "true",
    "merchantAccountCode": "m",
    "eventDate": "2026-01-01T00:00:00+01:00",
}


def is_live(found: object) -> bool:
    assert isinstance(found, Envelope)
    return found.livemode


@pytest.mark.parametrize("endpoint", [True, False])
@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (True, True),
        (False, False),
        ("false", False),
        (" true ", True),
        (None, None),
        ("no", None),
        (0, None),
        ({}, None),
    ],
)
def test_stripe_says_it_in_the_body(said: object, *, expected: bool | None, endpoint: bool) -> None:
    body = orjson.dumps(CHARGE | {"livemode": said})
    live = endpoint if expected is None else expected
    assert is_live(STRIPE.read(body, "m", endpoint_livemode=endpoint)) is live
    # An odd value elsewhere has the body read whole.
    odd = orjson.dumps(CHARGE | {"livemode": said, "account": None, "data": {"object": {}, "more": [1e400]}})
    assert is_live(STRIPE.read(odd, "m", endpoint_livemode=endpoint)) is live


@pytest.mark.parametrize("endpoint", [True, False])
@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"square-environment": "Production"}, True),
        ({"square-environment": "Sandbox"}, False),
        ({"square-environment": "Sandbox "}, False),
        ({"square-environment": "sandbox"}, None),
        ({}, None),
    ],
)
def test_square_says_it_in_a_header(headers: dict[str, str], *, expected: bool | None, endpoint: bool) -> None:
    found = SQUARE.read(orjson.dumps(PAYMENT), "m", endpoint_livemode=endpoint, headers=headers)
    assert is_live(found) is (endpoint if expected is None else expected)


@pytest.mark.parametrize(("said", "expected"), [("true", True), ("false", False), (None, False)])
def test_adyen_says_it_of_all_events_of_a_body(said: object, *, expected: bool) -> None:
    items = [{"NotificationRequestItem": NOTICE}, {"NotificationRequestItem": {**NOTICE, "pspReference": "2"}}]
    opened = ADYEN.open(orjson.dumps({"live": said, "notificationItems": items}))
    assert isinstance(opened, list)
    found = ADYEN.read(opened, {}, "m", endpoint_livemode=False)
    assert isinstance(found, list)
    assert [each.livemode for each in found] == [expected, expected]


@pytest.mark.parametrize("endpoint", [True, False])
def test_where_a_provider_never_says_it_the_endpoint_counts(*, endpoint: bool) -> None:
    body = orjson.dumps(CHARGE | {"livemode": not endpoint})
    assert is_live(UNTOLD.read(body, "m", endpoint_livemode=endpoint)) is endpoint


def test_an_endpoint_is_live_unless_its_secret_says_otherwise() -> None:
    secret = {"id": "a", "secret": "s", "merchant_id": "m"}
    assert EndpointSecret.model_validate(secret).livemode is True
    assert EndpointSecret.model_validate({**secret, "livemode": False}).livemode is False
    with pytest.raises(ValidationError):
        EndpointSecret.model_validate({**secret, "livemode": "false"})
