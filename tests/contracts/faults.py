"""Faults of single fields, made from a mapping: bodies in which one value is wrong, and the code that each is due."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
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
    NullIf,
    Path,
    Pick,
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
from codegen.language.parts import inside, taken
from codegen.mapping.plan import TIME_INVALID, TYPE_INVALID, VALUE_UNKNOWN, Kind, Target
from codegen.rules import MaxCharacters, Maximum, Minimum, Pattern, Reference, Rule, TimeRange

from tests.contracts.equivalence import put

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.mapping.plan import Plan

UNLISTED = "listed nowhere"
BEFORE_ALL = {TimeFormat.EPOCH_SECONDS: 1, TimeFormat.EPOCH_MILLISECONDS: 1}
ODD_VALUES: tuple[Any, ...] = (
    None,
    "null",
    "text",
    "x" * 300,
    "x" * 2000,
    7,
    -1,
    10**13,
    150,
    1.5,
    True,
    [],
    {},
    "\u00e9",
    "0.001",
)


@dataclass(frozen=True)
class Way:
    """How a value gets into a field: what has to stand elsewhere in the body, the path, and what it passes through."""

    settings: tuple[tuple[Path, Any], ...]
    path: Path
    through: tuple[Expression, ...]

    def body(self, of: bytes, value: object) -> dict[str, Any]:
        """Return a body in which `value` stands at the path, and is what the field takes."""
        body: dict[str, Any] = orjson.loads(of)
        for place, content in (*self.settings, (self.path, value)):
            put(body, place.steps, content)
        return body

    @property
    def currencies(self) -> tuple[tuple[Path, str], ...]:
        """Return where the currency of an amount stands, with codes whose minor units are not alike."""
        return tuple(
            (each.currency, code)
            for each in self.through
            if isinstance(each, Money | Decimal)
            for code in ("JPY", *(each.exponents if isinstance(each, Money) else ()))
        )

    @property
    def time(self) -> Time | None:
        return next((each for each in self.through if isinstance(each, Time)), None)

    @property
    def lookup(self) -> Lookup | None:
        return next((each for each in self.through if isinstance(each, Lookup)), None)

    @property
    def decimal(self) -> Decimal | None:
        return next((each for each in self.through if isinstance(each, Decimal)), None)


@dataclass(frozen=True)
class Fault:
    """A value that is wrong for its field, and the reason code that it has to get."""

    value: object
    code: str


def ways(  # noqa: C901, PLR0912 - one case for each shape
    expression: Expression, event_type: Path | None, named: str
) -> Iterator[Way]:
    """Yield every way to a value of an expression, of events of the type that `event_type` holds: `named`."""
    match expression:
        case Path():
            yield Way((), expression, ())
        case Sole(of):
            yield Way(((expression.items, [{}]),), of, (expression,))
        case Pick(_, of, Condition(path, (wanted, *_))):
            yield Way(((path, wanted),), of, (expression,))
        case Coalesce(of):
            before: tuple[tuple[Path, Any], ...] = ()
            for each in of:
                for way in ways(each, event_type, named):
                    yield Way((*before, *way.settings), way.path, way.through)
                before += tuple((path, None) for path in taken(each))
                # An element that counts may be any of the list.
                before += tuple((part.items, None) for part in inside(each) if isinstance(part, Pick))
        case When(path, values, then, otherwise):
            yield Way((), path, (expression,))
            listed = next(iter(values))
            choices = [(then, listed), (otherwise, UNLISTED if None in values else None)]
            if path == event_type:
                choices = [(then if named in values else otherwise, named)]
            for branch, value in choices:
                for way in ways(branch, event_type, named):
                    yield Way(((path, value), *way.settings), way.path, way.through)
        case Lookup(of, _, otherwise):
            for way in ways(of, event_type, named):
                yield Way(way.settings, way.path, (*way.through, expression))
                if otherwise is not None:
                    for more in ways(otherwise, event_type, named):
                        yield Way((*way.settings, (way.path, UNLISTED), *more.settings), more.path, more.through)
        case Difference(of) | Concat(of):
            for each in of:
                for way in ways(each, event_type, named):
                    yield Way(way.settings, way.path, (*way.through, expression))
        case Money(of, currency, _):
            # Of a currency whose minor unit the provider and ISO 4217 agree on, so that a bound is the same in both.
            for way in ways(of, event_type, named):
                yield Way((*way.settings, (currency, "USD")), way.path, (*way.through, expression))
        case (
            Decimal(of, _) | Time(of, _) | NullIf(of, _) | Upper(of) | Lower(of) | Exponent(of)
            | Text(of) | Whole(of) | Sign(of) | After(of)
        ):  # fmt: skip
            for way in ways(of, event_type, named):
                yield Way(way.settings, way.path, (*way.through, expression))
        case _:
            return


def faults(target: Target, way: Way) -> Iterator[Fault]:
    """Yield what is wrong for a field at the end of a way."""
    if way.path in {path for path, _ in way.settings}:
        return
    if any(isinstance(each, Exponent | Sign | When) for each in way.through):
        return
    yield Fault([], TIME_INVALID if way.time is not None else TYPE_INVALID)
    if any(isinstance(each, After) for each in way.through):
        # What a text has to be is not what the field takes of it.
        return
    if way.lookup is not None:
        if way.lookup.otherwise is None:
            yield Fault(UNLISTED, VALUE_UNKNOWN)
        return
    if target.allowed:
        yield Fault(UNLISTED, VALUE_UNKNOWN)
    if not any(isinstance(each, Concat | Difference) for each in way.through):
        for rule in target.rules:
            yield from (fault for fault in _breaks(rule, target, way) if not _is_null(way, fault.value))


def _is_null(way: Way, value: object) -> bool:
    return any(isinstance(each, NullIf) and value in each.values for each in way.through)


def _breaks(rule: Rule, target: Target, way: Way) -> Iterator[Fault]:
    match rule:
        case TimeRange(code=code):
            if way.time is not None and code != TIME_INVALID:
                yield Fault(BEFORE_ALL.get(way.time.format, "1999-01-01T00:00:00Z"), code)
        case Minimum(least, code) | Maximum(least, code):
            if target.kind is Kind.WHOLE and -(10**14) < least < 10**14:
                beyond = least - 1 if isinstance(rule, Minimum) else least + 1
                yield Fault(beyond if way.decimal is None else str(beyond), code)
        case MaxCharacters(most, code):
            yield Fault("x" * (most + 1), code)
        case Pattern(_, code):
            yield Fault("in no form", code)
        case Reference(_, code):
            yield Fault("QQQ", code)
        case _:
            return


def without(target: Target, body: bytes, event_type: Path | None) -> dict[str, Any]:
    """Return a body that has nothing of what a field is made from, but for its event type."""
    content: dict[str, Any] = orjson.loads(body)
    for path in taken(target.expression):
        if path != event_type:
            put(content, path.steps, None)
    return content


def may_be_missing(target: Target, event_type: Path | None) -> bool:
    """Tell whether a webhook can lack what a field needs: nothing stands in for it."""
    stands_in = any(
        isinstance(each, Const | Envelope | Sum) or each == event_type for each in inside(target.expression)
    )
    return target.required and not stands_in


def words(plan: Plan, target: Target, way: Way) -> list[object]:
    """Return values that a field or the way to it treats each as another: some of a table, say, or a withdrawn code."""
    codes = any(isinstance(rule, Reference) for rule in target.rules)
    found: list[object] = ["XXX", *list(plan.ends)[:3]] if codes else []
    for each in way.through:
        match each:
            case Lookup(_, table, _):
                found += [*list(table)[:2], UNLISTED]
            case NullIf(_, values):
                found += values
            case After(_, text):
                found += [text, f"{text}7B", f"x{text}7B/y"]
            case When(_, values, _, _):
                found += [*list(values)[:2], UNLISTED]
            case Exponent():
                found += ["usd", "JPY", *list(plan.exponents)[:1]]
            case _:
                pass
    return found
