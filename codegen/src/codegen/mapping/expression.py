"""From an expression to the lines that put its value into the field's variable."""

from __future__ import annotations

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
from codegen.language.reasons import unlisted
from codegen.mapping.certainty import may_refuse
from codegen.mapping.code import Code, local
from codegen.mapping.containers import read, sole
from codegen.mapping.plan import AMOUNT_INDIVISIBLE, FOUND, TIME_INVALID, TYPE_INVALID, VALUE_UNKNOWN, Kind, Target
from codegen.text import literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codegen.mapping.plan import Refusal


def write_value(code: Code, expression: Expression, target: Target) -> None:  # noqa: C901, PLR0912, PLR0915 - one case each
    """Write an expression: its variable then holds the value, None, or REFUSED after a rejection."""
    name = local(target)
    match expression:
        case Path() | Envelope() if expression == code.module.plan.event_type:
            code.line(f"{name} = event_type")
        case Path():
            code.line(f"{name} = {read(expression)}")
            _nullify(code, name)
        case Const(value):
            code.line(f"{name} = {literal(value)}")
        case Null():
            code.line(f"{name} = None")
        case Envelope(value):
            code.line(f"{name} = {given(value)}")
            if FOUND[value] is Kind.TEXT:
                _nullify(code, name)
        case Coalesce(of):
            _coalesce(code, of, target)
        case Concat(of):
            _concat(code, of, target)
        case Upper(of) | Lower(of):
            write_value(code, of, target)
            with code.block(f"if type({name}) is str:"), code.block(f"if {name}.isascii():"):
                code.line(f"{name} = {name}.{'upper' if isinstance(expression, Upper) else 'lower'}()")
            _refuse_unless_null(code, of, name, _must_be_text(target))
        case NullIf(of, values):
            write_value(code, of, target)
            _null_if(code, name, values)
        case Exponent(of):
            write_value(code, of, target)
            _exponent(code, of, name)
        case Lookup(of, _, _):
            write_value(code, of, target)
            _lookup(code, expression, target)
        case Money(of, _, _):
            write_value(code, of, target)
            _money(code, expression, target)
        case Decimal(of, currency):
            write_value(code, of, target)
            _decimal(code, of, currency, target)
        case Text(of) | Whole(of):
            write_value(code, of, target)
            _converted(code, expression, name)
        case Sole(of):
            code.line(f"{name} = {sole(of)}")
            _nullify(code, name)
        case Sum():
            _sum(code, expression, target)
        case Pick():
            code.line(f"{name} = {code.module.helper('picked')}({_elements(expression)})")
        case After(of, text):
            write_value(code, of, target)
            with code.block(f"if type({name}) is str:"):
                code.line(f"{name} = {code.module.helper('following')}({name}, {literal(text)})")
            _refuse_unless_null(code, of, name, _must_be_text(target))
        case Difference(of):
            _difference(code, of, target)
        case Sign(of):
            write_value(code, of, target)
            _sign(code, expression, target)
        case When():
            _when(code, expression, target)
        case Time(of, form):
            write_value(code, of, target)
            _time(code, of, form, target)
        case Rest():
            raise AssertionError("the rest is a whole field, not a part of one")
        case _:
            assert_never(expression)


def given(name: str) -> str:
    """Return the parameter that holds what the gateway found."""
    return name if name == "event_type" else f"envelope_{name}"


def _must_be_text(target: Target) -> Refusal:
    return target.refusal(TYPE_INVALID, "must be text")


def _nullify(code: Code, name: str) -> None:
    with code.block(f"if type({name}) is str and {name} in NULL_VALUES:"):
        code.line(f"{name} = None")


def _null_if(code: Code, name: str, values: tuple[str | int, ...]) -> None:
    """Compare a value only with what has its own type: to Python, 0, 0.0 and False are equal."""
    for kind in (str, int):
        same = tuple(value for value in values if type(value) is kind)
        if same:
            with code.block(f"if type({name}) is {kind.__name__} and {name} in {literal(same)}:"):
                code.line(f"{name} = None")


