"""Pydantic models of every version of every record: `records.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_never

from codegen.avro import (
    Array,
    AvroType,
    Date,
    Decimal,
    Field,
    Map,
    Nullable,
    Primitive,
    Record,
    TimestampMillis,
    innermost,
    nested_records,
)
from codegen.emit.types import names
from codegen.text import PACKAGE, camel, docstring, literal, notice, render

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from codegen.model import Catalog, GeneratedFile, RecordVersion

    # Class of each record inside a record version, by the record's name.
    Classes = Mapping[str, str]

# Names that the module has beside its models.
_TAKEN = frozenset({"Contract", "Date", "Decimal", "Field", "Final", "Int", "Literal", "Long", "Mapping", "Timestamp"})
# What is left of a line after a name.
_ROOM = 70


def emit(catalog: Catalog) -> Iterator[GeneratedFile]:
    """Yield the module that holds all models."""
    versions = [version for versions in catalog.records.values() for version in versions]
    models = [model for version in versions for model in _models(version, classes(catalog, version))]
    yield render(
        f"{PACKAGE}/records.py",
        "records.py",
        notice=notice("contracts/avro"),
        models=list(dict.fromkeys(models)),
        by_version=[(each.name, each.version, class_name(each)) for each in versions],
    )


def class_name(version: RecordVersion) -> str:
    """Return the name of a record version's model."""
    return f"{camel(version.name)}V{version.version}"


def classes(catalog: Catalog, version: RecordVersion) -> Classes:
    """Return the class of each record inside a record version.

    It has the record's own name where the contracts give that name to one record only, else the version's before it.
    """
    everywhere = [
        nested for versions in catalog.records.values() for each in versions for nested in nested_records(each.record)
    ]
    return {
        nested.name: camel(nested.name)
        if all(other == nested for other in everywhere if other.name == nested.name)
        and camel(nested.name) not in _TAKEN
        else f"{class_name(version)}{camel(nested.name)}"
        for nested in nested_records(version.record)
    }


def python_type(field: Field, inside: Classes) -> str:
    """Return the annotation of a field; a long closed set has a line for each value."""
    bare = _closed_set(field.allowed) if field.allowed else _type(field.bare, inside)
    return f"{bare} | None" if field.nullable else bare


def plain_type(field: Field) -> str:
    """Return the annotation of a field for people to read: records have their own names, whatever their classes'."""
    inner = innermost(field.type)
    return python_type(field, {inner.name: camel(inner.name)} if isinstance(inner, Record) else {})


def _closed_set(allowed: tuple[str, ...]) -> str:
    values = [literal(value) for value in allowed]
    line = f"Literal[{', '.join(values)}]"
    if len(line) <= _ROOM:
        return line
    return "Literal[\n" + "".join(f"        {value},\n" for value in values) + "    ]"


def _type(kind: AvroType, inside: Classes) -> str:
    match kind:
        case Primitive() | TimestampMillis() | Date() | Decimal():
            return names(kind).python
        case Array(items):
            return f"list[{_type(items, inside)}]"
        case Map(values):
            return f"dict[{_type(Primitive.STRING, inside)}, {_type(values, inside)}]"
        case Nullable(of):
            return f"{_type(of, inside)} | None"
        case Record(name=name):
            return inside[name]
    assert_never(kind)


def _models(version: RecordVersion, inside: Classes) -> Iterator[str]:
    for nested in nested_records(version.record):
        yield _model(inside[nested.name], nested, nested.doc, inside)
    doc = f"{version.record.doc}\n\n    Source: contracts/{version.source.path}."
    yield _model(class_name(version), version.record, doc, inside)


def _model(name: str, record: Record, doc: str, inside: Classes) -> str:
    lines = [f"class {name}(Contract):", f"    {docstring(doc)}", ""]
    for field in record.fields:
        lines += [
            f"    {field.name}: {python_type(field, inside)} = Field(",
            f"        {_default(field, inside)}description={literal(field.doc)},",
            "    )",
        ]
    return "\n".join(lines)


def _default(field: Field, inside: Classes) -> str:
    if field.default is None:
        return ""
    value = _value(field.bare, field.default.value, inside)
    # Made anew for each model: a list that two models shared could change under one of them.
    shared = isinstance(field.bare, Array | Map | Record) and value != "None"
    return f"default_factory=lambda: {value}, " if shared else f"default={value}, "


def _value(kind: AvroType, value: Any, inside: Classes) -> str:
    """Return the expression of a default."""
    match kind:
        case _ if value is None:
            return "None"
        case Array(items):
            return "[" + ", ".join(_value(items, each, inside) for each in value) + "]"
        case Map(values):
            return (
                "{" + ", ".join(f"{literal(key)}: {_value(values, each, inside)}" for key, each in value.items()) + "}"
            )
        case Record(name=name, fields=fields):
            members = (f"{field.name}={_value(field.bare, value[field.name], inside)}" for field in fields)
            return f"{inside[name]}({', '.join(members)})"
        case Primitive.DOUBLE:
            return literal(float(value))
        case _:
            return literal(value)
