"""dbt describes each column of each model, by the words of the contracts, and says which hold personal data."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from codegen.closed_sets import personal_columns
from codegen.loader import load

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ROOT = Path(__file__).parents[2]
FOLDERS = (ROOT / "dbt" / "models", ROOT / "generated" / "dbt" / "models", ROOT / "generated" / "dbt" / "described")
CATALOG = load(ROOT / "contracts")
PERSONAL = personal_columns(CATALOG)
DERIVED = {table.name: table for table in CATALOG.derived}
BLOCK = re.compile(r"{% docs (\w+) %}(.*?){% enddocs %}", re.DOTALL)
BLOCKS = {
    name: said.strip()
    for path in sorted((ROOT / "generated" / "dbt").rglob("*.md"))
    for name, said in BLOCK.findall(path.read_text(encoding="utf-8"))
}


def described() -> dict[str, dict[str, Any]]:
    """Return what dbt's files say of each model."""
    paths = [path for folder in FOLDERS for path in sorted(folder.rglob("*.yml"))]
    files = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in paths]
    return {model["name"]: model for each in files for model in each.get("models", ())}


def said(text: str) -> str:
    """Return a description as dbt shows it, with the texts that it refers to as `{{ doc('name') }}`."""
    return re.sub(r"{{ *doc\(['\"](\w+)['\"]\) *}}", lambda found: BLOCKS.get(found[1], ""), text).strip()


def undescribed(names: Sequence[str], model: Mapping[str, Any]) -> Iterator[str]:
    """Yield the columns of which dbt says nothing, and those that it describes and the table does not have."""
    descriptions = {each["name"]: said(each.get("description", "")) for each in model.get("columns", ())}
    yield from (f"{name} is not described" for name in names if not descriptions.get(name))
    yield from (f"there is no {name}" for name in descriptions if name not in names)


DESCRIBED = described()


@pytest.mark.parametrize("name", DERIVED)
def test_each_column_of_a_model_is_described(name: str) -> None:
    assert list(undescribed([each.name for each in DERIVED[name].columns], DESCRIBED[name])) == []


@pytest.mark.parametrize("name", DERIVED)
def test_a_model_means_what_its_contract_says(name: str) -> None:
    contract, model = DERIVED[name], DESCRIBED[name]
    assert said(model["description"]) == contract.description
    own = {column.name: column.doc for column in contract.columns if column.doc}
    assert {each["name"]: said(each["description"]) for each in model["columns"] if each["name"] in own} == own


@pytest.mark.parametrize("name", DERIVED)
def test_a_model_says_which_of_its_columns_are_personal_data(name: str) -> None:
    identifier = DERIVED[name].identifier
    told = {
        each["name"]
        for each in DESCRIBED[name]["columns"]
        if each.get("config", {}).get("meta", {}).get("personal_data")
    }
    assert told == {column.path[0] for column in PERSONAL if column.table == identifier}


def test_the_view_of_bronze_is_described_as_its_table_is() -> None:
    columns = DESCRIBED["stg_payments"]["columns"]
    assert [each["name"] for each in columns if not said(each["description"])] == []


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        ([], ["one is not described", "two is not described"]),
        ([{"name": "one", "description": "First."}, {"name": "two"}], ["two is not described"]),
        (
            [{"name": each, "description": f"{{{{ doc('{each}') }}}}"} for each in ("one", "two")],
            ["one is not described", "two is not described"],
        ),
        ([{"name": each, "description": "A number."} for each in ("one", "two", "three")], ["there is no three"]),
        ([{"name": each, "description": "A number."} for each in ("two", "one")], []),
    ],
)
def test_a_missing_description_is_found(columns: list[dict[str, str]], found: list[str]) -> None:
    assert list(undescribed(["one", "two"], {"columns": columns})) == found
