"""Bodies made from a mapping itself: each value that it knows at each place where it reads it, and what leads there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

import orjson
from codegen.language.model import (
    After,
    Coalesce,
    Condition,
    Difference,
    Envelope,
    Expression,
    Lookup,
    Money,
    NullIf,
    Path,
    Pick,
    Sum,
    Time,
    TimeFormat,
    When,
)
from codegen.language.parts import bound, children, inside
from codegen.mapping.plan import Bounded, Ended
from codegen.rules import MaxCharacters, Maximum, Minimum, TimeRange

from tests.contracts.equivalence import put

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.mapping.plan import GroupPlan, Plan, Target

    from tests.contracts.equivalence import Pair

ELSE = "no value that a mapping knows"
ANYTHING: tuple[object, ...] = (
    *(
        None,
        "",
        "null",
        "text",
        "USD",
        "usd",
        "JPY",
        "KWD",
        "ISK",
        "1",
        "-1.50",
        "10.00",
        "1e2",
        "2026-01-02T03:04:05Z",
        # Without an offset, and a day alone, which is no time.
        "2026-01-02T03:04:05",
        "2026-01-02",
    ),
    *(0, -1, 149, 150, 10**18, 1767607200, 1767607200123, 1.5, True, False, [], {}, [7], {"id": "7"}),
)
# The longest that a merchant's id may be, and one more.
MERCHANTS = ("merchant", "", "null", "m" * 255, "m" * 256)
AMOUNTS = (0, 1, -1, 100, 149, 1500, "0", "1", "1.5", "15.00", "0.001", "-2.50")


class Put(NamedTuple):
    """A value at a path."""

    path: Path
    value: object


class Case(NamedTuple):
    """A body, its event type, and the merchant that a gateway found."""

    event_type: str
    body: bytes
    merchant_id: str = "merchant"


def cases(pair: Pair) -> Iterator[Case]:
    """Yield bodies: of every event type what decides between values, of every group all else."""
    once = set(pair.body_of_each_group())
    # The first of those whose currency is held against a time: one is enough for every code that has ended.
    dated = min((each.events[0] for each in pair.plan.groups if any(map(_dated_by, each.targets))), default="")
    for event_type, raw in pair.body_of_each_type().items():
        group = next(each for each in pair.plan.groups if event_type in each.events)
        yield from (Case(event_type, raw, merchant_id) for merchant_id in MERCHANTS)
        made = [_made(each) if event_type in once else _decisions(each.expression, ()) for each in group.targets]
        if event_type in once:
            made.append(_withdrawn(pair.plan, group, every=event_type == dated))
        seen: set[str] = set()
        for puts in chain.from_iterable(made):
            if (said := repr(puts)) not in seen:
                seen.add(said)
                yield Case(event_type, _body(raw, puts))


def _body(raw: bytes, puts: tuple[Put, ...]) -> bytes:
    body = orjson.loads(raw)
    for path, value in puts:
        put(body, path.steps, value)
    return orjson.dumps(body)


def _made(target: Target) -> Iterator[tuple[Put, ...]]:
    yield from _decisions(target.expression, ())
    limits = list(_limits(target))
    for path, before in _read(target.expression, ()):
        for value in (*ANYTHING, *limits):
            yield (*before, Put(path, value))
    for leaf in target.rest:
        for value in (*ANYTHING, "x" * 70_000, dict.fromkeys(leaf.allowed, "kept")):
            yield (Put(leaf.path, value),)
    if target.rest:
        yield tuple(Put(leaf.path, "kept") for leaf in target.rest)


def _dated_by(target: Target) -> tuple[str, ...]:
    """Return the fields whose time decides whether a currency had ended; none where no body says the currency."""
    dated_by = tuple(name for each in target.later if isinstance(each, Ended) for name in each.dated_by)
    return dated_by if any(True for _ in bound(target.expression)) else ()


def _withdrawn(plan: Plan, group: GroupPlan, *, every: bool) -> Iterator[tuple[Put, ...]]:
    """Yield codes of currencies that ended: today, at the last instant of each and at the first without it.

    Each time that can decide does so once: those that would come first are not told, and those after it are of today.
    """
    targets = {each.name: each for each in group.targets}
    for target in group.targets:
        dated_by = _dated_by(target)
        times = [[each for each in inside(targets[name].expression) if isinstance(each, Time)] for name in dated_by]
        for path, before in _read(target.expression, ()) if dated_by else ():
            for code in sorted(plan.ends)[: None if every else 3]:
                yield (*before, Put(path, code))
                for at in (plan.ends[code] - 1, plan.ends[code]):
                    for index, deciding in enumerate(times):
                        untold = (Put(read, None) for each in chain(*times[:index]) for read in bound(each.of))
                        told = (Put(read, _written(at, each.format)) for each in deciding for read in bound(each.of))
                        yield (*before, Put(path, code), *untold, *told)


def _written(at: int, form: TimeFormat) -> object:
    match form:
        case TimeFormat.EPOCH_SECONDS:
            return at // 1000
        case TimeFormat.ISO8601 | TimeFormat.ISO8601_UTC:
            moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at)
            return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        case _:
            return at


def _limits(target: Target) -> Iterator[object]:
    """Yield the last value that each rule of a field lets pass, and the first that it does not."""
    if target.cut is not None:
        yield from ("x" * target.cut, "x" * (target.cut + 1))
    for rule in (*target.rules, *(each.rule for each in target.later if isinstance(each, Bounded))):
        match rule:
            case Minimum(value, _) | Maximum(value, _):
                numbers = (value - 1, value, value + 1)
                yield from (each for each in numbers if -(2**63) <= each < 2**64)
                yield from (str(value), f"{value}.00")
            case MaxCharacters(value, _):
                yield from ("x" * value, "x" * (value + 1))
            case TimeRange(earliest, latest):
                for at in (earliest, latest):
                    yield from (at - 1, at, at + 1, at // 1000 - 1, at // 1000, at // 1000 + 1)
                yield from rule.text
            case _:
                pass


def _branches(expression: Expression, before: tuple[Put, ...]) -> Iterator[tuple[Expression, tuple[Put, ...]]]:
    """Yield what stands directly inside an expression, with what makes its value the expression's."""
    match expression:
        case Coalesce(of):
            for index, each in enumerate(of):
                absent = (Put(path, None) for earlier in of[:index] for path in bound(earlier))
                yield each, (*before, *absent)
        case Difference(of):
            for each in of:
                # Of a number that is not there there is no difference, whatever the other is.
                beside = (Put(path, 7) for other in of if other is not each for path in bound(other))
                yield each, (*before, *beside)
        case When(Path() as path, values, then, otherwise):
            yield path, before
            yield then, (*before, Put(path, values[0]))
            yield otherwise, before
            yield otherwise, (*before, Put(path, ELSE))
        case _:
            for each in children(expression):
                yield each, before


