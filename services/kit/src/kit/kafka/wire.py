"""The Confluent wire format: a zero byte, the writer schema's id in four bytes, the Avro body.

https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/index.html#wire-format
"""

import io
import json
import struct
from collections.abc import Mapping
from typing import Any, Protocol

import fastavro
from fastavro.types import Schema

from kit.errors import Rejected

_HEADER = struct.Struct(">bI")
_MAGIC = 0


class Schemas(Protocol):
    """Knows the text of every registered schema; `RegistryClient` is one."""

    def text(self, schema_id: int) -> str:
        """Return a schema's text; raise Rejected where there is none, Transient where nobody can tell now."""


def header(schema_id: int) -> bytes:
    """Return what stands in front of a record that was written with a registered schema."""
    return _HEADER.pack(_MAGIC, schema_id)


def parse(text: str) -> Schema:
    """Parse a schema's JSON text for fastavro."""
    return fastavro.parse_schema(json.loads(text))


class AvroEncoder:
    """Writes records with one registered schema."""

    def __init__(self, text: str, schema_id: int) -> None:
        self._schema = parse(text)
        self._header = header(schema_id)

    def encode(self, record: Mapping[str, Any]) -> bytes:
        """Return a record in the wire format.

        Raises:
            ValueError: The record has other fields than the schema, or a value of another type. It is the caller's bug.
        """
        buffer = io.BytesIO()
        buffer.write(self._header)
        try:
            fastavro.schemaless_writer(buffer, self._schema, record, strict=True)
        except (TypeError, AttributeError, OverflowError) as error:
            raise ValueError(f"The record does not fit its schema: {error}") from error
        return buffer.getvalue()


class AvroDecoder:
    """Reads records that any registered schema wrote, as the reader's pinned schema sees them.

    `schemas` is asked once per id of a writer's schema.
    """

    def __init__(self, schemas: Schemas, reader_text: str) -> None:
        self._schemas = schemas
        self._reader = parse(reader_text)
        self._writers: dict[int, Schema] = {}

    def decode(self, value: bytes) -> dict[str, Any]:
        """Return the record in a message.

        Raises:
            Rejected: It is not in the wire format (`wire_format`), its schema is unknown or none of Avro
                (`schema_unknown`), or its body cannot be read with it (`avro_unreadable`).
            Transient: The registry does not answer.
        """
        if len(value) < _HEADER.size or value[0] != _MAGIC:
            raise Rejected("The message does not begin with a zero byte and a schema id.", "wire_format")
        schema_id = _HEADER.unpack_from(value)[1]
        writer = self._writers.get(schema_id)
        if writer is None:
            writer = self._writers[schema_id] = self._parsed(schema_id)
        body = io.BytesIO(value)
        body.seek(_HEADER.size)
        try:
            record = fastavro.schemaless_reader(body, writer, self._reader)
        except Exception as error:
            # fastavro raises whatever its parsing stumbles over: EOFError, IndexError, UnicodeDecodeError and others.
            detail = f"The body cannot be read with schema {schema_id} ({type(error).__name__})."
            raise Rejected(detail, "avro_unreadable") from error
        if body.tell() != len(value) or not isinstance(record, dict):
            raise Rejected(f"The body is not one record of schema {schema_id}.", "avro_unreadable")
        return record

    def _parsed(self, schema_id: int) -> Schema:
        text = self._schemas.text(schema_id)
        try:
            return parse(text)
        except Exception as error:
            # A registry holds schemas of other kinds, too; fastavro raises errors of its own and of Python's.
            raise Rejected(
                f"Schema {schema_id} is not one of Avro ({type(error).__name__}).", "schema_unknown"
            ) from error
