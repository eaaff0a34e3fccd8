"""Straight-line encoders of every version of every record, for programs to which each microsecond counts: `wire.py`.

What a general Avro library decides for each value (its type, its branch of a union, its logical type) is decided here,
once: a webhook's record takes less than half the time. fastavro is the oracle: the tests hold every encoder against it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, assert_never

from codegen.avro import (
    Array,
    AvroType,
    Date,
    Decimal,
    Map,
    Nullable,
    Primitive,
    Record,
    TimestampMillis,
    nested_records,
)
from codegen.emit.pydantic import classes
from codegen.emit.types import names
from codegen.text import PACKAGE, docstring, notice, render

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from codegen.model import Catalog, GeneratedFile, RecordVersion


def emit(catalog: Catalog) -> Iterator[GeneratedFile]:
    """Yield the module that holds all encoders."""
    versions = [version for versions in catalog.records.values() for version in versions]
    functions = [each for version in versions for each in _functions(version, classes(catalog, version))]
    yield render(
        f"{PACKAGE}/wire.py",
        "wire.py",
        notice=notice("contracts/avro"),
        functions=list(dict.fromkeys(functions)),
    )


def _functions(version: RecordVersion, inside: Mapping[str, str]) -> Iterator[str]:
    for nested in nested_records(version.record):
        yield _nested(nested, inside)
    doc = f"Return a record `{version.name}`, version {version.version}, in Avro's binary form."
    source = f"Source: contracts/{version.source.path}."
    lines = [
        f"def encode_{version.name}_v{version.version}(",
        "    *,",
        '    prefix: bytes = b"",',
        *(f"    {field.name}: {_annotation(field.type)}," for field in version.record.fields),
        ") -> bytes:",
        f"    {docstring(f'{doc}{chr(10)}{chr(10)}    {source}')}",
        *_joined(version.record, "{}", inside, ("prefix",)),
    ]
    yield "\n".join(lines)


def _nested(record: Record, inside: Mapping[str, str]) -> str:
    lines = [
        f"def _encode_{inside[record.name]}(record: Mapping[str, Any]) -> bytes:",
        *_joined(record, 'record["{}"]', inside),
    ]
    return "\n".join(lines)


def _joined(record: Record, access: str, inside: Mapping[str, str], first: tuple[str, ...] = ()) -> Iterator[str]:
    yield '    return b"".join('
    yield "        ("
    yield from (f"            {part}," for part in first)
    for number, field in enumerate(record.fields):
        for part in _parts(field.type, access.format(field.name), f"_{number}", inside):
            yield f"            {part},"
    yield "        )"
    yield "    )"


def _parts(kind: AvroType, value: str, name: str, inside: Mapping[str, str]) -> Iterator[str]:
    """Yield the expressions of a field's bytes; a text and its length are two, so that no text is copied twice."""
    match kind:
        case Primitive.STRING:
            yield f"_long(len({name} := {value}.encode()))"
            yield name
        case Primitive.BYTES:
            yield f"_long(len({value}))"
            yield value
        case _:
            yield _expression(kind, value, inside)


def _annotation(kind: AvroType) -> str:
    match kind:
        case Primitive() | TimestampMillis() | Date() | Decimal():
            return names(kind).encoder
        case Array(items):
            return f"Sequence[{_annotation(items)}]"
        case Map(values):
            return f"Mapping[{_annotation(Primitive.STRING)}, {_annotation(values)}]"
        case Nullable(of):
            return f"{_annotation(of)} | None"
        case Record():
            return "Mapping[str, Any]"
    assert_never(kind)


def _expression(kind: AvroType, value: str, inside: Mapping[str, str]) -> str:  # noqa: C901, PLR0911 - one case for each type
    """Return the expression that gives a value's bytes."""
    match kind:
        case Primitive.BOOLEAN:
            return f'(b"\\x01" if {value} else b"\\x00")'
        case Primitive.INT | Date():
            return f"_int({value})"
        case Primitive.LONG | TimestampMillis():
            return f"_long({value})"
        case Primitive.DOUBLE:
            return f"_double({value})"
        case Primitive.BYTES:
            return f"_bytes({value})"
        case Primitive.STRING:
            return f"_string({value})"
        case Decimal(precision, scale):
            return f"_decimal({value}, {precision}, {scale})"
        case Array(items):
            return f"_array({value}, {_encoder(items, inside)})"
        case Map(values):
            return f"_map({value}, {_encoder(values, inside)})"
        case Nullable(of):
            return f'b"\\x00" if {value} is None else b"\\x02" + {_expression(of, value, inside)}'
        case Record(name=name):
            return f"_encode_{inside[name]}({value})"
    assert_never(kind)


def _encoder(kind: AvroType, inside: Mapping[str, str]) -> str:
    """Return the function that gives an item's bytes."""
    expression = _expression(kind, "item", inside)
    call = re.fullmatch(r"(\w+)\(item\)", expression)
    return call[1] if call else f"lambda item: {expression}"
