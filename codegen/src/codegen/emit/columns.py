"""Columns of an Iceberg table, with ids that stay the same over all versions of its record.

Iceberg finds a column by its id, not by its name. So ids follow the record's history: the first version is numbered as
a catalog numbers a new table, and what a later version adds goes on after the highest id, as a catalog numbers an
added column. A field that a version leaves out keeps its column: rows that have it are still there.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any, assert_never

from codegen.avro import (
    Array,
    AvroType,
    Date,
    Decimal,
    Default,
    Field,
    Map,
    Nullable,
    Primitive,
    Record,
    TimestampMillis,
)
from codegen.emit.types import names

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from codegen.model import Table

_Path = tuple[str, ...]


def schema(table: Table, records: Sequence[Record]) -> dict[str, Any]:
    """Return the Iceberg schema of a table that holds the last of a record's versions, given all up to it."""
    columns = _struct(_united(records), (), _numbered(records))
    ids = {column["name"]: column["id"] for column in columns["fields"]}
    return {**columns, "schema-id": 0, "identifier-field-ids": [ids[name] for name in table.key]}


def last_ids(records: Sequence[Record]) -> tuple[int, ...]:
    """Return the highest column id of each of a record's versions, given all of them."""
    return tuple(max(_numbered(records[: index + 1]).values()) for index in range(len(records)))


def _numbered(records: Sequence[Record]) -> dict[_Path, int]:
    """Return the id of each column, and of each element, key and value, by its path."""
    ids: dict[_Path, int] = {}
    numbers = count(1)
    for record in records:
        _number(record, (), ids, numbers)
    return ids


def _number(kind: AvroType, path: _Path, ids: dict[_Path, int], numbers: Iterator[int]) -> None:
    """Number what a type holds and has no number yet."""
    inner = dict(_inside(kind, path))
    if not any(each in ids for each in inner):
        # A catalog numbers all fields of a new struct before it goes into any of them.
        ids.update(zip(inner, numbers, strict=False))
    for each, below in inner.items():
        if each not in ids:
            ids[each] = next(numbers)
        _number(below, each, ids, numbers)


def _inside(kind: AvroType, path: _Path) -> Iterator[tuple[_Path, AvroType]]:
    match kind:
        case Record(fields=fields):
            yield from (((*path, field.name), field.type) for field in fields)
        case Array(items):
            yield (*path, "element"), items
        case Map(values):
            yield (*path, "key"), Primitive.STRING
            yield (*path, "value"), values
        case Nullable(of):
            yield from _inside(of, path)
        case Primitive() | TimestampMillis() | Date() | Decimal():
            return
        case _:
            assert_never(kind)


def _united(records: Sequence[Record]) -> Record:
    """Return the last version with the fields that only versions before it have."""
    newest, *older = reversed(records)
    for record in older:
        newest = _joined(newest, record)
    return newest


def _joined(newer: Record, older: Record) -> Record:
    former = {field.name: field for field in older.fields}
    names = {field.name for field in newer.fields}
    kept = (
        replace(field, type=_follow(field.type, former[field.name].type)) if field.name in former else field
        for field in newer.fields
    )
    left = (_optional(field) for field in older.fields if field.name not in names)
    return replace(newer, fields=(*kept, *left))


def _optional(field: Field) -> Field:
    """Return a field that newer rows do not have, as a column that they can leave out."""
    return field if field.nullable else replace(field, type=Nullable(field.type), default=Default(None))


def _follow(newer: AvroType, older: AvroType) -> AvroType:  # noqa: PLR0911 - one return for each pair
    match newer, older:
        case Record(), Record():
            return _joined(newer, older)
        case Array(new), Array(old):
            return Array(_follow(new, old))
        case Map(new), Map(old):
            return Map(_follow(new, old))
        case Nullable(new), Nullable(old):
            return Nullable(_follow(new, old))
        case Nullable(new), _:
            return Nullable(_follow(new, older))
        case _, Nullable(old):
            return _follow(newer, old)
        case _:
            return newer


def _struct(record: Record, path: _Path, ids: dict[_Path, int]) -> dict[str, Any]:
    return {"type": "struct", "fields": [_column(field, (*path, field.name), ids) for field in record.fields]}


def _column(field: Field, path: _Path, ids: dict[_Path, int]) -> dict[str, Any]:
    return {
        "id": ids[path],
        "name": field.name,
        "required": not field.nullable,
        "type": _type(field.bare, path, ids),
        "doc": field.doc,
    }


def _type(kind: AvroType, path: _Path, ids: dict[_Path, int]) -> Any:
    match kind:
        case Primitive() | TimestampMillis() | Date() | Decimal():
            return names(kind).iceberg
        case Array(items):
            element = (*path, "element")
            return {
                "type": "list",
                "element-id": ids[element],
                "element": _type(items, element, ids),
                "element-required": not isinstance(items, Nullable),
            }
        case Map(values):
            key, value = (*path, "key"), (*path, "value")
            return {
                "type": "map",
                "key-id": ids[key],
                "key": names(Primitive.STRING).iceberg,
                "value-id": ids[value],
                "value": _type(values, value, ids),
                "value-required": not isinstance(values, Nullable),
            }
        case Record():
            return _struct(kind, path, ids)
        case Nullable(of):
            return _type(of, path, ids)
    assert_never(kind)
