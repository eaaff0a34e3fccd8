"""The derived tables of the contracts are what the dbt models make: columns and sources."""

import json
import re
import warnings
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from codegen.loader import load
from jinja2 import Environment

with warnings.catch_warnings():
    # dagster-dbt brings sqlglotrs, which sqlglot then imports and which warns, once, that it has a successor.
    warnings.filterwarnings("ignore", "sqlglotrs is deprecated", DeprecationWarning)
    from sqlglot import exp, parse_one

from sqlglot.lineage import Node, lineage
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, build_scope

if TYPE_CHECKING:
    from codegen.derived import DerivedTable

ROOT = Path(__file__).parents[2]
DERIVED = {table.identifier: table for table in load(ROOT / "contracts").derived}
MODELS = {
    path.stem: path
    for folder in (ROOT / "generated" / "dbt" / "models", ROOT / "dbt" / "models")
    for path in sorted(folder.glob("*/*.sql"))
}


def referred(model: str) -> str:
    """Return a model's name in the lake; that of a view alone, which is looked through."""
    return next((identifier for identifier, table in DERIVED.items() if table.name == model), model)


def environment() -> Environment:
    """Return what the models ask of dbt: a first build, with each table under its own name."""
    jinja = Environment(autoescape=False, extensions=["jinja2.ext.do"])  # noqa: S701 - SQL
    jinja.globals.update(
        config=lambda **_: "", is_incremental=lambda: False, ref=referred, source="{}.{}".format, this="this"
    )
    macros: dict[str, object] = {}
    for path in sorted((ROOT / "generated" / "dbt" / "macros").glob("*.sql")):
        macros |= vars(jinja.from_string(path.read_text()).module)
    jinja.globals["payments_sources"] = SimpleNamespace(**macros)
    for path in sorted((ROOT / "dbt" / "macros").rglob("*.sql")):
        # A materialization is no macro to jinja alone, and no model names one of its file's macros.
        if "{% materialization" not in path.read_text():
            jinja.globals.update(vars(jinja.from_string(path.read_text(), jinja.globals).module))
    return jinja


def plain(sql: str) -> str:
    """Return a query without what only says which rows a value is of: that is no part of a column's sources."""

    def simpler(node: exp.Expr) -> exp.Expr:
        match node:
            # What has no column of its own, such as a count, is made from those that say what it is of.
            case exp.Window() | exp.Filter() if node.this.find(exp.Column):
                valued: exp.Expr = node.this.transform(simpler)
                return valued
            case exp.ArgMax():
                return exp.Max(this=node.this)
        return node

    return parse_one(sql, dialect="trino").transform(simpler).sql(dialect="trino")


SQL = {name: plain(environment().from_string(path.read_text()).render()) for name, path in MODELS.items()}


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


def upstream(layer: str, model: str) -> dict[str, str]:
    """Return the models that one of Silver reads through: those that have no contract, which are views of Bronze."""
    if layer != "silver":
        return {}
    views = set(re.findall(r"ref\('(\w+)'\)", MODELS[model].read_text())) - {each.name for each in DERIVED.values()}
    return {name: SQL[name] for name in views}


@cache
def tables_read() -> dict[str, Any]:
    """Return the columns that those of a model are looked up in, by layer: Bronze, and what other models give."""
    layers: dict[str, Any] = {"bronze": bronze(), "silver": {}, "gold": {}}
    for table in DERIVED.values():
        layers[table.namespace][table.name] = dict.fromkeys(names(table), "varchar")
    return layers


def names(table: "DerivedTable") -> list[str]:
    return [column.name for column in table.columns]


@cache
def scope_of(name: str) -> Scope:
    """Return a model's query with all that it reads through, resolved once for all of its columns."""
    layer, model = name.split(".")
    through: dict[str, Any] = {each: parse_one(sql, dialect="trino") for each, sql in upstream(layer, model).items()}
    query = exp.expand(parse_one(SQL[model], dialect="trino"), through, dialect="trino")
    resolved = qualify(query, dialect="trino", schema=tables_read(), validate_qualify_columns=False, identify=False)
    scope = build_scope(resolved)
    assert scope is not None
    return scope


def made_from(name: str, column: str) -> set[str]:
    """Return the columns that the SQL of a derived table makes a column from."""
    model = name.split(".")[1]
    root = lineage(column, SQL[model], tables_read(), scope=scope_of(name), dialect="trino")
    found = {source for node in root.walk() for leaf in node.downstream for source in named(node, leaf)}
    if not name.startswith("silver."):
        return found
    # What another table of its layer gives is made from what that one's contract says, which is held to its own SQL.
    return {origin for source in found for origin in origins(source)}


def origins(source: str) -> set[str]:
    """Return the columns of Bronze that a column is made from."""
    layer, table, column = source.split(".", 2)
    if layer == "bronze":
        return {source}
    (declared,) = (each for each in DERIVED[f"{layer}.{table}"].columns if each.name == column)
    return {str(each) for each in declared.sources}


def named(node: Node, leaf: Node) -> set[str]:
    """Return the full names of a leaf's column: its members, where the node above reads members of a struct."""
    if leaf.downstream or not isinstance(leaf.source, exp.Table):
        return set()
    table, column = leaf.source, leaf.name.split(".")[-1].strip('"')
    identifier = f"{table.db}.{table.name}"
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
