"""The mapping language as a plain interpreter: slow, short, and the oracle of what is compiled."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Any, assert_never

import orjson

from codegen.build import at
from codegen.language.model import (
    Coalesce,
    Concat,
    Const,
    Decimal,
    Envelope,
    Exponent,
    Expression,
    Leaf,
    LeafKind,
    Lookup,
    Lower,
    Money,
    Null,
    NullIf,
    Path,
    Rest,
    Text,
    Time,
    TimeFormat,
    Upper,
    When,
    Whole,
    origin,
)
from codegen.mapping.plan import (
    AMOUNT_INDIVISIBLE,
    MISSING,
    TIME_INVALID,
    TYPE_INVALID,
    UNREADABLE,
    VALUE_UNKNOWN,
    GroupPlan,
    Kind,
    Plan,
    Refusal,
    Target,
    wording,
)
from codegen.model import Maximum, Minimum, Pattern, Reference, Rule, TimeRange

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Normalized:
    """The unified event."""

    event: dict[str, object]


@dataclass(frozen=True, slots=True)
class Rejected:
    """Every reason for which there is no unified event."""

    refusals: tuple[Refusal, ...]
    event_type: str | None


@dataclass(frozen=True, slots=True)
class Unsupported:
    """The mapping does not cover the event's type."""

    event_type: str


Outcome = Normalized | Rejected | Unsupported


class _RefusedError(Exception):
    """An expression has no value; carries the code and what is wrong."""

    def __init__(self, code: str, what: str) -> None:
        super().__init__(what)
        self.code = code
        self.what = what


def evaluate(plan: Plan, body: bytes, merchant_id: str, event_id: str = "", event_type: str = "") -> Outcome:
    """Return what becomes of a body; never raises because of what is in it.

    Merchant, id and type of the event are what the gateway found.
    """
    envelope = {"merchant_id": merchant_id, "event_id": event_id, "event_type": event_type}
    return _evaluated(plan, body, envelope)


def _evaluated(plan: Plan, body: bytes, envelope: dict[str, str]) -> Outcome:
    try:
        root = orjson.loads(body)
    except orjson.JSONDecodeError:
        return Rejected((Refusal(UNREADABLE, "", "the payload is not JSON in UTF-8"),), None)
    if not isinstance(root, dict):
        return Rejected((Refusal(UNREADABLE, "", "the payload is not a JSON object"),), None)
    event_type = _Evaluation(plan, root, envelope).value(plan.event_type)
    named = origin(plan.event_type)
    if event_type is None:
        return Rejected((Refusal(MISSING, "event_type", f"{named} is absent or null"),), None)
    if not isinstance(event_type, str):
        return Rejected((Refusal(TYPE_INVALID, "event_type", f"{named} must be text"),), None)
    for group in plan.groups:
        if event_type in group.events:
            return _Evaluation(plan, root, {**envelope, "event_type": event_type}).group(group, event_type)
    return Unsupported(event_type)


