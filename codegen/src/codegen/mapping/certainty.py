"""What is certain of an expression before there is any payload: what it may give, and whether it may be refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    Sign,
    Sum,
    Time,
    Upper,
    When,
)
from codegen.language.parts import children
from codegen.mapping.plan import FOUND, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codegen.language.model import Value

KINDS: Mapping[type[Value], Kind] = {str: Kind.TEXT, int: Kind.WHOLE, bool: Kind.TRUTH}
"""The kinds of values that a mapping itself gives."""


def may_refuse(expression: Expression) -> bool:
    """Return whether an expression may be refused before its field looks at the value."""
    return isinstance(
        expression, Lookup | Time | Concat | Upper | Lower | Money | Decimal | Sum | Difference | Sign | After
    ) or any(may_refuse(child) for child in children(expression))


def is_surely(expression: Expression, kind: Kind) -> bool:  # noqa: PLR0911 - one return for each kind of value
    """Return whether an expression's value, where it has one, is of a kind without being looked at."""
    match expression:
        case Null():
            return True
        case Const(value):
            return kind is KINDS[type(value)]
        case Envelope(name):
            return kind is FOUND[name]
        case Upper() | Lower() | Concat() | Sign() | After():
            return kind is Kind.TEXT
        case Lookup(_, table, otherwise):
            listed = all(kind is KINDS[type(value)] for value in table.values())
            return listed and (otherwise is None or is_surely(otherwise, kind))
        case Coalesce(of):
            return all(is_surely(each, kind) for each in of)
        case When(_, _, then, otherwise):
            return is_surely(then, kind) and is_surely(otherwise, kind)
        case Time():
            return kind is Kind.TIME
        case Exponent() | Money() | Decimal() | Sum() | Difference():
            return kind is Kind.WHOLE
        case _:
            return False
