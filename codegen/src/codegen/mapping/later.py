"""Rules that look at more than one field, as Python: tried once each field is right by itself."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, assert_never

from codegen.language.model import Null
from codegen.mapping.code import local
from codegen.mapping.plan import Bounded, Ended, Unneeded
from codegen.mapping.rule import breaks
from codegen.rules import EVENT_TYPE
from codegen.text import literal

if TYPE_CHECKING:
    from codegen.mapping.code import Code
    from codegen.mapping.plan import GroupPlan, Later, Target

_FAMILY = "family"
_ASKS_FOR_THE_FAMILY = re.compile(rf"\b{_FAMILY}\b")


def write_later(code: Code, group: GroupPlan) -> None:
    """Write what is left to check of a group's events."""
    left = [(target, each) for target in group.targets for each in target.later]
    if not left:
        return
    conditions = [_condition(code, group, target, each) for target, each in left]
    code.blank()
    with code.block("if not rejections:"):
        if any(_ASKS_FOR_THE_FAMILY.search(condition) for condition in conditions):
            code.line(f'{_FAMILY} = to_{EVENT_TYPE}.partition(".")[0]')
        for (target, each), condition in zip(left, conditions, strict=True):
            with code.block(f"if {condition}:"):
                code.reject(target.refusal(each.code, each.what))


def _condition(code: Code, group: GroupPlan, target: Target, each: Later) -> str:
    """Return when a value breaks a rule, as conditions that all hold."""
    name, module = local(target), code.module
    parts = [] if target.required else [f"{name} is not None"]
    match each:
        case Bounded(rule, families):
            broken = breaks(module, rule, name)
            parts += [_within(families), f"({broken})" if " and " in broken else broken]
        case Ended(dated_by, but):
            ends = module.name("_ENDS_", literal(dict(sorted(module.plan.ends.items()))))
            parts += [f"{name} in {ends}", f"{ends}[{name}] <= {_first(group, dated_by)}"]
            parts += [_without(but)] if but else []
        case Unneeded(value, families, amount):
            needed = f"to_{amount} != 0"
            parts += [f"{name} == {literal(value)}"]
            parts += [f"({_without(families)} or {needed})"]
        case _:
            assert_never(each)
    return " and ".join(parts)


def _first(group: GroupPlan, names: tuple[str, ...]) -> str:
    """Return the first of some fields that is not null; the last of them never is."""
    told = {target.name for target in group.targets if not isinstance(target.expression, Null)}
    *first, last = (f"to_{name}" for name in names if name in told)
    found = "".join(f"{name} if {name} is not None else " for name in first)
    return f"({found}{last})" if found else last


def _within(families: frozenset[str]) -> str:
    return f"{_FAMILY} in {literal(tuple(sorted(families)))}"


def _without(families: frozenset[str]) -> str:
    return f"{_FAMILY} not in {literal(tuple(sorted(families)))}"
