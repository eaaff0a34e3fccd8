"""From a rule to the Python condition under which a value breaks it."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from codegen.rules import (
    CutCharacters,
    MaxBytes,
    MaxCharacters,
    MaxEntries,
    MaxEntryCharacters,
    Maximum,
    Minimum,
    Pattern,
    Reference,
    Rule,
    TimeRange,
)
from codegen.text import literal

if TYPE_CHECKING:
    from codegen.mapping.code import Module


def breaks(module: Module, rule: Rule, name: str) -> str:  # noqa: PLR0911 - one return for each rule
    """Return the condition under which the value of a variable breaks a rule."""
    match rule:
        case Minimum(value, _):
            return f"{name} < {value}"
        case Maximum(value, _):
            return f"{name} > {value}"
        case Pattern(value, _):
            module.helper("re")
            return f"{module.name('_PATTERN_', f're.compile({literal(value)})')}.fullmatch({name}) is None"
        case Reference(blank=blank):
            unlisted = f"{name} not in {_codes(module)}"
            return unlisted if blank is None else f"{unlisted} and {name} != {literal(blank.value)}"
        case TimeRange(earliest, latest, _, _):
            return f"not {earliest} <= {name} <= {latest}"
        case MaxCharacters(most, _) | MaxEntries(most, _):
            return f"len({name}) > {most}"
        case MaxEntryCharacters(most, _):
            return f"{module.helper('longest')}({name}) > {most}"
        case MaxBytes(most, _):
            return f"{module.helper('size')}({name}) > {most}"
        case CutCharacters():
            raise AssertionError("what is too long is cut, and breaks no rule")
    assert_never(rule)


def _codes(module: Module) -> str:
    """Return the name of the currencies that exist or existed: those of all providers, or this provider's alone."""
    plan = module.plan
    if plan.codes == plan.exponents.keys():
        return module.helper("EXPONENTS")
    return module.name("_CODES_", literal(plan.codes))
