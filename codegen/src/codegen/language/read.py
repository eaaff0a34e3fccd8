"""From the YAML of a mapping to its expressions."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from codegen.language.model import (
    After,
    Coalesce,
    Concat,
    Condition,
    Const,
    Decimal,
    Difference,
    Envelope,
    Exponent,
    Expression,
    Group,
    Lookup,
    Lower,
    Mapped,
    Money,
    Null,
    NullIf,
    Path,
    Pick,
    Rest,
    Sign,
    Sole,
    Step,
    Sum,
    Text,
    Time,
    TimeFormat,
    Upper,
    When,
    Whole,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_NO_TABLES: Mapping[str, Any] = MappingProxyType({})
_STEP = re.compile(r'"([^"]+)"|([^."\[\]]+)|\[(\d+)\]')


def read_path(text: str) -> Path:
    """Return a path such as `data.object.charges.data[0].id`; a key of any spelling stands between quotes."""
    steps: list[Step] = [match[1] or match[2] or int(match[3]) for match in _STEP.finditer(text)]
    return Path(tuple(steps))


def read_mapping(data: Mapping[str, Any], version: int) -> Mapped:
    """Return the mapping onto a version of its record that a file holds; the meta schema approved its shape."""
    tables = data.get("tables", _NO_TABLES)
    shared = data.get("fields", {})
    return Mapped(
        provider=data["provider"],
        record=data["record"],
        version=version,
        event_type=read_event_type(data["event_type"]),
        groups=tuple(
            Group(
                name=group["name"],
                payload=group["payload"],
                events=tuple(group["events"]),
                fields={name: read_expression(value, tables) for name, value in (shared | group["fields"]).items()},
                shared=frozenset(shared.keys() - group["fields"].keys()),
            )
            for group in data["groups"]
        ),
    )


def read_event_type(data: str | Mapping[str, str]) -> Path | Envelope:
    """Return where the type of an event is: at a path of the payload, or in what the gateway found."""
    return read_path(data) if isinstance(data, str) else Envelope(data["envelope"])


def read_expression(data: Mapping[str, Any], tables: Mapping[str, Any] = _NO_TABLES) -> Expression:  # noqa: C901, PLR0911, PLR0912 - one for each
    """Return the expression that a mapping with one key denotes; the key names it."""

    def read(inner: Mapping[str, Any]) -> Expression:
        return read_expression(inner, tables)

    ((name, value),) = data.items()
    match name:
        case "path":
            return read_path(value)
        case "const":
            return Null() if value is None else Const(value)
        case "envelope":
            return Envelope(value)
        case "lookup":
            otherwise = read(value["otherwise"]) if "otherwise" in value else None
            table = value["table"]
            # A name that no table has is a finding of its own.
            return Lookup(
                read(value["value"]), dict(tables.get(table, {}) if isinstance(table, str) else table), otherwise
            )
        case "time":
            return Time(read(value["value"]), TimeFormat(value["format"]))
        case "coalesce":
            return Coalesce(tuple(read(each) for each in value))
        case "concat":
            return Concat(tuple(read(each) for each in value))
        case "upper":
            return Upper(read(value))
        case "lower":
            return Lower(read(value))
        case "null_if":
            return NullIf(read(value["value"]), tuple(value["values"]))
        case "exponent":
            return Exponent(read(value))
        case "money":
            currency = read_path(value["currency"])
            return Money(read(value["value"]), currency, dict(value["exponents"]))
        case "decimal":
            return Decimal(read(value["value"]), read_path(value["currency"]))
        case "text":
            return Text(read(value))
        case "whole":
            return Whole(read(value))
        case "when":
            then, otherwise = read(value["then"]), read(value["else"])
            return When(read_path(value["value"]), tuple(value["in"]), then, otherwise)
        case "sole":
            return Sole(_below(read_path(value), 0))
        case "sum":
            return Sum(*_elements(value))
        case "pick":
            return Pick(*_elements(value))
        case "after":
            return After(read(value["value"]), value["text"])
        case "difference":
            one, other = value
            return Difference((read(one), read(other)))
        case "sign":
            return Sign(read(value["value"]), value["negative"], value["otherwise"])
        case "rest":
            return Rest(read_path(value["path"]), tuple(read_path(each) for each in value.get("keep", ())))
        case _:
            raise ValueError(f"the mapping language has no {name!r}")


def _below(path: Path, *steps: Step) -> Path:
    return Path((*path.steps, *steps))


def _elements(data: Mapping[str, Any]) -> tuple[Path, Path, Condition | None]:
    items = read_path(data["path"])
    where = data.get("where")
    return (
        items,
        _below(items, 0, *read_path(data["value"]).steps),
        None
        if where is None
        else Condition(
            _below(items, 0, *read_path(where["path"]).steps),
            tuple(where.get("in", ())),
            read_path(where["same_as"]) if "same_as" in where else None,
        ),
    )
