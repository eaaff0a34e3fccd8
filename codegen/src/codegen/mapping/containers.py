"""The objects and lists of a payload that a group's values are in, as variables."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from codegen.language.model import Path, Step
from codegen.language.parts import bound
from codegen.text import literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from codegen.mapping.code import Code
    from codegen.mapping.plan import GroupPlan

# Not of digits alone: these are places in a list.
_PLAIN = re.compile(r"(?!\d+$)[A-Za-z0-9]+(_[A-Za-z0-9]+)*", re.ASCII)


def write_containers(code: Code, used: Iterable[Path]) -> None:
    """Bind every object and list above a value that is read; an absent one is an empty one."""
    # Outer before inner, in order of use; each with the step by which it is read.
    above = ((path.steps[:n], path.steps[n]) for path in used for n in range(1, len(path.steps)))
    for steps, is_list in dict.fromkeys((steps, isinstance(step, int)) for steps, step in above):
        name = _variable(steps, is_list=is_list)
        empty, kind = ("NO_ITEMS", "list") if is_list else ("NO_MEMBERS", "dict")
        code.line(f"{name}: Any = {read(Path(steps))}")
        with code.block(f"if type({name}) is not {kind}:"):
            code.line(f"{name} = {code.module.helper(empty)}")


def read(path: Path) -> str:
    """Return the Python expression of the value at a path, given the variables of what is above it."""
    above, last = path.steps[:-1], path.steps[-1]
    container = _variable(above, is_list=isinstance(last, int)) if above else "root"
    if isinstance(last, int):
        return f"{container}[{last}] if len({container}) > {last} else None"
    return f"{container}.get({literal(last)})"


def sole(path: Path) -> str:
    """Return the Python expression of the first element of a list at a path, None where the list has others."""
    container = _variable(path.steps[:-1], is_list=True)
    return f"{container}[0] if len({container}) == 1 else None"


def used(group: GroupPlan) -> Iterator[Path]:
    """Yield every path that the fields of a group read."""
    for target in group.targets:
        yield from bound(target.expression)
        for leaf in target.rest:
            yield leaf.path


def _variable(steps: tuple[Step, ...], *, is_list: bool) -> str:
    """Return the variable of what is at some steps, as a list or as an object: another for each, whatever their names.

    Plain names hold no two underscores in a row, so that these divide the steps; what is not plain is in hexadecimal,
    after an underscore that no plain name begins with.
    """
    return ("items_" if is_list else "at_") + "__".join(map(_part, steps))


def _part(step: Step) -> str:
    if isinstance(step, int):
        return str(step)
    return step if _PLAIN.fullmatch(step) else f"_{step.encode().hex()}"
