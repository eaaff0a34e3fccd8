"""The generated encoders, against fastavro: the same bytes for every value of every type."""

from __future__ import annotations

import io
import json
import types
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal as Exact
from typing import TYPE_CHECKING, Any

import fastavro
import pytest
from codegen.avro import Array, Date, Map, Nullable, Record, TimestampMillis
from codegen.emit import wire
from codegen.loader import load
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from payments_contracts import records, schemas
from payments_contracts import wire as project_wire

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from codegen.avro import AvroType
    from codegen.model import Catalog, RecordVersion

    Schemas = st.SearchStrategy[dict[str, Any]]
    Rows = Callable[[Record], st.SearchStrategy[dict[str, Any]]]
    Version = Callable[..., RecordVersion]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
INTS = (0, 1, -1, 63, -64, 64, -65, 2047, 2048, 4095, 4096, -4096, 8191, 8192, 2**31 - 1, -(2**31))
LONGS = (*INTS, 2**31, -(2**31) - 1, 2**53 + 1, 2**62, -(2**62) - 1, 2**63 - 1, -(2**63))
slow = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def encoders_of(catalog: Catalog, *versions: RecordVersion) -> types.ModuleType:
    """Return the generated module of encoders of these versions alone."""
    (file,) = wire.emit(replace(catalog, records={"thing": versions}))
    module = types.ModuleType("things")
    exec(compile(file.content, "things.py", "exec"), module.__dict__)  # noqa: S102 - that is what is tested
    return module


def by_fastavro(schema: str, row: dict[str, Any]) -> bytes:
    written = io.BytesIO()
    fastavro.schemaless_writer(written, fastavro.parse_schema(json.loads(schema)), row)
    return written.getvalue()


def as_numbers(kind: AvroType, value: Any) -> Any:  # noqa: PLR0911 - one return for each type
    """Return a value as an encoder takes it: times and days as numbers."""
    match kind:
        case _ if value is None:
            return None
        case TimestampMillis():
            return (value - EPOCH) // timedelta(milliseconds=1)
        case Date():
            return (value - EPOCH.date()).days
        case Nullable(of):
            return as_numbers(of, value)
        case Array(items):
            return [as_numbers(items, each) for each in value]
        case Map(inner):
            return {key: as_numbers(inner, each) for key, each in value.items()}
        case Record(fields=members):
            return {field.name: as_numbers(field.type, value[field.name]) for field in members}
    return value


def check(encoders: types.ModuleType, version: RecordVersion, row: dict[str, Any]) -> None:
    encode = getattr(encoders, f"encode_{version.name}_v{version.version}")
    assert encode(**as_numbers(version.record, row)) == by_fastavro(version.schema, row)


@slow
@given(data=st.data())
def test_random_contracts_are_written_as_fastavro_writes_them(
    acme: Catalog, schemas: Schemas, rows: Rows, version_of: Version, data: st.DataObject
) -> None:
    versions = [version_of(data.draw(schemas), number) for number in (1, 2)]
    encoders = encoders_of(acme, *versions)
    for version in versions:
        check(encoders, version, data.draw(rows(version.record)))