def _exponent(code: Code, of: Expression, name: str) -> None:
    call = f"{name} = {code.module.helper('exponent')}({name})"
    if may_refuse(of):
        with code.block(f"if {name} is not {code.module.helper('REFUSED')}:"):
            code.line(call)
    else:
        code.line(call)


def _refuse_unless_null(code: Code, of: Expression, name: str, refusal: Refusal) -> None:
    """Write the branch of a value that is neither what an expression takes nor null."""
    refused = f" and {name} is not REFUSED" if may_refuse(of) else ""
    with code.block(f"elif {name} is not None{refused}:"):
        code.refuse(name, refusal)


def _coalesce(code: Code, of: tuple[Expression, ...], target: Target) -> None:
    depth = code.depth
    for number, each in enumerate(of):
        if number:
            code.line(f"if {local(target)} is None:")
            code.depth += 1
        write_value(code, each, target)
    code.depth = depth


def _concat(code: Code, of: tuple[Expression, ...], target: Target) -> None:
    """Nest one level for each part: a part is read only where all before it are texts."""
    name, last = local(target), len(of) - 1
    for number, part in enumerate(of):
        write_value(code, part, target)
        code.line(f"if type({name}) is str:")
        code.depth += 1
        if number < last:
            code.line(f"part_{number}_{target.name}: str = {name}")
    before = " + ".join(f"part_{number}_{target.name}" for number in range(last))
    code.line(f"{name} = {before} + {name}")
    for part in reversed(of):
        code.depth -= 1
        _refuse_unless_null(code, part, name, _must_be_text(target))


def _difference(code: Code, of: tuple[Expression, Expression], target: Target) -> None:
    """Read the second number only where the first is one."""
    name, (one, other) = local(target), of
    refusal = target.refusal(TYPE_INVALID, f"must be {Kind.WHOLE.value}")
    first = f"whole_{code.depth}_{target.name}"
    write_value(code, one, target)
    with code.block(f"if type({name}) is int:"):
        code.line(f"{first} = {name}")
        write_value(code, other, target)
        with code.block(f"if type({name}) is int:"):
            code.line(f"{name} = {first} - {name}")
        _refuse_unless_null(code, other, name, refusal)
    _refuse_unless_null(code, one, name, refusal)


def _sign(code: Code, expression: Sign, target: Target) -> None:
    name = local(target)
    with code.block(f"if type({name}) is int or type({name}) is float:"):
        code.line(f"{name} = {literal(expression.negative)} if {name} < 0 else {literal(expression.otherwise)}")
    _refuse_unless_null(code, expression.of, name, target.refusal(TYPE_INVALID, f"must be {Kind.NUMBER.value}"))


def _sum(code: Code, expression: Sum, target: Target) -> None:
    name = local(target)
    code.line(f"{name} = {code.module.helper('total')}({_elements(expression)})")
    with code.block(f"if {name} is {code.module.helper('REFUSED')}:"):
        code.reject(target.refusal(TYPE_INVALID, f"must be {Kind.WHOLE.value}"))


def _elements(expression: Sum | Pick) -> str:
    """Return the arguments that say which list, what of its elements, and which of them count."""
    where = expression.where
    arguments = [read(expression.items), literal(expression.inner)]
    if where is not None:
        listed = literal(where.values) if where.same_as is None else f"({read(where.same_as)},)"
        arguments += [literal(expression.deciding), listed]
    return ", ".join(arguments)


def _lookup(code: Code, expression: Lookup, target: Target) -> None:
    name, otherwise = local(target), expression.otherwise
    table = code.module.name("_TABLE_", literal(dict(expression.table)))
    with code.block(f"if type({name}) is str:"):
        if otherwise is None:
            refused = code.module.helper("REFUSED")
            code.line(f"{name} = {table}.get({name}, {refused})")
            with code.block(f"if {name} is {refused}:"):
                code.reject(target.refusal(VALUE_UNKNOWN, unlisted(expression.table), expression.of))
        else:
            code.line(f"{name} = {table}.get({name})")
            with code.block(f"if {name} is None:"):
                write_value(code, otherwise, target)
    _refuse_unless_null(code, expression.of, name, _must_be_text(target))


