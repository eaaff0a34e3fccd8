"""What each function of the mapping language takes and gives, in one table, and where a value does not fit.

The table says nothing of `null`: every function gives null where what it works on is null.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from codegen.language.model import (
    After,
    Coalesce,
    Concat,
    Const,
    Decimal,
    Difference,
    Envelope,
    Exponent,
    Expression,
    Lookup,
    Lower,
    Money,
    Null,
    NullIf,
    Path,
    Pick,
    Rest,
    Sign,
    Sole,
    Sum,
    Text,
    Time,
    TimeFormat,
    Upper,
    When,
    Whole,
)
from codegen.language.parts import children
from codegen.mapping.certainty import KINDS
from codegen.mapping.plan import FOUND, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


class Type(enum.Enum):
    """A type of value inside the mapping language, with its name as a finding has it."""

    TEXT = "a text"
    WHOLE = "a whole number"
    NUMBER = "a number"
    TRUTH = "true or false"
    OBJECT = "an object"
    LIST = "a list"
    INSTANT = "a time"
    TEXTS = "a map of texts"


Types = frozenset[Type]


@dataclass(frozen=True, slots=True)
class Function:
    """A function by its key in a mapping: the types that its operand may have and those of its result.

    `takes` is None where the operand may have any type that fits around it, `gives` where the result has its type.
    """

    key: str
    takes: Types | None
    gives: Types | None


def _function(key: str, takes: tuple[Type, ...] | None, gives: Type | None) -> Function:
    return Function(key, None if takes is None else frozenset(takes), None if gives is None else frozenset({gives}))


FUNCTIONS: Mapping[type[Expression], Function] = {
    Path: _function("path", None, None),
    Const: _function("const", None, None),
    Null: _function("const", None, None),
    Envelope: _function("envelope", None, None),
    Lookup: _function("lookup", (Type.TEXT,), None),
    Time: _function("time", None, Type.INSTANT),
    Coalesce: _function("coalesce", None, None),
    Concat: _function("concat", (Type.TEXT,), Type.TEXT),
    Upper: _function("upper", (Type.TEXT,), Type.TEXT),
    Lower: _function("lower", (Type.TEXT,), Type.TEXT),
    NullIf: _function("null_if", None, None),
    Exponent: _function("exponent", (Type.TEXT,), Type.WHOLE),
    Money: _function("money", (Type.WHOLE,), Type.WHOLE),
    Decimal: _function("decimal", (Type.TEXT, Type.NUMBER, Type.WHOLE), Type.WHOLE),
    Text: _function("text", (Type.TEXT, Type.WHOLE), Type.TEXT),
    Whole: _function("whole", (Type.TEXT, Type.WHOLE), Type.WHOLE),
    When: _function("when", None, None),
    Sole: _function("sole", None, None),
    Sum: _function("sum", (Type.WHOLE,), Type.WHOLE),
    Pick: _function("pick", None, None),
    After: _function("after", (Type.TEXT,), Type.TEXT),
    Difference: _function("difference", (Type.WHOLE,), Type.WHOLE),
    Sign: _function("sign", (Type.NUMBER, Type.WHOLE), Type.TEXT),
    Rest: _function("rest", (Type.OBJECT,), Type.TEXTS),
}
"""Every function of the language; what `time` takes depends on its format and is in `TIMES`.

What a constant, a table and the gateway give depends on their values: `_given` tells.
"""

TIMES: Mapping[TimeFormat, Type] = {
    TimeFormat.EPOCH_SECONDS: Type.WHOLE,
    TimeFormat.EPOCH_MILLISECONDS: Type.WHOLE,
    TimeFormat.ISO8601: Type.TEXT,
    TimeFormat.ISO8601_UTC: Type.TEXT,
}

FIELDS: Mapping[Kind, Types] = {
    Kind.TEXT: frozenset({Type.TEXT}),
    Kind.WHOLE: frozenset({Type.WHOLE}),
    Kind.NUMBER: frozenset({Type.NUMBER, Type.WHOLE}),
    Kind.TRUTH: frozenset({Type.TRUTH}),
    Kind.TIME: frozenset({Type.INSTANT}),
    Kind.TEXTS: frozenset({Type.TEXTS}),
}
"""What a field of the record takes."""

GIVEN: Mapping[Kind, Types] = {**FIELDS, Kind.NUMBER: frozenset({Type.NUMBER})}
"""What a value of a kind is."""

_CONDITION = frozenset({Type.TEXT, Type.TRUTH, Type.WHOLE, Type.NUMBER})
_JSON: Mapping[str, Types] = {
    "string": frozenset({Type.TEXT}),
    "integer": frozenset({Type.WHOLE}),
    "number": frozenset({Type.WHOLE, Type.NUMBER}),
    "boolean": frozenset({Type.TRUTH}),
    "object": frozenset({Type.OBJECT}),
    "array": frozenset({Type.LIST}),
}


def of_json(names: frozenset[str]) -> Types:
    """Return the types of values that JSON Schema gives these types; null is none of them."""
    return frozenset(each for name in names if name in _JSON for each in _JSON[name])


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A value that does not fit: who takes it, what it may be, what is taken; `expression` gives the value."""

    expression: Expression
    given: Types
    taker: str
    taken: Types


