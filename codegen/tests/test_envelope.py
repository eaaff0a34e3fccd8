"""What a gateway asks of a body, on the project's own providers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest
from codegen.envelope import Found, fault, found_in, refusal
from codegen.trial import as_example

if TYPE_CHECKING:
    from codegen.model import Catalog

EVENT: dict[str, Any] = {"id": "evt_1", "type": "charge.succeeded", "created": 1_767_607_290, "data": {"object": {}}}
LONG = 256 * "x"


def found(project: Catalog, **changes: Any) -> tuple[str, str] | None:
    (stripe,) = (each for each in project.providers if each.name == "stripe")
    first = fault(stripe.envelope, orjson.dumps(EVENT | changes))
    return None if first is None else (first.code, first.message)


def test_an_event_may_come_in(project: Catalog) -> None:
    assert found(project) is None


@pytest.mark.parametrize("value", [None, {}, b"[" * 1015 + b"]" * 1015], ids=["null", "object", "deep list"])
def test_nothing_is_found_where_no_text_is(project: Catalog, value: object) -> None:
    (stripe,) = (each for each in project.providers if each.name == "stripe")
    other = orjson.loads(value) if isinstance(value, bytes) else value
    assert found_in(stripe.envelope, EVENT | {"id": other}, {}) == Found(
        "", "charge.succeeded", created_at=EVENT["created"] * 1000, livemode=True
    )


def test_what_nobody_reads_may_be_nested_as_deeply_as_a_parser_takes_it(project: Catalog) -> None:
    (stripe,) = (each for each in project.providers if each.name == "stripe")
    deep = orjson.dumps({"other": "DEEP", **EVENT}).replace(b'"DEEP"', b"[" * 1015 + b"]" * 1015)
    assert as_example(project, stripe, deep, "m").startswith("outcome: rejected\n")


@pytest.mark.parametrize("path", ["id", "type", "created"])
def test_an_empty_text_is_as_good_as_none(project: Catalog, path: str) -> None:
    assert found(project, **{path: ""}) == ("field_missing", f"{path} is absent, null or empty")


@pytest.mark.parametrize("path", ["id", "type"])
@pytest.mark.parametrize("value", [5, [], True])
def test_another_type_on_the_way_is_not_an_absence(project: Catalog, path: str, value: object) -> None:
    code, message = found(project, **{path: value}) or ("", "")
    assert code == "field_type"
    assert message.startswith(f"{path} is a JSON ")


@pytest.mark.parametrize("account", [5, {}])
def test_an_account_that_is_not_text_is_refused(project: Catalog, account: object) -> None:
    code, message = found(project, account=account) or ("", "")
    assert code == "field_type"
    assert message.endswith("it would be another account's event")


@pytest.mark.parametrize(
    "changes",
    [
        {"account": ""},
        {"account": None},
        {"data": {"object": {"metadata": "none"}}},
        {"data": {"object": {"metadata": {"merchant_id": ["m"]}}}},
        {"data": 5},
    ],
)
def test_a_merchant_that_is_not_named_is_the_endpoints(project: Catalog, changes: dict[str, Any]) -> None:
    assert found(project, **changes) is None


@pytest.mark.parametrize("path", ["id", "type", "account"])
@pytest.mark.parametrize("character", ["x", "é", "\U0001f4b8"])
def test_a_text_of_the_envelope_has_as_many_characters_as_the_contract_allows(
    project: Catalog, path: str, character: str
) -> None:
    assert found(project, **{path: 255 * character}) is None
    message = f"{path} has 256 characters, and 255 are allowed"
    assert found(project, **{path: 256 * character}) == ("field_too_long", message)


def test_what_does_not_tell_events_apart_may_be_longer(project: Catalog) -> None:
    (square,) = (each for each in project.providers if each.name == "square")
    (created,) = (each.body for each in square.examples if each.name == "payment.created")
    assert refusal(square.envelope, orjson.dumps(orjson.loads(created) | {"created_at": 256 * "x"})) is None
    assert found(project, api_version=256 * "x") is None


def test_a_text_that_the_envelope_does_not_carry_may_be_longer(project: Catalog) -> None:
    assert found(project, data={"object": {"description": 256 * "x"}}, livemode=256 * "x") is None


@pytest.mark.parametrize("version", [None, 7, [256 * "x"], {"x": 256 * "x"}])
def test_what_is_not_text_has_no_length(project: Catalog, version: object) -> None:
    assert found(project, api_version=version) is None


@pytest.mark.parametrize(
    ("changes", "code", "told"),
    [
        ({"id": LONG, "type": None}, "field_too_long", "id"),
        ({"id": LONG, "created": "now"}, "field_too_long", "id"),
        ({"id": 5, "type": LONG}, "field_type", "id"),
        ({"account": LONG, "created": None}, "field_missing", "created"),
        ({"account": LONG, "data": {"object": {"metadata": {"merchant_id": 5}}}}, "field_too_long", "account"),
        ({"account": 5, "data": {"object": {"metadata": {"merchant_id": LONG}}}}, "field_type", "account"),
        ({"api_version": LONG, "account": 5}, "field_type", "account"),
        ({"api_version": LONG, "account": LONG}, "field_too_long", "account"),
    ],
)
def test_of_several_faults_that_is_told_which_gateways_come_to_first(
    project: Catalog, changes: dict[str, Any], code: str, told: str
) -> None:
    first, message = found(project, **changes) or ("", "")
    assert (first, message.split()[0]) == (code, told)
