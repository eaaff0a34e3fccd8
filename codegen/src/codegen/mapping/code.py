"""Python text that is written line by line, and the constants that its functions share."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from codegen.text import literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.mapping.plan import Plan, Refusal, Target


@dataclass(slots=True)
class Module:
    """What the functions of a module share: the plan, rejections, tables and patterns, each once, and imports."""

    plan: Plan
    constants: dict[str, str] = field(default_factory=dict)
    helpers: set[str] = field(default_factory=set)

    def name(self, prefix: str, expression: str) -> str:
        """Return the name of a constant of that value, the same for the same value."""
        if expression not in self.constants:
            number = sum(1 for name in self.constants.values() if name.startswith(prefix)) + 1
            self.constants[expression] = f"{prefix}{number}"
        return self.constants[expression]

    def helper(self, name: str) -> str:
        """Return the name of something to import from `normalize.values`."""
        self.helpers.add(name)
        return name

    def rejection(self, refusal: Refusal) -> str:
        """Return the name of a rejection."""
        arguments = ", ".join(literal(each) for each in (refusal.code, refusal.field, refusal.message))
        return self.name("_REJECTION_", f"Rejection({arguments})")


@dataclass(slots=True)
class Code:
    """The body of a function."""

    module: Module
    lines: list[str] = field(default_factory=list)
    depth: int = 1

    def line(self, text: str) -> None:
        """Add a line at the present depth."""
        self.lines.append("    " * self.depth + text)

    def blank(self) -> None:
        """Add an empty line."""
        self.lines.append("")

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """Add a line; what is added inside the context stands below it."""
        self.line(head)
        self.depth += 1
        yield
        self.depth -= 1

    def reject(self, refusal: Refusal) -> None:
        """Add a rejection to the event's."""
        self.line(f"rejections.append({self.module.rejection(refusal)})")

    def refuse(self, name: str, refusal: Refusal) -> None:
        """Add a rejection, and mark the value so that nothing looks at it again."""
        self.reject(refusal)
        self.line(f"{name} = {self.module.helper('REFUSED')}")


def local(target: Target) -> str:
    """Return the variable of a field; its prefix keeps it apart from all other variables."""
    return f"to_{target.name}"
