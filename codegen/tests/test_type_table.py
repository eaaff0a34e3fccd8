"""The table of types that contracts/README.md shows, against what the emitters print."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from codegen.avro import Array, Date, Decimal, Map, Nullable, Primitive, Record, TimestampMillis
from codegen.emit import columns, flink, pydantic
from codegen.emit.postgres import sql_type
from codegen.emit.trino import trino_type
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyiceberg.schema import Schema
from pyiceberg.types import ListType, MapType, StructType

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from codegen.avro import AvroType
    from codegen.model import Catalog, RecordVersion

    Version = Callable[..., RecordVersion]

ROOT = Path(__file__).resolve().parents[2]
PRIMITIVES = ["boolean", "int", "long", "double", "bytes", "string"]
COLUMNS = ("Avro", "Pydantic", "Flink SQL", "Iceberg", "Trino", "PostgreSQL")


def documented() -> dict[str, dict[str, str]]:
    """Return the table of types in contracts/README.md: by Avro's name, what each target has."""
    text = (ROOT / "contracts" / "README.md").read_text(encoding="utf-8")
    lines = text.split("## Types that every target can express")[1].split("##")[0].splitlines()
    rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines if line.startswith("|")]
    assert tuple(cell.strip() for cell in rows[0]) == COLUMNS
    found = {}
    for row in rows[2:]:
        avro, *targets = (cell.strip().replace("\\|", "|") for cell in row)
        cells = [target.removesuffix(", optional").strip("`") for target in targets]
        found[avro.split("`")[1].split("(")[0]] = dict(zip(COLUMNS[1:], cells, strict=True))
    return found


TABLE = documented()


class Documented:
    """Says what the table says of a type, whatever stands inside it."""

    def __init__(self, target: str, classes: Mapping[str, str]) -> None:
        self._target = target
        self._classes = classes

    def of(self, kind: AvroType) -> str:
        if isinstance(kind, Nullable):
            inner = self._bare(kind.of)
            return self._filled('["null", X]', inner)
        return self._bare(kind) + (" NOT NULL" if self._target == "Flink SQL" else "")

    def _bare(self, kind: AvroType) -> str:  # noqa: PLR0911 - one return for each type
        match kind:
            case Primitive():
                return self._filled(kind.value)
            case TimestampMillis():
                return self._filled("timestamp-millis")
            case Date():
                return self._filled("date")
            case Decimal(precision, scale):
                cell = self._filled("decimal")
                return re.sub(r"\bS\b", str(scale), re.sub(r"\bP\b", str(precision), cell))
            case Array(items):
                return self._filled("array", self.of(items))
            case Map(inner):
                return self._filled("map", self.of(inner))
            case Record(name=name, fields=members):
                if self._target == "Pydantic":
                    return self._classes[name]
                if self._target == "PostgreSQL":
                    return self._filled("record")
                before, member, after = re.fullmatch(r"(\w+[<(])(.*), …([>)])", self._filled("record")).groups()  # type: ignore[union-attr]
                quoted = "`{}`" if self._target == "Flink SQL" else "{}"
                return (
                    before
                    + ", ".join(
                        member.replace("name", quoted.format(field.name)).replace("X", self.of(field.type))
                        for field in members
                    )
                    + after
                )
        raise AssertionError(kind)

    def _filled(self, avro: str, inner: str = "") -> str:
        cell = TABLE[avro][self._target]
        return re.sub(r"\bX\b", lambda _: inner, cell) if inner else cell


def iceberg_text(kind: Any) -> str:
    """Return an Iceberg type, as pyiceberg understood it, without ids and nullability."""
    match kind:
        case ListType():
            return f"list<{iceberg_text(kind.element_type)}>"
        case MapType():
            return f"map<{iceberg_text(kind.key_type)}, {iceberg_text(kind.value_type)}>"
        case StructType():
            return "struct<" + ", ".join(f"{each.name}: {iceberg_text(each.field_type)}" for each in kind.fields) + ">"
    return str(kind)


def iceberg_schema(catalog: Catalog, version: RecordVersion) -> Schema:
    table = replace(catalog.tables[0], record="thing", version=1, key=())
    return Schema.model_validate_json(json.dumps(columns.schema(table, (version.record,))))


def check_against_the_table(catalog: Catalog, version: RecordVersion) -> None:
    classes = pydantic.classes(replace(catalog, records={"thing": (version,)}), version)
    in_lake = {field.name: field for field in iceberg_schema(catalog, version).fields}
    for field in version.record.fields:
        plain = replace(field, allowed=())
        assert flink.sql_type(field.type) == Documented("Flink SQL", classes).of(field.type)
        assert pydantic.python_type(plain, classes) == Documented("Pydantic", classes).of(field.type)
        assert sql_type(field.type) == Documented("PostgreSQL", classes).of(field.type)
        assert trino_type(field.type) == Documented("Trino", classes).of(field.type)
        assert iceberg_text(in_lake[field.name].field_type) == Documented("Iceberg", classes).of(field.type)
        assert in_lake[field.name].required == (not field.nullable)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_every_target_has_the_types_that_are_documented(
    acme: Catalog, schemas: st.SearchStrategy[dict[str, Any]], version_of: Version, data: st.DataObject
) -> None:
    check_against_the_table(acme, version_of(data.draw(schemas)))


@pytest.mark.parametrize(
    "kind",
    [
        *(f'"{each}"' for each in PRIMITIVES),
        '{"type": "long", "logicalType": "timestamp-millis"}',
        '{"type": "int", "logicalType": "date"}',
        '{"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 3}',
        '{"type": "array", "items": ["null", "string"]}',
        '{"type": "map", "values": ["null", "double"]}',
        '{"type": "record", "name": "part", "fields": [{"name": "a", "type": "int"}, {"name": "b", "type": "string"}]}',
    ],
)
@pytest.mark.parametrize("nullable", [False, True])
def test_the_table_of_types_is_what_the_emitters_print(
    acme: Catalog, version_of: Version, kind: str, *, nullable: bool
) -> None:
    written = json.loads(kind)
    field = {"name": "x", "type": ["null", written], "default": None} if nullable else {"name": "x", "type": written}
    check_against_the_table(acme, version_of({"type": "record", "name": "thing", "fields": [field]}))


# Names of types that cannot be taken for anything else.
TELLING = (
    '"STRING',
    "<STRING",
    "BIGINT",
    "TIMESTAMP(",
    "timestamptz",
    "varbinary",
    "varchar",
    "bytea",
    "double precision",
)


def test_names_of_scalar_types_are_written_in_one_module() -> None:
    sources = [*(ROOT / "codegen" / "src").rglob("*.py"), *(ROOT / "codegen" / "catalogue" / "src").rglob("*.py")]
    writing = [path for path in sources if any(each in path.read_text(encoding="utf-8") for each in TELLING)]
    assert [path.relative_to(ROOT).as_posix() for path in writing] == ["codegen/src/codegen/emit/types.py"]


def test_the_table_of_types_has_a_line_for_every_type_and_no_other() -> None:
    assert set(TABLE) == {
        *PRIMITIVES,
        "timestamp-millis",
        "date",
        "decimal",
        "array",
        "map",
        "record",
        '["null", X]',
    }
