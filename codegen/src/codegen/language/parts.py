"""What expressions consist of: those inside them, the paths that they read, and where their values come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

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
    Upper,
    When,
    Whole,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.language.model import Step, Value


def children(expression: Expression) -> tuple[Expression, ...]:  # noqa: PLR0911 - one return for each shape
    """Return the expressions that stand directly inside one."""
    match expression:
        case Path() | Const() | Null() | Envelope() | Rest():
            return ()
        case Coalesce(of) | Concat(of) | Difference(of):
            return of
        case Lookup(of, _, otherwise):
            return (of,) if otherwise is None else (of, otherwise)
        case Sum(_, of, where) | Pick(_, of, where):
            deciding = () if where is None else (where.path,) if where.same_as is None else (where.path, where.same_as)
            return (of, *deciding)
        case When(path, _, then, otherwise):
            return (path, then, otherwise)
        case Money(of, currency, _) | Decimal(of, currency):
            return (of, currency)
        case Time(of, _) | NullIf(of, _) | Upper(of) | Lower(of) | Exponent(of) | Text(of) | Whole(of):
            return (of,)
        case Sole(of) | Sign(of) | After(of):
            return (of,)
    assert_never(expression)


def inside(expression: Expression) -> Iterator[Expression]:
    """Yield an expression and all that stand inside it."""
    yield expression
    for child in children(expression):
        yield from inside(child)


def paths(expression: Expression) -> Iterator[Path]:
    """Yield every path that an expression reads, `rest` apart."""
    if isinstance(expression, Path):
        yield expression
    for child in children(expression):
        yield from paths(child)


def bound(expression: Expression) -> Iterator[Path]:
    """Yield every path that an expression reads from the payload's root; what it reads inside elements is not."""
    match expression:
        case Path():
            yield expression
        case Sum(items, _, where) | Pick(items, _, where):
            yield items
            if where is not None and where.same_as is not None:
                yield where.same_as
        case _:
            for child in children(expression):
                yield from bound(child)


def taken(expression: Expression) -> Iterator[Path]:
    """Yield every path whose value an expression hands on; what only decides between two values is none of them."""
    match expression:
        case Path():
            yield expression
        case When(_, _, then, otherwise):
            yield from taken(then)
            yield from taken(otherwise)
        case Sum(_, of) | Pick(_, of):
            yield of
        case _:
            for child in children(expression):
                yield from taken(child)


def origin(expression: Expression) -> str:  # noqa: C901, PLR0911, PLR0912 - one return for each
    """Return in words where an expression's value comes from, as it stands in a rejection."""
    match expression:
        case Path():
            return str(expression)
        case Const(value):
            return f"the constant {said(value)}"
        case Null():
            return "null"
        case Envelope(name):
            return f"the envelope's {name}"
        case Rest(root):
            return f"the rest of {root}"
        case Coalesce(of):
            return "the first present of " + ", ".join(origin(each).removesuffix(",") for each in of)
        case Concat(of):
            return " with ".join(origin(each) for each in of)
        case When(path, _, then, otherwise):
            either = (origin(each).removesuffix(",") for each in (then, otherwise))
            return f"{' or '.join(either)}, as {path} says,"
        case Lookup(of) | Time(of) | NullIf(of) | Upper(of) | Lower(of) | Exponent(of) | Money(of) | Decimal(of):
            return origin(of)
        case Text(of) | Whole(of) | Sign(of):
            return origin(of)
        case Sole():
            return f"the only element of {expression.items}"
        case Sum(items):
            return f"the sum of {items}[].{Path(expression.inner)}"
        case Pick(items, _, where):
            return f"{items}[].{Path(expression.inner)}{'' if where is None else _which(where, expression.deciding)}"
        case After(of, text):
            return f"what follows {text} in {origin(of)}"
        case Difference(of):
            return " less ".join(origin(each) for each in of)
    assert_never(expression)


def _which(where: Condition, deciding: tuple[Step, ...]) -> str:
    one = " or ".join(map(said, where.values)) if where.same_as is None else f"that of {where.same_as}"
    return f" where {Path(deciding)} is {one}"


def said(value: Value | None) -> str:
    """Return a value of a mapping as its file has it."""
    match value:
        case bool():
            return "true" if value else "false"
        case None:
            return "null"
    return str(value)
