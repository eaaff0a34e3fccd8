"""From a plan to straight-line Python: one function for each group of event types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from codegen.language.model import Const, Expression, LeafKind, Null, Path, Rest
from codegen.language.outcomes import by_event_type, outputs
from codegen.language.reasons import unlisted
from codegen.mapping.certainty import KINDS, is_surely, may_refuse
from codegen.mapping.code import Code, Module, local
from codegen.mapping.containers import read, used, write_containers
from codegen.mapping.expression import given, write_value
from codegen.mapping.later import write_later
from codegen.mapping.plan import FOUND, TYPE_INVALID, VALUE_UNKNOWN, GroupPlan, Kind, Plan, Target
from codegen.mapping.rule import breaks
from codegen.mapping.wording import wording
from codegen.text import literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.language.model import Value

_TESTS = {
    Kind.TEXT: "type({0}) is str",
    Kind.WHOLE: "type({0}) is int",
    Kind.NUMBER: "type({0}) is float or type({0}) is int",
    Kind.TRUTH: "type({0}) is bool",
    Kind.TIME: "type({0}) is int",
}
_PUT = {
    LeafKind.SCALAR: "put_scalar",
    LeafKind.SCALARS: "put_scalars",
    LeafKind.MAP: "put_allowed",
}
_FOUND_TYPES = {Kind.TEXT: "str", Kind.TIME: "int | None", Kind.TRUTH: "bool | None"}
# What a compiled module does not take from the generated package's `normalize.values`.
ELSEWHERE = frozenset({"re", "EXPONENTS"})


@dataclass(frozen=True, slots=True)
class Compiled:
    """A provider's mapping as Python: module constants, then one function for each group, as text.

    `event_type` are the lines that read the event's type from `root`.
    """

    constants: tuple[str, ...]
    event_type: tuple[str, ...]
    functions: tuple[str, ...]
    helpers: frozenset[str]

    @property
    def values(self) -> tuple[str, ...]:
        """Return what the module imports from `normalize.values`."""
        return tuple(sorted(self.helpers - ELSEWHERE | {"NULL_VALUES"}))


def compile_plan(plan: Plan) -> Compiled:
    """Return a plan as Python text."""
    module = Module(plan)
    functions = tuple(_function(module, group, plan.event_type) for group in plan.groups)
    event_type = Code(module)
    if isinstance(plan.event_type, Path):
        write_containers(event_type, [plan.event_type])
        event_type.line(f"event_type: Any = {read(plan.event_type)}")
    return Compiled(
        constants=tuple(f"{name} = {expression}" for expression, name in module.constants.items()),
        event_type=tuple(event_type.lines),
        functions=functions,
        helpers=frozenset(module.helpers),
    )


def _function(module: Module, group: GroupPlan, event_type: Expression) -> str:
    code = Code(module)
    code.line('"""Read the values that the group needs, then fill and check each field, then give the verdict."""')
    code.line("rejections: list[Rejection] = []")
    write_containers(code, used(group))
    for target in group.targets:
        code.blank()
        if isinstance(target.expression, Rest):
            _write_rest(code, target)
        elif isinstance(target.expression, Null):
            code.line(f"{local(target)} = None")
        elif (table := _by_event_type(group, event_type, target)) is not None:
            _write_by_event_type(code, target, table)
        else:
            _write_target(code, target)
    write_later(code, group)
    code.blank()
    code.line("if rejections:")
    code.line("    return Rejected(tuple(rejections), event_type)")
    code.line("return Normalized(")
    code.line("    {")
    for target in group.targets:
        code.line(f"        {literal(target.name)}: {_converted(module, target)},")
    code.line("    }")
    code.line(")")
    found = ", ".join(f"{given(name)}: {_FOUND_TYPES[kind]}" for name, kind in FOUND.items())
    head = f"def _{group.name}(root: dict[str, Any], {found}, more_keys: frozenset[str]) -> Outcome:"
    return "\n".join([head, *code.lines])


def _by_event_type(group: GroupPlan, event_type: Expression, target: Target) -> dict[str, Value] | None:
    """Return a field's value by event type where nothing else decides it: no check of it can fail then."""
    found = by_event_type(target.expression, event_type, group.events)
    if found is None or target.rules or (target.allowed and not set(target.allowed) >= set(found.values())):
        return None
    return found if all(KINDS[type(value)] is target.kind for value in found.values()) else None


