"""Tables of the contracts in a catalog in memory: made, evolved, and left alone where evolution cannot follow."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from operations.errors import DeploymentError
from operations.tables import apply_tables
from payments_contracts.tables import BRONZE_PAYMENT_EVENTS, Table
from pyiceberg.catalog import Catalog
from pyiceberg.catalog.memory import InMemoryCatalog
from pyiceberg.schema import Schema

TEXT = {"required": False, "type": "string"}
FIRST: list[dict[str, Any]] = [
    {"id": 1, "name": "id", "required": True, "type": "string", "doc": "Key."},
    {
        "id": 2,
        "name": "advice",
        "required": False,
        "type": {"type": "struct", "fields": [{"id": 3, "name": "retry", "required": True, "type": "boolean"}]},
        "doc": "What to do.",
    },
]
ADDED: list[dict[str, Any]] = [
    {"id": 4, "name": "place", **TEXT, "doc": "Where."},
    {
        "id": 5,
        "name": "parties",
        "required": False,
        "type": {
            "type": "list",
            "element-id": 6,
            "element-required": True,
            "element": {"type": "struct", "fields": [{"id": 7, "name": "name", **TEXT}]},
        },
    },
]
DELAY = {"id": 8, "name": "delay", "required": False, "type": "int"}
ROLE = {"id": 9, "name": "role", **TEXT}
LAST_IDS = (3, 7, 9)


def table_of(columns: list[dict[str, Any]], version: int) -> Table:
    schema = {"type": "struct", "schema-id": 0, "identifier-field-ids": [1], "fields": columns}
    return replace(
        BRONZE_PAYMENT_EVENTS,
        name="things",
        schema_json=json.dumps(schema),
        partition_spec_json='{"spec-id":0,"fields":[]}',
        sort_order_json='{"order-id":0,"fields":[]}',
        properties={"contract.version": str(version)},
        last_ids=LAST_IDS[:version],
    )


def second() -> Table:
    return table_of([*FIRST, *ADDED], version=2)


def third() -> Table:
    """Two columns deep inside others, one of them in a list that the second version added."""
    columns = json.loads(json.dumps([*FIRST, *ADDED]))
    columns[1]["type"]["fields"].append(DELAY)
    columns[3]["type"]["element"]["fields"].append(ROLE)
    return table_of(columns, version=3)


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return InMemoryCatalog("test", warehouse=tmp_path.as_uri())


def apply(catalog: Catalog, table: Table) -> tuple[str, str]:
    (change,) = apply_tables(catalog, [table])
    return change.action, change.detail


def schema_of(catalog: Catalog, table: Table) -> Schema:
    return catalog.load_table((table.namespace, table.name)).schema()


def test_the_bronze_table_gets_the_ids_of_its_contract(catalog: Catalog) -> None:
    assert apply(catalog, BRONZE_PAYMENT_EVENTS)[0] == "created"
    assert schema_of(catalog, BRONZE_PAYMENT_EVENTS) == Schema.model_validate_json(BRONZE_PAYMENT_EVENTS.schema_json)
    assert apply(catalog, BRONZE_PAYMENT_EVENTS) == ("unchanged", "")


@pytest.mark.parametrize("steps", [[1, 2, 3], [1, 3], [2, 3], [3]], ids=str)
def test_a_table_has_the_same_ids_whatever_versions_it_went_through(catalog: Catalog, steps: list[int]) -> None:
    versions = {1: table_of(FIRST, 1), 2: second(), 3: third()}
    for step in steps:
        assert apply(catalog, versions[step])[0] in {"created", "updated"}
        assert apply(catalog, versions[step]) == ("unchanged", "")
    assert schema_of(catalog, third()) == Schema.model_validate_json(third().schema_json)


def test_an_evolution_is_told_in_words_and_carries_the_properties(catalog: Catalog) -> None:
    apply(catalog, table_of(FIRST, 1))
    assert apply(catalog, second()) == ("updated", "added place, parties; properties contract.version")
    assert catalog.load_table(("bronze", "things")).properties["contract.version"] == "2"


def test_rows_from_before_have_null_in_new_columns(catalog: Catalog) -> None:
    apply(catalog, table_of(FIRST, 1))
    old = catalog.load_table(("bronze", "things"))
    old.append(pa.Table.from_pylist([{"id": "a", "advice": {"retry": True}}], schema=old.schema().as_arrow()))
    apply(catalog, third())
    (row,) = catalog.load_table(("bronze", "things")).scan().to_arrow().to_pylist()
    assert row == {"id": "a", "advice": {"retry": True, "delay": None}, "place": None, "parties": None}


def test_a_column_may_become_null_and_be_described_anew(catalog: Catalog) -> None:
    apply(catalog, second())
    changed = json.loads(json.dumps([*FIRST, *ADDED]))
    changed[1]["type"]["fields"][0]["required"] = False
    changed[2]["doc"] = "Which town."
    assert apply(catalog, table_of(changed, 2)) == ("updated", "may be null: advice.retry; described place")
    assert apply(catalog, table_of(changed, 2)) == ("unchanged", "")


def without(columns: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [column for column in columns if column["name"] != name]


def changed(name: str, **changes: object) -> list[dict[str, Any]]:
    return [column | changes if column["name"] == name else column for column in [*FIRST, *ADDED]]


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        (changed("place", type="long"), "column place is string, declared long"),
        (changed("place", type=FIRST[1]["type"]), "column place is string, declared struct"),
        (changed("place", required=True), "column place may be null, declared required"),
        (changed("place", id=20), "column place has the id 4, declared 20"),
        (without(FIRST + ADDED, "place"), "column place is not declared"),
        ([*FIRST, *ADDED, {**DELAY, "required": True}], "column delay is missing and required"),
        ([*FIRST, *ADDED, {**DELAY, "id": 12}], "column delay is missing and would get the id 8, declared 12"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_difference_that_evolution_cannot_follow_is_an_error_and_changes_nothing(
    catalog: Catalog, columns: list[dict[str, Any]], reason: str
) -> None:
    apply(catalog, second())
    before = schema_of(catalog, second())
    with pytest.raises(DeploymentError, match=reason) as error:
        apply(catalog, replace(table_of(columns, 3), last_ids=(3, 7, 20)))
    assert "contracts/tables/bronze.things.yaml" in str(error.value)
    assert schema_of(catalog, second()) == before


def test_a_column_that_was_dropped_by_hand_is_not_silently_added_under_another_id(catalog: Catalog) -> None:
    apply(catalog, second())
    with catalog.load_table(("bronze", "things")).update_schema() as update:
        update.delete_column("place")
    with pytest.raises(DeploymentError, match="column place is missing and would get the id 8, declared 4"):
        apply(catalog, second())


def test_another_writer_between_look_and_change_is_met_by_another_try(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply(catalog, table_of(FIRST, 1))
    load = catalog.load_table
    forestalled: list[object] = []

    def loaded(identifier: Any) -> Any:
        table = load(identifier)
        if not forestalled:
            forestalled.append(identifier)
            with load(identifier).update_schema() as update:
                update.update_column("id", doc="Changed meanwhile.")
        return table

    monkeypatch.setattr(catalog, "load_table", loaded)
    assert apply(catalog, second()) == ("updated", "added place, parties; described id; properties contract.version")
