"""What a table of the operational database needs, from what is there; the real server is in tests/integration."""

from dataclasses import replace

import pytest
from operations.database import Present, _plan
from operations.errors import DeploymentError
from payments_contracts.database import PAYMENT_EVENTS

WHOLE = Present(
    columns={column.name: (column.type, column.required, False) for column in PAYMENT_EVENTS.columns},
    key=PAYMENT_EVENTS.key,
    indexes={index.name: (True, index.columns) for index in PAYMENT_EVENTS.indexes},
)


def test_a_table_as_its_contract_says_needs_nothing() -> None:
    assert list(_plan(PAYMENT_EVENTS, WHOLE)) == []


def test_a_missing_table_is_created_with_its_indexes() -> None:
    told = [statement.text for statement in _plan(PAYMENT_EVENTS, Present({}, (), {}))]
    assert told == [PAYMENT_EVENTS.create, *(index.create for index in PAYMENT_EVENTS.indexes)]


def test_a_column_may_become_optional() -> None:
    column = PAYMENT_EVENTS.columns[1]
    optional = replace(
        PAYMENT_EVENTS,
        columns=tuple(replace(each, required=False) if each == column else each for each in PAYMENT_EVENTS.columns),
    )
    (statement,) = _plan(optional, WHOLE)
    assert statement.text == 'ALTER TABLE "payment_events" ALTER COLUMN "provider" DROP NOT NULL'


def test_an_index_whose_building_was_interrupted_is_reported() -> None:
    index = PAYMENT_EVENTS.indexes[0]
    broken = replace(WHOLE, indexes={**WHOLE.indexes, index.name: (False, index.columns)})
    with pytest.raises(DeploymentError, match=f"{index.name} is invalid"):
        list(_plan(PAYMENT_EVENTS, broken))
