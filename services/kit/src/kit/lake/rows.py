"""Python rows into Arrow tables, refusing what the table's schema does not allow."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import pyarrow as pa

from kit.errors import Fault, Rejected, Transient

Row = Mapping[str, object]
_Check = Callable[[object, str], None]

_SCALARS: tuple[tuple[Callable[[pa.DataType], bool], tuple[type, ...]], ...] = (
    (pa.types.is_string, (str,)),
    (pa.types.is_large_string, (str,)),
    (pa.types.is_boolean, (bool,)),
    (pa.types.is_floating, (float, int)),
    (pa.types.is_binary, (bytes,)),
    (pa.types.is_large_binary, (bytes,)),
)


class UnknownColumn(Rejected):
    """The row has a value for a column that the table, as it was seen last, has not."""

    def __init__(self, column: str) -> None:
        super().__init__(f"column {column} is not in the table")
        self.column = column


class ColumnMissing(Transient):
    """The table lacks a column that a row has a value for; once the table has evolved, the same row fits."""

    def __init__(self, table: str, column: str) -> None:
        super().__init__(f"{table} lacks column {column}: rows with it wait until `payments tables apply` has added it")
        self.table = table
        self.column = column


class RowEncoder:
    """Checks rows against one Arrow schema and turns them into a table of it.

    Arrow itself drops unknown columns and reads naive times as UTC; a payment may suffer neither. Unknown columns
    without a value are left out.
    """

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._check = _struct(list(schema))

    def check(self, row: Row) -> None:
        """Raise Rejected, naming the column, if the row does not fit the schema."""
        self._check(row, "")

    def encode(self, rows: Sequence[Row]) -> pa.Table:
        """Make one Arrow table of rows that `check` has let pass."""
        return pa.Table.from_pylist(list(rows), schema=self._schema)


def _refuse(path: str, wanted: str, value: object) -> Rejected:
    return Rejected(f"column {path or 'row'} takes {wanted}, not {type(value).__name__}")


def _for(field: pa.Field, path: str) -> _Check:
    check = _for_type(field.type, path)
    if field.nullable:
        return lambda value, at: None if value is None else check(value, at)
    return check


def _for_type(kind: pa.DataType, path: str) -> _Check:
    if pa.types.is_struct(kind):
        return _struct([kind.field(index) for index in range(kind.num_fields)])
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _list(_for(kind.value_field, path))
    if pa.types.is_map(kind):
        return _map(_for(kind.key_field, path), _for(kind.item_field, path))
    if pa.types.is_timestamp(kind):
        return _timestamp(aware=kind.tz is not None)
    if pa.types.is_integer(kind):
        return _integer(kind.bit_width)
    for matches, accepted in _SCALARS:
        if matches(kind):
            return _text(str(kind)) if accepted == (str,) else _scalar(accepted, str(kind))
    raise Fault(f"column {path} has type {kind}, which the row encoder does not know: add it to kit.lake.rows")


def _struct(fields: Sequence[pa.Field]) -> _Check:
    checks = {field.name: _for(field, field.name) for field in fields}

    def check(value: object, path: str) -> None:
        if not isinstance(value, Mapping):
            raise _refuse(path, "an object", value)
        prefix = f"{path}." if path else ""
        # A null may be left out: that is how it is read, too.
        if unknown := [name for name in value.keys() - checks.keys() if value[name] is not None]:
            raise UnknownColumn(prefix + min(unknown))
        for name, check_field in checks.items():
            check_field(value.get(name), prefix + name)

    return check


def _list(check_item: _Check) -> _Check:
    def check(value: object, path: str) -> None:
        if not isinstance(value, list | tuple):
            raise _refuse(path, "a list", value)
        for item in value:
            check_item(item, path)

    return check


def _map(check_key: _Check, check_item: _Check) -> _Check:
    def check(value: object, path: str) -> None:
        if not isinstance(value, Mapping):
            raise _refuse(path, "a map", value)
        for key, item in value.items():
            check_key(key, path)
            check_item(item, path)

    return check


def _timestamp(*, aware: bool) -> _Check:
    wanted = "a time with a time zone" if aware else "a time without a time zone"

    def check(value: object, path: str) -> None:
        if not isinstance(value, datetime):
            raise _refuse(path, wanted, value)
        if (value.tzinfo is not None) is not aware:
            raise Rejected(f"column {path} takes {wanted}")

    return check


def _integer(bits: int) -> _Check:
    bound = 1 << (bits - 1)

    def check(value: object, path: str) -> None:
        if not isinstance(value, int) or isinstance(value, bool):
            raise _refuse(path, "an integer", value)
        if not -bound <= value < bound:
            raise Rejected(f"column {path} takes {bits}-bit integers; the value is out of range")

    return check


def _text(wanted: str) -> _Check:
    def check(value: object, path: str) -> None:
        if not isinstance(value, str):
            raise _refuse(path, wanted, value)
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise Rejected(f"column {path} takes text that UTF-8 can write; the value has half a character") from error

    return check


def _scalar(accepted: tuple[type, ...], wanted: str) -> _Check:
    def check(value: object, path: str) -> None:
        if not isinstance(value, accepted) or (isinstance(value, bool) and bool not in accepted):
            raise _refuse(path, wanted, value)

    return check