def _write_by_event_type(code: Code, target: Target, table: dict[str, Value]) -> None:
    values = set(table.values())
    value = literal(values.pop()) if len(values) == 1 else f"{code.module.name('_TABLE_', literal(table))}[event_type]"
    code.line(f"{local(target)} = {value}")


def _write_target(code: Code, target: Target) -> None:
    name, test = local(target), _TESTS[target.kind].format(local(target))
    first = len(code.lines)
    write_value(code, target.expression, target)
    # The first assignment may stand in a branch of what the event's type decides.
    first = next(n for n in range(first, len(code.lines)) if code.lines[n].lstrip().startswith(f"{name} ="))
    code.lines[first] = code.lines[first].replace(f"{name} =", f"{name}: Any =", 1)
    checks = list(_checks(code, target))
    # The usual case comes first; where it asks for nothing, the test is turned round.
    keyword = "if"
    if checks:
        code.line(f"if {test}:")
        code.lines += checks
        keyword = "elif"
    if target.required and not isinstance(target.expression, Const):
        with code.block(f"{keyword} {name} is None:"):
            code.reject(target.missing)
        keyword = "elif"
    if is_surely(target.expression, target.kind):
        return
    conditions = [] if target.required else [f"{name} is not None"]
    if not checks:
        conditions.append(f"not ({test})" if " or " in test else test.replace(" is ", " is not "))
    if may_refuse(target.expression):
        conditions.append(f"{name} is not {code.module.helper('REFUSED')}")
    with code.block(f"{keyword} {' and '.join(conditions)}:" if conditions else "else:"):
        code.reject(target.refusal(TYPE_INVALID, f"must be {target.kind.value}"))


def _checks(code: Code, target: Target) -> Iterator[str]:
    """Yield the lines that check a value of the right type against its closed set and its rules."""
    module, name = code.module, local(target)
    pad = "    " * (code.depth + 1)
    if target.cut is not None:
        yield f"{pad}if len({name}) > {target.cut}:"
        yield f'{pad}    {name} = {name}[:{target.cut - 1}] + "…"'
    closed = outputs(target.expression)
    if target.allowed and not (closed is not None and closed <= set(target.allowed)):
        refusal = target.refusal(VALUE_UNKNOWN, unlisted(target.allowed))
        yield f"{pad}if {name} not in {module.name('_ALLOWED_', literal(frozenset(target.allowed)))}:"
        yield f"{pad}    rejections.append({module.rejection(refusal)})"
        if target.rules:
            yield f"{pad}else:"
            pad += "    "
    for rule in target.rules:
        yield f"{pad}if {breaks(module, rule, name)}:"
        yield f"{pad}    rejections.append({module.rejection(target.refusal(rule.code, wording(rule)))})"


def _converted(module: Module, target: Target) -> str:
    name = local(target)
    # A name that only ever is None has no other type for a checker.
    if isinstance(target.expression, Null):
        return name
    if target.kind is Kind.TIME:
        converted = f"{module.helper('EPOCH')} + {name} * {module.helper('MILLISECOND')}"
    elif target.kind is Kind.NUMBER:
        converted = f"float({name})"
    else:
        return name
    return converted if target.required else f"None if {name} is None else {converted}"


def _write_rest(code: Code, target: Target) -> None:
    name = local(target)
    code.line(f"{name}: dict[str, str] = {{}}")
    code.line("value: Any")
    for leaf in target.rest:
        code.line(f"value = {read(leaf.path)}")
        allowed = (
            f", {code.module.name('_KEYS_', literal(leaf.allowed))}, more_keys" if leaf.kind is LeafKind.MAP else ""
        )
        with code.block("if value is not None:"):
            code.line(f"{code.module.helper(_PUT[leaf.kind])}({name}, {literal(leaf.key)}, value{allowed})")
    for rule in target.rules if target.rest else ():
        with code.block(f"if {breaks(code.module, rule, name)}:"):
            code.reject(target.refusal(rule.code, wording(rule)))