def mismatches(  # noqa: C901, PLR0912 - one case for each way to take an operand
    expression: Expression, taker: str, taken: Types, declared: Callable[[Path], Types]
) -> Iterator[Mismatch]:
    """Yield each value inside an expression that what is around it cannot take; `declared` types the paths.

    Where several types are declared, each has to fit: a provider sends what its contract says that it may.
    """
    function = FUNCTIONS[type(expression)]
    given = _given(expression, function, declared)
    if given is not None and not given <= taken:
        yield Mismatch(expression, given, taker, taken)
    around = taken if function.takes is None and function.gives is None else _needed(expression, function)
    named = taker if function.takes is None and not isinstance(expression, Time) else f"`{function.key}`"
    match expression:
        case Coalesce(of):
            for number, each in enumerate(of):
                yield from mismatches(each, taker, taken, _without(declared, of[:number]))
        case When(path, values, then, otherwise):
            # Whether a value is there can be asked of any.
            if any(each is not None for each in values):
                yield from mismatches(path, "`when`", _CONDITION, declared)
            yield from mismatches(then, taker, taken, declared)
            yield from mismatches(otherwise, taker, taken, declared)
        case Lookup(of, _, otherwise):
            yield from mismatches(of, named, around, declared)
            if otherwise is not None:
                yield from mismatches(otherwise, taker, taken, declared)
        case Money(of, currency, _):
            yield from mismatches(of, named, around, declared)
            yield from mismatches(currency, "`money`, as the currency,", frozenset({Type.TEXT}), declared)
        case Decimal(of, currency):
            yield from mismatches(of, named, around, declared)
            yield from mismatches(currency, "`decimal`, as the currency,", frozenset({Type.TEXT}), declared)
        case Sum(items, of):
            yield from mismatches(items, "`sum`, as the list,", frozenset({Type.LIST}), declared)
            yield from mismatches(of, named, around, declared)
            yield from _deciding(expression, declared)
        case Pick(items, of):
            yield from mismatches(items, "`pick`, as the list,", frozenset({Type.LIST}), declared)
            yield from mismatches(of, taker, taken, declared)
            yield from _deciding(expression, declared)
        case Sole(of):
            yield from mismatches(expression.items, "`sole`", frozenset({Type.LIST}), declared)
            yield from mismatches(of, taker, taken, declared)
        case Concat(of) | Difference(of):
            for each in of:
                yield from mismatches(each, named, around, declared)
        case Time(of) | NullIf(of) | Upper(of) | Lower(of) | Exponent(of) | Text(of) | Whole(of) | Sign(of) | After(of):
            yield from mismatches(of, named, around, declared)
        case Rest(root):
            yield from mismatches(root, named, around, declared)
        case Path() | Const() | Null() | Envelope():
            pass
        case _:
            assert_never(expression)


def _deciding(expression: Sum | Pick, declared: Callable[[Path], Types]) -> Iterator[Mismatch]:
    for path in children(expression)[1:]:
        yield from mismatches(path, "`where`", _CONDITION, declared)


def _given(expression: Expression, function: Function, declared: Callable[[Path], Types]) -> Types | None:
    """Return the types of what an expression gives by itself; None where they are those of its operands."""
    match expression:
        case Path():
            return declared(expression)
        case Const(value):
            return GIVEN[KINDS[type(value)]]
        case Lookup(_, table):
            return frozenset(each for value in table.values() for each in GIVEN[KINDS[type(value)]])
        case Envelope(name):
            return GIVEN[FOUND[name]]
        case _:
            return function.gives


def _needed(expression: Expression, function: Function) -> Types:
    if isinstance(expression, Time):
        return frozenset({TIMES[expression.format]})
    return function.takes or frozenset()


def _without(declared: Callable[[Path], Types], before: tuple[Expression, ...]) -> Callable[[Path], Types]:
    """Return the types at a path where the alternatives before it gave null: what they read inside it is not there."""
    inside = {each.steps[:length] for each in before if isinstance(each, Path) for length in range(1, len(each.steps))}
    containers = frozenset({Type.OBJECT, Type.LIST})
    return lambda path: declared(path) - containers if path.steps in inside else declared(path)


def worded(types: Types) -> str:
    """Return types in words, in the order in which they are listed above."""
    shown = types - {Type.WHOLE} if Type.NUMBER in types else types
    return " or ".join(each.value for each in Type if each in shown)
