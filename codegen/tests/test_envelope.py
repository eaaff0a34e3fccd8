"""What a gateway asks of a body, on the project's own providers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest
from codegen.envelope import fault

if TYPE_CHECKING:
    from codegen.model import Catalog

EVENT: dict[str, Any] = {"id": "evt_1", "type": "charge.succeeded", "created": 1_767_607_290, "data": {"object": {}}}


def found(project: Catalog, **changes: Any) -> tuple[str, str] | None:
    (stripe,) = (each for each in project.providers if each.name == "stripe")
    first = fault(stripe.envelope, orjson.dumps(EVENT | changes))
    return None if first is None else (first.code, first.message)


def test_an_event_may_come_in(project: Catalog) -> None:
    assert found(project) is None


@pytest.mark.parametrize("path", ["id", "type", "created"])
def test_an_empty_text_is_as_good_as_none(project: Catalog, path: str) -> None:
    assert found(project, **{path: ""}) == ("field_missing", f"{path} is absent, null or empty")


@pytest.mark.parametrize("path", ["id", "data"])
@pytest.mark.parametrize("value", [5, [], True])
def test_another_type_on_the_way_is_no_absence(project: Catalog, path: str, value: object) -> None:
    code, message = found(project, **{path: value}) or ("", "")
    assert code == "field_type"
    assert message.startswith(f"{path} is a JSON ")


@pytest.mark.parametrize(
    "changes", [{"account": 5}, {"account": {}}, {"data": {"object": {"metadata": {"merchant_id": ["m"]}}}}]
)
def test_a_merchant_that_is_no_text_is_refused(project: Catalog, changes: dict[str, Any]) -> None:
    code, message = found(project, **changes) or ("", "")
    assert code == "field_type"
    assert message.endswith("it would name another merchant")


@pytest.mark.parametrize("changes", [{"account": ""}, {"account": None}, {"data": {"object": {"metadata": "none"}}}])
def test_a_merchant_that_is_not_named_is_the_endpoints(project: Catalog, changes: dict[str, Any]) -> None:
    assert found(project, **changes) is None
