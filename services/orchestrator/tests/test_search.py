"""The search attributes are added where they are missing, and what keeps that from being done is told apart."""

from types import SimpleNamespace
from typing import Any

import pytest
from kit.errors import Fault
from orchestrator.search import KEYS, register
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.service import RPCError, RPCStatusCode

KEYWORD = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
TEXT = IndexedValueType.INDEXED_VALUE_TYPE_TEXT


class Operator:
    """The part of Temporal that knows the attributes; an addition raises the error it was given."""

    def __init__(self, held: dict[str, IndexedValueType.ValueType], error: Exception | None = None) -> None:
        self.held = held
        self.error = error
        self.added: list[str] = []

    async def list_search_attributes(self, _request: object, **_options: Any) -> SimpleNamespace:
        return SimpleNamespace(custom_attributes=self.held)

    async def add_search_attributes(self, request: Any, **_options: Any) -> None:
        if self.error is not None:
            raise self.error
        self.added += request.search_attributes


async def registered(operator: Operator) -> list[str]:
    client: Any = SimpleNamespace(operator_service=operator)
    await register(client, "payments")
    return sorted(operator.added)


async def test_only_what_is_missing_is_added() -> None:
    assert await registered(Operator({"Merchant": KEYWORD, "Other": TEXT})) == ["Outcome", "PaymentStatus", "Provider"]
    assert await registered(Operator({key.name: KEYWORD for key in KEYS})) == []


async def test_what_another_process_has_added_meanwhile_is_no_trouble() -> None:
    assert await registered(Operator({}, RPCError("there", RPCStatusCode.ALREADY_EXISTS, b""))) == []


async def test_an_addition_that_temporal_is_away_for_is_tried_again_by_who_asked() -> None:
    with pytest.raises(RPCError, match="away"):
        await registered(Operator({}, RPCError("away", RPCStatusCode.UNAVAILABLE, b"")))


async def test_attributes_that_nobody_may_add_are_named_with_what_to_do() -> None:
    with pytest.raises(Fault, match=r"Merchant, Provider, .* no: .*temporal operator search-attribute create"):
        await registered(Operator({}, RPCError("no: not yours", RPCStatusCode.PERMISSION_DENIED, b"")))


async def test_an_attribute_of_another_kind_is_not_used() -> None:
    with pytest.raises(Fault, match="Merchant as another kind than Keyword"):
        await registered(Operator({"Merchant": TEXT}))