class _Evaluation:
    """One evaluation: the payload and what the gateway handed on with it."""

    def __init__(self, plan: Plan, root: dict[str, Any], envelope: dict[str, str]) -> None:
        self._plan = plan
        self._root = root
        self._envelope = envelope

    def group(self, group: GroupPlan, event_type: str) -> Outcome:
        event: dict[str, object] = {}
        refusals: list[Refusal] = []
        for target in group.targets:
            try:
                event[target.name] = self._checked(target, refusals)
            except _RefusedError as refused:
                refusals.append(target.refusal(refused.code, refused.what))
        return Rejected(tuple(refusals), event_type) if refusals else Normalized(event)

    def value(self, expression: Expression) -> Any:  # noqa: C901, PLR0911, PLR0912 - one return for each
        match expression:
            case Path():
                return self._nullified(at(self._root, expression))
            case Const(value):
                return value
            case Null():
                return None
            case Envelope(name):
                return self._nullified(self._envelope[name])
            case Coalesce(of):
                return next((value for each in of if (value := self.value(each)) is not None), None)
            case Concat(of):
                parts: list[str] = []
                for each in of:
                    part = self._text(each)
                    if part is None:
                        return None
                    parts.append(part)
                return "".join(parts)
            case Upper(of):
                return _ascii(self._text(of), str.upper)
            case Lower(of):
                return _ascii(self._text(of), str.lower)
            case NullIf(of, values):
                value = self.value(of)
                return None if type(value) in {str, int} and value in values else value
            case Exponent(of):
                code = self.value(of)
                return self._plan.exponents.get(code.upper()) if isinstance(code, str) and code.isascii() else None
            case Lookup(of, table, otherwise):
                text = self._text(of)
                if text is None or text in table:
                    return None if text is None else table[text]
                if otherwise is None:
                    raise _RefusedError(VALUE_UNKNOWN, "is not a value that the mapping lists")
                return self.value(otherwise)
            case Money(of, currency, exponents):
                return self._iso_minor_units(self.value(of), self.value(currency), exponents)
            case Decimal(of, currency):
                return self._minor_units(self.value(of), self.value(currency))
            case Text(of):
                value = self.value(of)
                return str(value) if _fits(value, Kind.WHOLE) else value
            case Whole(of):
                value = self.value(of)
                written = isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value)
                return int(value) if written else value
            case When(path, values, then, otherwise):
                value = self.value(path)
                listed = any(type(value) is type(each) and value == each for each in values)
                return self.value(then if listed else otherwise)
            case Time(of, form):
                return _millis(self.value(of), form)
            case Rest():
                raise AssertionError("the rest is a whole field, not a part of one")
        assert_never(expression)

    def _iso_minor_units(self, amount: Any, currency: Any, exponents: Mapping[str, int]) -> Any:
        if amount is None:
            return None
        if not _fits(amount, Kind.WHOLE):
            raise _RefusedError(TYPE_INVALID, f"must be {Kind.WHOLE.value}")
        code = _ascii(currency, str.upper) if isinstance(currency, str) else None
        if code is None or code not in exponents:
            return amount
        exact = amount * Fraction(10) ** (self._plan.exponents[code] - exponents[code])
        if exact.denominator != 1:
            raise _RefusedError(AMOUNT_INDIVISIBLE, "is not a whole number of the currency's minor unit")
        return exact.numerator

    def _minor_units(self, amount: Any, currency: Any) -> int | None:
        if amount is None:
            return None
        text = amount if isinstance(amount, str) else repr(amount) if _fits(amount, Kind.NUMBER) else ""
        if not re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]{1,9})?", text):
            raise _RefusedError(TYPE_INVALID, "must be a decimal number")
        code = _ascii(currency, str.upper) if isinstance(currency, str) else None
        digits = self._plan.exponents.get(code or "", len(text.partition(".")[2]))
        exact = Fraction(text) * 10**digits
        if exact.denominator != 1:
            raise _RefusedError(AMOUNT_INDIVISIBLE, "is not a whole number of the currency's minor unit")
        return int(exact)

    def _nullified(self, value: Any) -> Any:
        return None if isinstance(value, str) and value in self._plan.null_values else value

    def _text(self, expression: Expression) -> str | None:
        value = self.value(expression)
        if value is None or isinstance(value, str):
            return value
        raise _RefusedError(TYPE_INVALID, "must be text")

    def _checked(self, target: Target, refusals: list[Refusal]) -> object:
        is_rest = isinstance(target.expression, Rest)
        value: Any = self._rest(target.rest) if is_rest else self.value(target.expression)
        if value is None:
            if target.required:
                raise _RefusedError(MISSING, "is absent or null")
            return None
        if not _fits(value, target.kind):
            raise _RefusedError(TYPE_INVALID, f"must be {target.kind.value}")
        if target.allowed and value not in target.allowed:
            raise _RefusedError(VALUE_UNKNOWN, "is not a value that the contract lists")
        broken = [rule for rule in target.rules if not self._holds(rule, value)]
        refusals += [target.refusal(rule.code, wording(rule)) for rule in broken]
        if target.kind is Kind.TIME:
            return None if broken else _EPOCH + timedelta(milliseconds=value)
        return float(value) if target.kind is Kind.NUMBER else value

    def _holds(self, rule: Rule, value: Any) -> bool:
        match rule:
            case Minimum(least, _):
                return bool(value >= least)
            case Maximum(most, _):
                return bool(value <= most)
            case Pattern(form, _):
                return re.fullmatch(form, value) is not None
            case Reference(name, _):
                return value in self._plan.references[name]
            case TimeRange(earliest, latest, _, _):
                return bool(earliest <= value <= latest)
        assert_never(rule)

    def _rest(self, leaves: tuple[Leaf, ...]) -> dict[str, str]:
        kept: dict[str, str] = {}
        for leaf in leaves:
            for key, value in _entries(leaf, at(self._root, leaf.path)):
                text = value if isinstance(value, str) else _json(value)
                if text not in self._plan.null_values:
                    kept[key] = text
        return kept


def _entries(leaf: Leaf, value: Any) -> list[tuple[str, Any]]:
    match leaf.kind:
        case LeafKind.SCALAR:
            fits = _is_scalar(value)
        case LeafKind.SCALARS:
            fits = isinstance(value, list) and all(_is_scalar(each) or each is None for each in value)
        case LeafKind.OPAQUE:
            fits = value is not None
        case LeafKind.MAP:
            members = value.items() if isinstance(value, dict) else ()
            return [(f"{leaf.key}.{key}", each) for key, each in members if _is_scalar(each)]
    return [(leaf.key, value)] if fits else []


def _is_scalar(value: Any) -> bool:
    return isinstance(value, str | int | float)


def _json(value: Any) -> str:
    try:
        return orjson.dumps(value).decode()
    except TypeError as error:
        raise _RefusedError(TYPE_INVALID, "is nested too deeply") from error


def _ascii(text: str | None, change: Callable[[str], str]) -> str | None:
    return change(text) if text is not None and text.isascii() else text


def _millis(value: Any, form: TimeFormat) -> int | None:
    if value is None:
        return None
    match form:
        case TimeFormat.EPOCH_SECONDS:
            if isinstance(value, int) and not isinstance(value, bool):
                return value * 1000
        case TimeFormat.EPOCH_MILLISECONDS:
            if isinstance(value, int) and not isinstance(value, bool):
                return value
        case TimeFormat.ISO8601:
            try:
                instant = datetime.fromisoformat(value)
                if instant.tzinfo is not None:
                    return (instant - _EPOCH) // timedelta(milliseconds=1)
            except (TypeError, ValueError, OverflowError):
                pass
    raise _RefusedError(TIME_INVALID, "cannot be read as a time")


def _fits(value: Any, kind: Kind) -> bool:
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