def _read(expression: Expression, before: tuple[Put, ...]) -> Iterator[tuple[Path, tuple[Put, ...]]]:
    if isinstance(expression, Path):
        yield expression, before
        return
    for each, leading in _branches(expression, before):
        yield from _read(each, leading)


def _decisions(  # noqa: C901, PLR0912 - one for each
    expression: Expression, before: tuple[Put, ...]
) -> Iterator[tuple[Put, ...]]:
    """Yield what decides which value an expression has."""
    match expression:
        case Lookup(of, table, _):
            for path, leading in _read(of, before):
                yield from ((*leading, Put(path, key)) for key in (*table, ELSE))
        case When(Path() as path, values, then, _):
            yield from ((*before, Put(path, value)) for value in (*values, ELSE, None))
            # Each of the values leads to what is read then, not the first alone.
            for value in values[1:]:
                for read, leading in _read(then, (*before, Put(path, value))):
                    yield (*leading, Put(read, ELSE))
        case NullIf(of, values):
            for path, leading in _read(of, before):
                yield from ((*leading, Put(path, value)) for value in (*values, ELSE))
        case Money(Path() as of, Path() as currency, exponents):
            for code in (*exponents, *(code.lower() for code in exponents), "USD"):
                yield from ((*before, Put(currency, code), Put(of, amount)) for amount in AMOUNTS)
        case After(of, text):
            for path, leading in _read(of, before):
                for value in (text, f"{text}7B", f"x{text}7B/c?d", f"{text}7{text}8#f", f"{text}7?a", f"{text}7~b"):
                    yield (*leading, Put(path, value))
        case Sum(_, _, where) | Pick(_, _, where) if where is not None:
            yield from _elements(expression, where, before)
        case _:
            pass
    for each, leading in _branches(expression, before):
        if not isinstance(each, Envelope):
            yield from _decisions(each, leading)


def _elements(expression: Sum | Pick, where: Condition, before: tuple[Put, ...]) -> Iterator[tuple[Put, ...]]:
    """Yield lists of two elements of which each, one or none counts."""
    first, second = (
        (
            Path((*expression.items.steps, index, *expression.inner)),
            Path((*expression.items.steps, index, *expression.deciding)),
        )
        for index in (0, 1)
    )
    values = where.values or ("same",)
    same = () if where.same_as is None else (Put(where.same_as, "same"),)
    for one in (*values, ELSE, None):
        for other in (*values[:1], ELSE):
            for what in ((3, 4), ("https://x.example/a/7", "https://x.example/b/8"), (None, 5)):
                yield (
                    *before,
                    Put(expression.items, []),
                    *(Put(first[0], what[0]), Put(first[1], one), Put(second[0], what[1]), Put(second[1], other)),
                    *same,
                )
