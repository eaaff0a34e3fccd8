"""The derived tables of the contracts are what the dbt models make: columns, sources and descriptions."""

import json
import re
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from codegen.loader import load
from jinja2 import Environment

with warnings.catch_warnings():
    # dagster-dbt brings sqlglotrs, which sqlglot then imports and which warns, once, that it has a successor.
    warnings.filterwarnings("ignore", "sqlglotrs is deprecated", DeprecationWarning)
    from sqlglot import exp, parse_one

from sqlglot.lineage import Node, lineage

if TYPE_CHECKING:
    from codegen.derived import DerivedTable

ROOT = Path(__file__).parents[2]
DERIVED = {table.identifier: table for table in load(ROOT / "contracts").derived}
MODELS = {
    path.stem: path
    for folder in (ROOT / "generated" / "dbt" / "models", ROOT / "dbt" / "models")
    for path in sorted(folder.glob("*/*.sql"))
}


def docs_blocks() -> dict[str, str]:
    """Return the texts that models refer to as `{{ doc('name') }}`."""
    text = "\n".join(path.read_text() for path in sorted((ROOT / "generated" / "dbt").rglob("*.md")))
    return {name: said.strip() for name, said in re.findall(r"{% docs (\w+) %}(.*?){% enddocs %}", text, re.DOTALL)}


def environment() -> Environment:
    """Return what the models ask of dbt: a first build, with each table under its own name."""
    jinja = Environment(autoescape=False)  # noqa: S701 - SQL
    jinja.globals.update(
        config=lambda **_: "", is_incremental=lambda: False, ref=str, source="{}.{}".format, this="this"
    )
    macros: dict[str, object] = {}
    for path in sorted((ROOT / "generated" / "dbt" / "macros").glob("*.sql")):
        macros |= vars(jinja.from_string(path.read_text()).module)
    jinja.globals["payments_sources"] = SimpleNamespace(**macros)
    jinja.globals.update(vars(jinja.from_string((ROOT / "dbt" / "macros" / "major_units.sql").read_text()).module))
    return jinja


SQL = {name: environment().from_string(path.read_text()).render() for name, path in MODELS.items()}


def bronze() -> dict[str, dict[str, str]]:
    """Return the columns of Bronze with types that tell a struct from a table."""
    tables = {}
    for path in sorted((ROOT / "generated" / "iceberg").glob("bronze.*.json")):
        fields = json.loads(path.read_text())["schema"]["fields"]
        tables[path.stem.split(".")[1]] = {field["name"]: trino_type(field["type"]) for field in fields}
    return tables


def trino_type(kind: Any) -> str:
    if isinstance(kind, dict) and kind["type"] == "struct":
        return "row(" + ", ".join(f"{field['name']} {trino_type(field['type'])}" for field in kind["fields"]) + ")"
    return "varchar"


def upstream(layer: str) -> dict[str, str]:
    """Return the models that a layer reads through: views of staging, which are not tables of their own."""
    return {name: sql for name, sql in SQL.items() if MODELS[name].parent.name == "staging" and layer == "silver"}


def tables_read(name: str) -> dict[str, Any]:
    """Return the schema that the columns of a model are looked up in: Bronze, and what other models give."""
    derived = {table.name: dict.fromkeys(names(table), "varchar") for table in DERIVED.values()}
    if name.startswith("silver."):
        return {"bronze": bronze()}
    return derived


def names(table: "DerivedTable") -> list[str]:
    return [column.name for column in table.columns]


def made_from(name: str, column: str) -> set[str]:
    """Return the columns that the SQL of a derived table makes a column from."""
    layer, model = name.split(".")
    root = lineage(column, SQL[model], tables_read(name), sources=upstream(layer), dialect="trino")
    return {source for node in root.walk() for leaf in node.downstream for source in named(node, leaf)}


def named(node: Node, leaf: Node) -> set[str]:
    """Return the full names of a leaf's column: its members, where the node above reads members of a struct."""
    if leaf.downstream or not isinstance(leaf.source, exp.Table):
        return set()
    table, column = leaf.source, leaf.name.split(".")[-1].strip('"')
    known = {each.split(".")[1]: each for each in DERIVED}
    identifier = f"{table.db}.{table.name}" if table.db else known[table.name]
    members = {
        dot.sql(dialect="trino").replace('"', "").split(f"{column}.", 1)[1]
        for dot in node.expression.find_all(exp.Dot)
        if f".{column}." in "." + dot.sql(dialect="trino").replace('"', "")
    }
    return {f"{identifier}.{column}.{member}" for member in members} or {f"{identifier}.{column}"}


@pytest.mark.parametrize("name", DERIVED)
def test_a_derived_table_has_the_columns_of_its_model_in_their_order(name: str) -> None:
    query = parse_one(SQL[name.split(".")[1]], dialect="trino")
    assert isinstance(query, exp.Query)
    assert names(DERIVED[name]) == query.named_selects


@pytest.mark.parametrize(
    ("name", "column"), [(name, column) for name, table in DERIVED.items() for column in names(table)]
)
def test_a_column_is_made_from_what_the_contract_says(name: str, column: str) -> None:
    (declared,) = (each for each in DERIVED[name].columns if each.name == column)
    assert made_from(name, column) == set(map(str, declared.sources))


def test_every_model_of_silver_and_gold_has_a_contract() -> None:
    models = {f"{path.parent.name}.{name}" for name, path in MODELS.items() if path.parent.name != "staging"}
    assert models == DERIVED.keys()


@pytest.mark.parametrize("name", DERIVED)
def test_a_derived_table_means_what_its_model_says(name: str) -> None:
    layer, model = name.split(".")
    blocks = docs_blocks()
    text = (ROOT / "dbt" / "models" / layer / f"{model}.yml").read_text()
    (described,) = yaml.safe_load(text)["models"]

    def said(text: str) -> str:
        return re.sub(r"{{ *doc\(['\"](\w+)['\"]\) *}}", lambda found: blocks[found[1]], text)

    contract = DERIVED[name]
    assert said(described["description"]) == contract.description
    own = {column.name: column.doc for column in contract.columns if column.doc}
    assert {each["name"]: said(each["description"]) for each in described["columns"] if each["name"] in own} == own