@settings(max_examples=60, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize(("name", "number"), sorted(records.RECORDS))
def test_every_record_of_the_project_is_written_as_fastavro_writes_it(
    project: Catalog, rows: Rows, name: str, number: int, data: st.DataObject
) -> None:
    version = project.record(name, number)
    check(project_wire, version, data.draw(rows(version.record)))


@pytest.fixture(scope="module")
def every_type(small: Callable[[str], Path]) -> tuple[types.ModuleType, RecordVersion]:
    """Return the encoders of a record that has every type, and that record."""
    catalog = load(small("types"))
    version = catalog.record("provider_event", 1)
    return encoders_of(catalog, version), version


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_a_record_of_every_type_is_written_as_fastavro_writes_it(
    every_type: tuple[types.ModuleType, RecordVersion], rows: Rows, data: st.DataObject
) -> None:
    encoders, version = every_type
    check(encoders, version, data.draw(rows(version.record)))


class OneField:
    """Writes records of one field in both ways."""

    def __init__(self, catalog: Catalog, version_of: Version) -> None:
        self._catalog = catalog
        self._version_of = version_of

    def check(self, kind: Any, *values: object) -> None:
        version = self._version(kind)
        encoders = encoders_of(self._catalog, version)
        for value in values:
            check(encoders, version, {"field": value})

    def write(self, kind: Any, value: object) -> bytes:
        written: bytes = encoders_of(self._catalog, self._version(kind)).encode_thing_v1(field=value)
        return written

    def _version(self, kind: Any) -> RecordVersion:
        field = {"name": "field", "doc": "A fact.", "type": kind}
        if isinstance(kind, list):
            field["default"] = None
        return self._version_of({"type": "record", "name": "thing", "namespace": "shop", "fields": [field]})


@pytest.fixture
def one_field(acme: Catalog, version_of: Version) -> OneField:
    return OneField(acme, version_of)


INSTANT, DAY = {"type": "long", "logicalType": "timestamp-millis"}, {"type": "int", "logicalType": "date"}


def decimal(precision: int, scale: int) -> dict[str, Any]:
    return {"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale}


def array(items: Any) -> dict[str, Any]:
    return {"type": "array", "items": items}


def mapping(values: Any) -> dict[str, Any]:
    return {"type": "map", "values": values}


def test_writes_every_length_of_an_int(one_field: OneField) -> None:
    one_field.check("int", *INTS)


def test_writes_every_length_of_a_long(one_field: OneField) -> None:
    one_field.check("long", *LONGS)


@pytest.mark.parametrize("length", [0, 1, 63, 64, 2047, 2048, 4095, 4096, 70_000])
def test_writes_texts_and_bytes_of_every_length(one_field: OneField, length: int) -> None:
    one_field.check("string", "x" * length, "\u00e9\U0001f600" * length)
    one_field.check("bytes", b"\xff" * length)


def test_writes_every_double(one_field: OneField) -> None:
    one_field.check("double", 0.0, -0.0, 0.1, -1e308, 5e-324, float("inf"), float("-inf"), float("nan"))


@pytest.mark.parametrize("scale", range(39))
def test_writes_decimals_of_every_scale(one_field: OneField, scale: int) -> None:
    unscaled = ("0", "1", "-1", "127", "128", "-128", "-129", "9" * 38, "-" + "9" * 38)
    one_field.check(decimal(38, scale), *(Exact(f"{digits}E-{scale}") for digits in unscaled))


@pytest.mark.parametrize("number", ["1.5", "1.500", "15E-1", "-0", "0E+5", "0E-9", "1E+2"])
def test_writes_a_decimal_in_the_scale_of_its_contract_however_it_is_written(one_field: OneField, number: str) -> None:
    exact = Exact(number)
    assert one_field.write(decimal(6, 3), exact) == one_field.write(decimal(6, 3), exact.quantize(Exact("0.001")))


@pytest.mark.parametrize("instant", [EPOCH, datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, 1, 2, 3, tzinfo=UTC)])
def test_writes_instants(one_field: OneField, instant: datetime) -> None:
    one_field.check(INSTANT, instant)


@pytest.mark.parametrize("day", [EPOCH.date(), date.min, date.max])
def test_writes_days(one_field: OneField, day: date) -> None:
    one_field.check(DAY, day)


@pytest.mark.parametrize("kind", ["boolean", "int", "long", "double", "bytes", "string", INSTANT, DAY, decimal(9, 2)])
def test_writes_null_in_the_place_of_every_type(one_field: OneField, kind: Any) -> None:
    one_field.check(["null", kind], None)
    one_field.check(array(["null", kind]), [None, None])
    one_field.check(mapping(["null", kind]), {"a": None})


@pytest.mark.parametrize("flag", [True, False])
def test_writes_booleans_beside_nulls(one_field: OneField, *, flag: bool) -> None:
    one_field.check("boolean", flag)
    one_field.check(["null", "boolean"], flag, None)
    one_field.check(array(["null", "boolean"]), [flag, None, not flag])


def test_writes_nothing_of_what_is_empty_but_its_end(one_field: OneField) -> None:
    assert one_field.write(array("string"), []) == b"\x00"
    assert one_field.write(mapping("string"), {}) == b"\x00"
    one_field.check(array(mapping(array("long"))), [{}, {"a": []}, {"a": [], "b": [-1, 2**63 - 1]}])


@pytest.mark.parametrize("count", [63, 64, 5000])
def test_writes_arrays_and_maps_of_every_length(one_field: OneField, count: int) -> None:
    one_field.check(array("long"), list(range(-count, 0)))
    one_field.check(mapping("string"), {str(number): "x" for number in range(count)})


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("int", 2**31),
        ("int", -(2**31) - 1),
        ("int", 2**63),
        ("long", 2**63),
        ("long", -(2**63) - 1),
        ("long", 10**400),
        (INSTANT, 2**63),
        (DAY, 2**31),
        (["null", "int"], 2**31),
        (array("int"), [0, -(2**31) - 1]),
        (mapping("long"), {"a": 2**63}),
        (decimal(3, 0), Exact(1000)),
        (decimal(3, 2), Exact(-10)),
        (decimal(3, 2), Exact("0.001")),
        (decimal(38, 18), Exact("1E+999999")),
        (decimal(38, 18), Exact("1E-999999")),
        (decimal(38, 0), Exact("NaN")),
        (decimal(38, 0), Exact("sNaN")),
        (decimal(38, 0), Exact("-Infinity")),
    ],
)
def test_refuses_a_number_that_is_too_large(one_field: OneField, kind: Any, value: object) -> None:
    with pytest.raises(OverflowError):
        one_field.write(kind, value)


@pytest.mark.parametrize(("name", "number"), sorted(records.RECORDS))
def test_an_encoder_takes_the_fields_of_its_record_by_name_alone(name: str, number: int) -> None:
    encode = getattr(project_wire, f"encode_{name}_v{number}")
    names = [field["name"] for field in json.loads(schemas.schema(name, number))["fields"]]
    assert encode.__code__.co_varnames[: encode.__code__.co_kwonlyargcount] == ("prefix", *names)
    assert encode.__code__.co_argcount == 0
