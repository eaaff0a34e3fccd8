"""Reasons in sentences: what is absent, and what a value is not; never a value of the payload itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.language.model import (
    Concat,
    Decimal,
    Difference,
    Envelope,
    Expression,
    Money,
    Path,
    Pick,
    Sole,
    Sum,
    When,
)
from codegen.language.parts import children, origin, said

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from codegen.language.model import Value

_SHOWN = 6
_NAMED = 3


def absence(expression: Expression) -> str:
    """Return what has to be there for an expression to have a value, and is not."""
    places = tuple(dict.fromkeys(_places(expression)))
    if not places:
        return f"{origin(expression)} is absent"
    if len(places) == 1:
        return f"{places[0]} is absent"
    if isinstance(expression, Concat):
        return f"one of {_some(places, 'and')} is absent"
    return f"none of {_some(places, 'and')} is there"


def place(expression: Expression) -> str:
    """Return where a value is that something is wrong with: the places that it may come from, not how one is chosen."""
    places = tuple(dict.fromkeys(_places(expression)))
    if not places:
        return origin(expression)
    return " with ".join(places) if isinstance(expression, Concat) else _some(places, "or", _NAMED)


def unlisted(values: Iterable[Value]) -> str:
    """Return what a value is not: one of those that are listed, of which the first few are named."""
    return f"is none of {_some([said(each) for each in values], 'and')}"


def _places(expression: Expression) -> Iterator[str]:
    """Yield each place that a value may come from; what only decides between two is none of them."""
    match expression:
        case Path():
            yield str(expression)
        case Envelope() | Sum() | Pick() | Sole():
            yield origin(expression)
        case Difference((Path(), Path())):
            yield origin(expression)
        case Money(of) | Decimal(of):
            # The currency decides only in which unit the amount is.
            yield from _places(of)
        case When(_, _, then, otherwise):
            yield from _places(then)
            yield from _places(otherwise)
        case _:
            for child in children(expression):
                yield from _places(child)


def _some(texts: Iterable[str], last: str, most: int = _SHOWN) -> str:
    listed = list(texts)
    if len(listed) > most:
        return f"{', '.join(listed[:most])} {last} {len(listed) - most} more"
    return f" {last} ".join((", ".join(listed[:-1]), listed[-1])) if len(listed) > 1 else listed[0]
