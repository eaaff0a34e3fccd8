"""From the YAML of a mapping to its expressions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from codegen.language.model import (
    Coalesce,
    Concat,
    Const,
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
    Rest,
    Step,
    Time,
    TimeFormat,
    Upper,
    When,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


def read_path(text: str) -> Path:
    """Return a path such as `data.object.charges.data[0].id`."""
    steps: list[Step] = [match[1] or int(match[2]) for match in _STEP.finditer(text)]
    return Path(tuple(steps))


def read_mapping(data: Mapping[str, Any], version: int) -> Mapped:
    """Return the mapping onto a version of its record that a file holds; the meta schema approved its shape."""
    return Mapped(
        provider=data["provider"],
        record=data["record"],
        version=version,
        event_type=read_path(data["event_type"]),
        groups=tuple(
            Group(
                name=group["name"],
                payload=group["payload"],
                events=tuple(group["events"]),
                fields={name: read_expression(value) for name, value in group["fields"].items()},
            )
            for group in data["groups"]
        ),
    )


def read_expression(data: Mapping[str, Any]) -> Expression:  # noqa: C901, PLR0911, PLR0912 - one for each
    """Return the expression that a mapping with one key denotes; the key names it."""
    ((name, value),) = data.items()
    match name:
        case "path":
            return read_path(value)
        case "const":
            return Null() if value is None else Const(value)
        case "envelope":
            return Envelope(value)
        case "lookup":
            otherwise = read_expression(value["otherwise"]) if "otherwise" in value else None
            return Lookup(read_expression(value["value"]), dict(value["table"]), otherwise)
        case "time":
            return Time(read_expression(value["value"]), TimeFormat(value["format"]))
        case "coalesce":
            return Coalesce(tuple(read_expression(each) for each in value))
        case "concat":
            return Concat(tuple(read_expression(each) for each in value))
        case "upper":
            return Upper(read_expression(value))
        case "lower":
            return Lower(read_expression(value))
        case "null_if":
            return NullIf(read_expression(value["value"]), tuple(value["values"]))
        case "exponent":
            return Exponent(read_expression(value))
        case "money":
            currency = read_path(value["currency"])
            return Money(read_expression(value["value"]), currency, dict(value["exponents"]))
        case "when":
            then, otherwise = read_expression(value["then"]), read_expression(value["else"])
            return When(read_path(value["value"]), tuple(value["in"]), then, otherwise)
        case "rest":
            return Rest(read_path(value["path"]), tuple(read_path(each) for each in value.get("keep", ())))
        case _:
            raise ValueError(f"the mapping language has no {name!r}")
