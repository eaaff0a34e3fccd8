"""The mapping language as a plain interpreter: slow, short, and the oracle of what is compiled."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, assert_never

import orjson

from codegen.build import at
from codegen.form import content_of
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
    Leaf,
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
from codegen.language.parts import origin
from codegen.language.reasons import absence, unlisted
from codegen.mapping.checks import breaks, holds
from codegen.mapping.plan import (
    MISSING,
    TYPE_INVALID,
    UNREADABLE,
    VALUE_UNKNOWN,
    GroupPlan,
    Kind,
    Plan,
    Refusal,
    Target,
    unreadable,
)
from codegen.mapping.values import (
    EPOCH,
    RefusedError,
    entries,
    fits,
    following,
    in_ascii,
    millis,
    minor_units,
    rescaled,
)
from codegen.mapping.wording import wording

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from codegen.language.model import Value


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


def evaluate(  # noqa: PLR0917 - what a gateway hands on, one by one
    plan: Plan,
    body: bytes,
    merchant_id: str,
    event_id: str = "",
    event_type: str = "",
    received_at: int | None = None,
    created_at: int | None = None,
    livemode: bool | None = None,  # noqa: FBT001 - as it is handed on
    more_keys: frozenset[str] = frozenset(),
) -> Outcome:
    """Return what becomes of a body; never raises because of what is in it.

    `more_keys` are keys of merchants' own metadata that are kept beside those of the contract.

    All else is what the gateway found: merchant, id and type of the event, when it came and when it happened, in
    milliseconds since 1970, and whether real money is meant.
    """
    envelope = {
        "merchant_id": merchant_id,
        "event_id": event_id,
        "event_type": event_type,
        "received_at": received_at,
        "created_at": created_at,
        "livemode": livemode,
    }
    return _evaluated(plan, body, envelope, more_keys)


def _evaluated(plan: Plan, body: bytes, envelope: Mapping[str, Value | None], more_keys: frozenset[str]) -> Outcome:
    try:
        root = content_of(plan.form, body)
    except ValueError:
        return Rejected((Refusal(UNREADABLE, "", unreadable(plan)),), None)
    if not isinstance(root, dict):
        return Rejected((Refusal(UNREADABLE, "", "the payload is not a JSON object"),), None)
    event_type = _Evaluation(plan, root, envelope).value(plan.event_type)
    named = origin(plan.event_type)
    if event_type is None:
        return Rejected((Refusal(MISSING, "event_type", absence(plan.event_type)),), None)
    if not isinstance(event_type, str):
        return Rejected((Refusal(TYPE_INVALID, "event_type", f"{named} must be text"),), None)
    for group in plan.groups:
        if event_type in group.events:
            return _Evaluation(plan, root, {**envelope, "event_type": event_type}, more_keys).group(group, event_type)
    return Unsupported(event_type)


def value_of(plan: Plan, root: Any, expression: Expression) -> Any:
    """Return what a part of a mapping has of a body, without what the gateway found; None where it is refused."""
    try:
        return _Evaluation(plan, root, {}).value(expression)
    except RefusedError:
        return None


class _Evaluation:
    """One evaluation: the payload and what the gateway handed on with it."""

    def __init__(
        self,
        plan: Plan,
        root: dict[str, Any],
        envelope: Mapping[str, Value | None],
        more_keys: frozenset[str] = frozenset(),
    ) -> None:
        self._plan = plan
        self._root = root
        self._envelope = envelope
        self._more_keys = more_keys
        self._values: dict[str, Any] = {}

    def group(self, group: GroupPlan, event_type: str) -> Outcome:
        event: dict[str, object] = {}
        refusals: list[Refusal] = []
        for target in group.targets:
            try:
                event[target.name] = self._checked(target, refusals)
            except RefusedError as refused:
                refusals.append(target.refusal(refused.code, refused.what, refused.of))
        if not refusals:
            refusals += [
                target.refusal(each.code, each.what)
                for target in group.targets
                for each in target.later
                if self._values[target.name] is not None
                and breaks(self._plan, each, self._values[target.name], self._values)
            ]
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
                return self._nullified(self._envelope.get(name))
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
                return in_ascii(self._text(of), str.upper)
            case Lower(of):
                return in_ascii(self._text(of), str.lower)
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
                    raise RefusedError(VALUE_UNKNOWN, unlisted(table), of)
                return self.value(otherwise)
            case Money(of, currency, exponents):
                return rescaled(self.value(of), self.value(currency), exponents, self._plan.exponents)
            case Decimal(of, currency):
                return minor_units(self.value(of), self.value(currency), self._plan.exponents)
            case Text(of):
                value = self.value(of)
                return str(value) if fits(value, Kind.WHOLE) else value
            case Whole(of):
                value = self.value(of)
                written = isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value)
                return int(value) if written else value
            case When(path, values, then, otherwise):
                value = self.value(path)
                listed = any(type(value) is type(each) and value == each for each in values)
                return self.value(then if listed else otherwise)
            case Sole():
                items = at(self._root, expression.items)
                return self.value(expression.of) if isinstance(items, list) and len(items) == 1 else None
            case Sum():
                return self._sum(expression)
            case Pick():
                return next(self._counting(expression) or iter(()), None)
            case After(of, text):
                return self._nullified(following(self._text(of), text))
            case Difference(of):
                return self._difference(of)
            case Sign(of, negative, otherwise):
                number = self.value(of)
                if number is None:
                    return None
                if not fits(number, Kind.NUMBER):
                    raise RefusedError(TYPE_INVALID, f"must be {Kind.NUMBER.value}")
                return negative if number < 0 else otherwise
            case Time(of, form):
                return millis(self.value(of), form)
            case Rest():
                raise AssertionError("the rest is a whole field, not a part of one")
        assert_never(expression)

    def _sum(self, expression: Sum) -> int | None:
        numbers = self._counting(expression)
        return None if numbers is None else sum(self._whole(each) for each in numbers if each is not None)

    def _counting(self, expression: Sum | Pick) -> Iterator[Any] | None:
        """Return what each element of a list has that counts; None where there is no list."""
        items = at(self._root, expression.items)
        if not isinstance(items, list):
            return None
        inner = Path(expression.inner)
        return (self._nullified(at(item, inner)) for item in items if self._counts(expression, item))

    def _counts(self, expression: Sum | Pick, item: Any) -> bool:
        where = expression.where
        if where is None:
            return True
        value = self._nullified(at(item, Path(expression.deciding)))
        wanted = where.values if where.same_as is None else (self.value(where.same_as),)
        return value is not None and any(type(value) is type(each) and value == each for each in wanted)

    def _difference(self, of: tuple[Expression, Expression]) -> int | None:
        one = self.value(of[0])
        if one is None:
            return None
        self._whole(one)
        other = self.value(of[1])
        return None if other is None else self._whole(one) - self._whole(other)

    def _whole(self, value: Any) -> int:
        if not fits(value, Kind.WHOLE):
            raise RefusedError(TYPE_INVALID, f"must be {Kind.WHOLE.value}")
        return int(value)

    def _nullified(self, value: Any) -> Any:
        return None if isinstance(value, str) and value in self._plan.null_values else value

    def _text(self, expression: Expression) -> str | None:
        value = self.value(expression)
        if value is None or isinstance(value, str):
            return value
        raise RefusedError(TYPE_INVALID, "must be text")

    def _checked(self, target: Target, refusals: list[Refusal]) -> object:
        is_rest = isinstance(target.expression, Rest)
        value: Any = self._rest(target.rest) if is_rest else self.value(target.expression)
        self._values[target.name] = value
        if value is None:
            if target.required:
                refusals.append(target.missing)
            return None
        if not fits(value, target.kind):
            raise RefusedError(TYPE_INVALID, f"must be {target.kind.value}")
        if target.allowed and value not in target.allowed:
            raise RefusedError(VALUE_UNKNOWN, unlisted(target.allowed))
        if target.cut is not None and len(value) > target.cut:
            value = value[: target.cut - 1] + "…"
        broken = [rule for rule in target.rules if not holds(self._plan, rule, value)]
        refusals += [target.refusal(rule.code, wording(rule)) for rule in broken]
        if target.kind is Kind.TIME:
            return None if broken else EPOCH + timedelta(milliseconds=value)
        return float(value) if target.kind is Kind.NUMBER else value

    def _rest(self, leaves: tuple[Leaf, ...]) -> dict[str, str]:
        kept: dict[str, str] = {}
        for leaf in leaves:
            for key, value in entries(leaf, at(self._root, leaf.path), self._more_keys):
                text = value if isinstance(value, str) else orjson.dumps(value).decode()
                if text not in self._plan.null_values:
                    kept[key] = text
        return kept
