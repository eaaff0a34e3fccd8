"""Pydantic models of every version of every record: `records.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from codegen.avro import Array, AvroType, Field, Map, Nullable, Primitive, Record, TimestampMillis
from codegen.emit.text import PACKAGE, camel, literal, notice, render

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.model import Catalog, GeneratedFile, RecordVersion


def emit(catalog: Catalog) -> Iterator[GeneratedFile]:
    """Yield the module that holds all models."""
    versions = [version for versions in catalog.records.values() for version in versions]
    models = [model for version in versions for model in _models(version)]
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


def python_type(field: Field) -> str:
    """Return the annotation of a field."""
    bare = f"Literal[{', '.join(literal(value) for value in field.allowed)}]" if field.allowed else _type(field.bare)
    return f"{bare} | None" if field.nullable else bare


def _type(kind: AvroType) -> str:  # noqa: C901, PLR0911 - one return for each type
    match kind:
        case Primitive.BOOLEAN:
            return "bool"
        case Primitive.INT:
            return "Int"
        case Primitive.LONG:
            return "Long"
        case Primitive.DOUBLE:
            return "float"
        case Primitive.BYTES:
            return "bytes"
        case Primitive.STRING:
            return "str"
        case TimestampMillis():
            return "Timestamp"
        case Array(items):
            return f"list[{_type(items)}]"
        case Map(values):
            return f"dict[str, {_type(values)}]"
        case Nullable(of):
            return f"{_type(of)} | None"
        case Record(name, _, _):
            return camel(name)
    assert_never(kind)


def _models(version: RecordVersion) -> Iterator[str]:
    for nested in _nested(version.record):
        yield _model(camel(nested.name), nested, nested.doc)
    doc = f"{version.record.doc}\n\n    Source: contracts/{version.source.path}."
    yield _model(class_name(version), version.record, doc)


def _nested(record: Record) -> Iterator[Record]:
    for field in record.fields:
        inner = field.bare
        while isinstance(inner, Array | Map | Nullable):
            inner = inner.items if isinstance(inner, Array) else inner.values if isinstance(inner, Map) else inner.of
        if isinstance(inner, Record):
            yield from _nested(inner)
            yield inner


def _model(name: str, record: Record, doc: str) -> str:
    closing = '"""' if "\n" not in doc else '\n    """'
    lines = [f"class {name}(Contract):", f'    """{doc}{closing}', ""]
    for field in record.fields:
        default = "default=None, " if field.nullable else ""
        lines += [
            f"    {field.name}: {_wrapped(python_type(field))} = Field(",
            f"        {default}description={literal(field.doc)},",
            "    )",
        ]
    return "\n".join(lines)


def _wrapped(annotation: str) -> str:
    if len(annotation) <= 70:  # noqa: PLR2004 - what is left of a line after a name
        return annotation
    inside = annotation.removeprefix("Literal[").replace("] | None", "]").removesuffix("]")
    lines = "".join(f"        {each},\n" for each in inside.split(", "))
    return f"Literal[\n{lines}    ]" + (" | None" if annotation.endswith("None") else "")
