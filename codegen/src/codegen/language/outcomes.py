"""What an expression can give, as far as the mapping alone tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.language.model import Const, Envelope, Expression, Lookup, Null, When

if TYPE_CHECKING:
    from collections.abc import Iterable


def outputs(expression: Expression) -> frozenset[str] | None:
    """Return all texts that an expression can give, or None where a payload decides."""
    match expression:
        case Const(value):
            return frozenset({value})
        case Null():
            return frozenset()
        case Lookup(_, table, otherwise):
            return _both(frozenset(table.values()), outputs(otherwise) if otherwise else frozenset())
        case When(_, _, then, otherwise):
            return _both(outputs(then), outputs(otherwise))
        case _:
            return None


def _both(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    return None if one is None or other is None else one | other


def by_event_type(expression: Expression, event_type: Expression, events: Iterable[str]) -> dict[str, str] | None:
    """Return a value by event type where nothing else decides it; None where something does."""
    match expression:
        case Lookup(of, table, _) if of in {event_type, Envelope("event_type")} and table.keys() >= set(events):
            return {each: table[each] for each in events}
        case _:
            return None
