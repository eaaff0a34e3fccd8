"""Avro schemas and their values, for tests that hold codegen's resolution against fastavro's."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import fastavro
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Iterator

PRIMITIVES = ("boolean", "int", "long", "float", "double", "bytes", "string")
_NAMES = ("a", "b", "c")
_SAMPLES: dict[str, Any] = {
    "null": None,
    "boolean": True,
    "int": 7,
    "long": 7,
    "float": 0.5,
    "double": 0.5,
    "bytes": b"x",
    "string": "x",
}


def samples(schema: Any) -> Iterator[Any]:
    """Yield values that, all together, go through every branch and field of a schema."""
    match schema:
        case list():
            for branch in schema:
                yield from samples(branch)
        case {"type": "record", "fields": fields}:
            first = {field["name"]: next(samples(field["type"])) for field in fields}
            yield from ({**first, field["name"]: value} for field in fields for value in samples(field["type"]))
        case {"type": "array", "items": items}:
            yield from ([value] for value in samples(items))
        case {"type": "map", "values": values}:
            yield from ({"k": value} for value in samples(values))
        case {"type": "enum", "symbols": symbols}:
            yield from symbols
        case {"type": "fixed", "size": size}:
            yield b"\x00" * size
        case _:
            yield _SAMPLES[schema["type"] if isinstance(schema, dict) else schema]


def transferred(writer: Any, reader: Any, value: Any) -> Any:
    """Return what a reader sees of a value that a writer wrote; raises what fastavro raises."""
    buffer = io.BytesIO()
    fastavro.schemaless_writer(buffer, fastavro.parse_schema(writer), value)
    buffer.seek(0)
    return fastavro.schemaless_reader(buffer, fastavro.parse_schema(writer), fastavro.parse_schema(reader))


def types(depth: int) -> st.SearchStrategy[Any]:
    """Return a strategy of types; each enum and each fixed has one name, so that two schemas agree on names."""
    plain = st.sampled_from(PRIMITIVES)
    if depth == 0:
        return plain
    inner = types(depth - 1)
    return st.one_of(
        plain,
        inner.filter(lambda kind: not isinstance(kind, list)).map(lambda kind: ["null", kind]),
        inner.map(lambda kind: {"type": "array", "items": kind}),
        inner.map(lambda kind: {"type": "map", "values": kind}),
        st.sampled_from((["x"], ["x", "y"], ["y", "x", "z"])).map(_enum),
        st.sampled_from((4, 8)).map(_fixed),
    )


def _enum(symbols: list[str]) -> dict[str, Any]:
    return {"type": "enum", "name": "e", "symbols": symbols}


def _fixed(size: int) -> dict[str, Any]:
    return {"type": "fixed", "name": "f", "size": size}


@st.composite
def records(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a record of up to three fields; some have defaults."""
    fields: list[dict[str, Any]] = []
    for name in draw(st.lists(st.sampled_from(_NAMES), min_size=1, max_size=3, unique=True)):
        # One enum or fixed to a record: a name may be defined once.
        kind = draw(types(1)) if not fields else draw(st.sampled_from(PRIMITIVES))
        field: dict[str, Any] = {"name": name, "type": kind}
        if draw(st.booleans()):
            field["default"] = None if isinstance(kind, list) else _default(kind)
        fields.append(field)
    return {"type": "record", "name": "r", "fields": fields}


def _default(kind: Any) -> Any:
    match kind:
        case {"type": "array"}:
            return []
        case {"type": "map"}:
            return {}
        case {"type": "enum", "symbols": symbols}:
            return symbols[0]
    value = next(samples(kind))
    return value.decode() if isinstance(value, bytes) else value
