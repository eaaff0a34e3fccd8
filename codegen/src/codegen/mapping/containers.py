"""The objects and lists of a payload that a group's values are in, as variables."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from codegen.language.model import Path, Step, paths
from codegen.text import literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.mapping.code import Code
    from codegen.mapping.plan import GroupPlan


def write_containers(code: Code, group: GroupPlan) -> None:
    """Bind every object and list above a value that the group reads; an absent one is an empty one."""
    lists = set(_lists(group))
    for steps in _containers(group):
        name = _variable(steps)
        empty, kind = ("NO_ITEMS", "list") if steps in lists else ("NO_MEMBERS", "dict")
        code.line(f"{name}: Any = {read(Path(steps))}")
        with code.block(f"if type({name}) is not {kind}:"):
            code.line(f"{name} = {code.module.helper(empty)}")


def read(path: Path) -> str:
    """Return the Python expression of the value at a path, given the variables of what is above it."""
    above, last = path.steps[:-1], path.steps[-1]
    container = _variable(above) if above else "root"
    if isinstance(last, int):
        return f"{container}[{last}] if len({container}) > {last} else None"
    return f"{container}.get({literal(last)})"


def _containers(group: GroupPlan) -> Iterator[tuple[Step, ...]]:
    """Yield what is above a value that the group reads, outer before inner, in order of use."""
    found = {steps[:length]: None for steps in _used(group) for length in range(1, len(steps))}
    yield from found


def _lists(group: GroupPlan) -> Iterator[tuple[Step, ...]]:
    for steps in _used(group):
        for length in range(1, len(steps)):
            if isinstance(steps[length], int):
                yield steps[:length]


def _used(group: GroupPlan) -> Iterator[tuple[Step, ...]]:
    for target in group.targets:
        for path in paths(target.expression):
            yield path.steps
        for leaf in target.rest:
            yield leaf.path.steps


def _variable(steps: tuple[Step, ...]) -> str:
    return "at_" + re.sub(r"\W", "_", "_".join(str(step) for step in steps))
