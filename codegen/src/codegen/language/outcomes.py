"""What an expression can give, as far as the mapping alone tells."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from codegen.language.model import Coalesce, Const, Envelope, Expression, Lookup, Null, Sign, When

if TYPE_CHECKING:
    from collections.abc import Iterable

    from codegen.language.model import Value


def outputs(expression: Expression) -> frozenset[Value] | None:  # noqa: PLR0911 - one return for each
    """Return all that an expression can give beside null, or None where a payload decides."""
    match expression:
        case Const(value):
            return frozenset({value})
        case Sign(_, negative, otherwise):
            return frozenset({negative, otherwise})
        case Coalesce(of):
            return reduce(_both, map(outputs, of))
        case Null():
            return frozenset()
        case Lookup(_, table, otherwise):
            return _both(frozenset(table.values()), outputs(otherwise) if otherwise else frozenset())
        case When(_, _, then, otherwise):
            return _both(outputs(then), outputs(otherwise))
        case _:
            return None


def _both(one: frozenset[Value] | None, other: frozenset[Value] | None) -> frozenset[Value] | None:
    return None if one is None or other is None else one | other


def by_event_type(expression: Expression, event_type: Expression, events: Iterable[str]) -> dict[str, Value] | None:
    """Return a value by event type where nothing else decides it; None where something does."""
    match expression:
        case Lookup(of, table, _) if of in {event_type, Envelope("event_type")} and table.keys() >= set(events):
            return {each: table[each] for each in events}
        case _:
            return None