def _money(code: Code, expression: Money, target: Target) -> None:
    name = local(target)
    scales = code.module.name("_SCALES_", literal(_scales(expression.exponents, code.module.plan.exponents)))
    with code.block(f"if type({name}) is int:"):
        rescaled = code.module.helper("rescaled")
        code.line(f"{name} = {rescaled}({name}, {read(expression.currency)}, {scales})")
        with code.block(f"if {name} is None:"):
            what = "is not a whole number of the currency's minor unit"
            code.refuse(name, target.refusal(AMOUNT_INDIVISIBLE, what))
    _refuse_unless_null(code, expression.of, name, target.refusal(TYPE_INVALID, f"must be {Kind.WHOLE.value}"))


def _decimal(code: Code, of: Expression, currency: Path, target: Target) -> None:
    name = local(target)
    refused = f" and {name} is not {code.module.helper('REFUSED')}" if may_refuse(of) else ""
    with code.block(f"if {name} is not None{refused}:"):
        code.line(f"{name} = {code.module.helper('minor_units')}({name}, {read(currency)})")
        with code.block(f"if {name} is None:"):
            code.refuse(name, target.refusal(TYPE_INVALID, "must be a decimal number"))
        with code.block(f"elif {name} is {code.module.helper('INDIVISIBLE')}:"):
            what = "is not a whole number of the currency's minor unit"
            code.refuse(name, target.refusal(AMOUNT_INDIVISIBLE, what))


def _converted(code: Code, expression: Text | Whole, name: str) -> None:
    if isinstance(expression, Text):
        with code.block(f"if type({name}) is int:"):
            code.line(f"{name} = str({name})")
        return
    with code.block(f"if type({name}) is str:"):
        code.line(f"{name} = {code.module.helper('whole')}({name})")


def _scales(own: Mapping[str, int], iso: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    """Return by what to multiply, and then to divide, an amount of each currency that has an exponent of its own."""
    return {code: (10 ** max(iso[code] - own[code], 0), 10 ** max(own[code] - iso[code], 0)) for code in own}


def _when(code: Code, expression: When, target: Target) -> None:
    with code.block(f"if {_listed(code, expression, local(target), target)}:"):
        write_value(code, expression.then, target)
    with code.block("else:"):
        write_value(code, expression.otherwise, target)


def _listed(code: Code, expression: When, name: str, target: Target) -> str:
    """Return the condition under which the value that decides is one of those listed, having read it where need be."""
    if expression.path == code.module.plan.event_type:
        return f"event_type in {literal(expression.values)}"
    write_value(code, expression.path, target)
    tests = [f"{name} is {value}" for value in expression.values if value is None or isinstance(value, bool)]
    for kind in (str, int):
        same = tuple(value for value in expression.values if type(value) is kind)
        if same:
            tests.append(f"type({name}) is {kind.__name__} and {name} in {literal(same)}")
    return " or ".join(tests)


def _time(code: Code, of: Expression, form: TimeFormat, target: Target) -> None:
    name = local(target)
    refusal = target.refusal(TIME_INVALID, "cannot be read as a time")
    match form:
        case TimeFormat.EPOCH_SECONDS:
            with code.block(f"if type({name}) is int:"):
                code.line(f"{name} = {name} * 1000")
            _refuse_unless_null(code, of, name, refusal)
        case TimeFormat.EPOCH_MILLISECONDS:
            refused = f" and {name} is not {code.module.helper('REFUSED')}" if may_refuse(of) else ""
            with code.block(f"if {name} is not None and type({name}) is not int{refused}:"):
                code.refuse(name, refusal)
        case TimeFormat.ISO8601 | TimeFormat.ISO8601_UTC:
            read = "iso8601_millis" if form is TimeFormat.ISO8601 else "iso8601_utc_millis"
            refused = f" and {name} is not REFUSED" if may_refuse(of) else ""
            with code.block(f"if {name} is not None{refused}:"):
                code.line(f"{name} = {code.module.helper(read)}({name})")
                with code.block(f"if {name} is None:"):
                    code.refuse(name, refusal)
        case _:
            assert_never(form)
