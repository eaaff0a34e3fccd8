"""What the interpreter of mappings does with single values: the oracle of the generated `normalize/values.py`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Any, assert_never

from codegen.language.model import Leaf, LeafKind, TimeFormat
from codegen.mapping.plan import AMOUNT_INDIVISIBLE, TIME_INVALID, TYPE_INVALID, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from codegen.language.model import Expression

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LENGTH_OF_A_DAY = len("2026-01-31")


class RefusedError(Exception):
    """An expression has no value; carries the code, what is wrong, and with which part of the field's expression."""

    def __init__(self, code: str, what: str, of: Expression | None = None) -> None:
        super().__init__(what)
        self.code = code
        self.what = what
        self.of = of


def entries(leaf: Leaf, value: Any, more: frozenset[str]) -> list[tuple[str, Any]]:
    """Return what a leaf puts into the rest, by key: nothing where the value has another form.

    Of a map of free keys, those that the contract allows, and `more` that the merchant may have.
    """
    match leaf.kind:
        case LeafKind.SCALAR:
            fits = _is_scalar(value)
        case LeafKind.SCALARS:
            fits = isinstance(value, list) and all(_is_scalar(each) or each is None for each in value)
        case LeafKind.MAP:
            allowed = leaf.allowed | more
            members = value.items() if isinstance(value, dict) else ()
            return [(f"{leaf.key}.{key}", each) for key, each in members if _is_scalar(each) and key in allowed]
    return [(leaf.key, value)] if fits else []


def _is_scalar(value: Any) -> bool:
    return isinstance(value, str | int | float)


def in_ascii(text: str | None, change: Callable[[str], str]) -> str | None:
    """Return a text with its ASCII letters changed; one with any other character stays as it is."""
    return change(text) if text is not None and text.isascii() else text


def following(text: str | None, marker: str) -> str | None:
    """Return what follows a marker's first place in a text, up to the next `/`, `?` or `#`; None where nothing does."""
    if text is None or marker not in text:
        return None
    rest = text[text.index(marker) + len(marker) :]
    return rest[: min((rest.index(end) for end in "/?#" if end in rest), default=len(rest))] or None


def millis(value: Any, form: TimeFormat) -> int | None:
    """Return an instant in milliseconds since 1970; RefusedError where the value is none."""
    if value is None:
        return None
    match form:
        case TimeFormat.EPOCH_SECONDS:
            if isinstance(value, int) and not isinstance(value, bool):
                return value * 1000
        case TimeFormat.EPOCH_MILLISECONDS:
            if isinstance(value, int) and not isinstance(value, bool):
                return value
        case TimeFormat.ISO8601 | TimeFormat.ISO8601_UTC:
            try:
                instant = datetime.fromisoformat(value)
                if instant.tzinfo is None and form is TimeFormat.ISO8601_UTC and len(value) > _LENGTH_OF_A_DAY:
                    instant = instant.replace(tzinfo=UTC)
                if instant.tzinfo is not None:
                    return (instant - EPOCH) // timedelta(milliseconds=1)
            except (TypeError, ValueError, OverflowError):
                pass
    raise RefusedError(TIME_INVALID, "cannot be read as a time")


def rescaled(amount: Any, currency: Any, own: Mapping[str, int], iso: Mapping[str, int]) -> Any:
    """Return an amount in the minor unit of ISO 4217, of a provider with exponents of its own; RefusedError if none."""
    if amount is None:
        return None
    if not fits(amount, Kind.WHOLE):
        raise RefusedError(TYPE_INVALID, f"must be {Kind.WHOLE.value}")
    code = in_ascii(currency, str.upper) if isinstance(currency, str) else None
    if code is None or code not in own:
        return amount
    return _whole(amount * Fraction(10) ** (iso[code] - own[code]))


def minor_units(amount: Any, currency: Any, iso: Mapping[str, int]) -> int | None:
    """Return an amount of major units in the minor unit of ISO 4217; RefusedError where it is none."""
    if amount is None:
        return None
    text = amount if isinstance(amount, str) else repr(amount) if fits(amount, Kind.NUMBER) else ""
    if not re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]{1,9})?", text):
        raise RefusedError(TYPE_INVALID, "must be a decimal number")
    code = in_ascii(currency, str.upper) if isinstance(currency, str) else None
    return _whole(Fraction(text) * 10 ** iso.get(code or "", len(text.partition(".")[2])))


def _whole(amount: Fraction) -> int:
    if amount.denominator != 1:
        raise RefusedError(AMOUNT_INDIVISIBLE, "is not a whole number of the currency's minor unit")
    return amount.numerator


def fits(value: Any, kind: Kind) -> bool:
    """Return whether a value is of a kind; to JSON, unlike to Python, a boolean is no number."""
    match kind:
        case Kind.TEXT:
            return isinstance(value, str)
        case Kind.WHOLE | Kind.TIME:
            return isinstance(value, int) and not isinstance(value, bool)
        case Kind.NUMBER:
            return isinstance(value, int | float) and not isinstance(value, bool)
        case Kind.TRUTH:
            return isinstance(value, bool)
        case Kind.TEXTS:
            return isinstance(value, dict)
    assert_never(kind)
