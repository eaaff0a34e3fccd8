"""Ids of an Iceberg table's columns over the versions of its record."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from codegen.avro import Array, Field, Map, Nullable, Primitive, Record
from codegen.emit.columns import last_ids, schema
from pyiceberg.schema import Schema, assign_fresh_schema_ids

if TYPE_CHECKING:
    from codegen.avro import AvroType
    from codegen.model import Catalog, Table

TEXT, MAYBE = Primitive.STRING, Nullable(Primitive.STRING)


def record(*fields: tuple[str, AvroType]) -> Record:
    return Record("thing", "A thing.", tuple(Field(name, kind, "Doc.") for name, kind in fields))


FIRST = record(("event_id", TEXT), ("advice", record(("retry", TEXT), ("notes", Map(TEXT)))), ("flags", Array(TEXT)))
SECOND = record(
    ("event_id", TEXT),
    ("advice", record(("delay", MAYBE), ("retry", TEXT), ("notes", Map(TEXT)))),
    ("parties", Array(record(("name", MAYBE), ("place", Nullable(record(("town", MAYBE))))))),
    ("flags", Array(TEXT)),
)
THIRD = record(
    ("event_id", TEXT),
    ("advice", record(("retry", TEXT), ("notes", Map(TEXT)))),
    ("parties", Array(record(("role", MAYBE), ("name", MAYBE), ("place", Nullable(record(("town", MAYBE))))))),
    ("flags", Array(TEXT)),
    ("last", MAYBE),
)


@pytest.fixture
def table(project: Catalog) -> Table:
    (table,) = (each for each in project.tables if each.key == ("event_id",))
    return table


def ids(table: Table, *records: Record) -> dict[str, int]:
    made = Schema.model_validate(schema(table, records))
    names = (made.find_column_name(number) for number in sorted(made.field_ids))
    return {name: made.find_field(name).field_id for name in names if name is not None}


def test_a_first_version_is_numbered_as_a_catalog_numbers_a_new_table(table: Table) -> None:
    made = Schema.model_validate(schema(table, [FIRST]))
    assert assign_fresh_schema_ids(made) == made
    assert last_ids([FIRST]) == (8,)


def test_an_id_stays_and_what_is_new_goes_on_after_the_highest(table: Table) -> None:
    first, second, third = ids(table, FIRST), ids(table, FIRST, SECOND), ids(table, FIRST, SECOND, THIRD)
    assert first == {
        "event_id": 1,
        "advice": 2,
        "flags": 3,
        "advice.retry": 4,
        "advice.notes": 5,
        "advice.notes.key": 6,
        "advice.notes.value": 7,
        "flags.element": 8,
    }
    assert first.items() <= second.items() <= third.items()
    assert {name: number for name, number in second.items() if name not in first} == {
        "advice.delay": 9,
        "parties": 10,
        "parties.element": 11,
        "parties.element.name": 12,
        "parties.element.place": 13,
        "parties.element.place.town": 14,
    }
    assert {name: number for name, number in third.items() if name not in second} == {
        "parties.element.role": 15,
        "last": 16,
    }
    assert last_ids([FIRST, SECOND, THIRD]) == (8, 14, 16)


def test_a_field_that_a_version_leaves_out_keeps_its_column(table: Table) -> None:
    assert "advice.delay" in ids(table, FIRST, SECOND, THIRD)
    assert ids(table, FIRST, SECOND, FIRST) == ids(table, FIRST, SECOND)


def test_a_field_that_comes_back_has_the_id_that_it_had(table: Table) -> None:
    once = ids(table, FIRST, SECOND)
    assert ids(table, FIRST, SECOND, FIRST, SECOND) == once


def test_a_column_that_newer_rows_leave_out_may_be_null(table: Table) -> None:
    shorter = record(("event_id", TEXT), ("advice", record(("notes", Map(TEXT)))))
    made = Schema.model_validate(schema(table, [FIRST, shorter]))
    assert {name: made.find_field(name).required for name in ("event_id", "advice", "advice.retry", "flags")} == {
        "event_id": True,
        "advice": True,
        "advice.retry": False,
        "flags": False,
    }


def test_bronze_keeps_the_ids_of_its_first_version(project: Catalog, table: Table) -> None:
    versions = [each.record for each in project.records["scored_payment"]]
    first = schema(table, versions[:1])
    assert assign_fresh_schema_ids(Schema.model_validate(first)) == Schema.model_validate(first)
    assert ids(table, versions[0]).items() <= ids(table, *versions).items()
    assert last_ids(versions)[0] == 31
