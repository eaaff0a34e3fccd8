"""Rules on values, as the interpreter tries them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, assert_never

from codegen.mapping.plan import Bounded, Ended, Later, Plan, Unneeded
from codegen.rules import (
    EVENT_TYPE,
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
    family,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


def holds(plan: Plan, rule: Rule, value: Any) -> bool:  # noqa: PLR0911 - one return for each rule
    """Return whether a value of the right type keeps to a rule; what is cut instead always does."""
    match rule:
        case Minimum(least, _):
            return bool(value >= least)
        case Maximum(most, _):
            return bool(value <= most)
        case Pattern(form, _):
            return re.fullmatch(form, value) is not None
        case Reference(blank=blank):
            return value in plan.codes or (blank is not None and value == blank.value)
        case TimeRange(earliest, latest, _, _):
            return bool(earliest <= value <= latest)
        case MaxCharacters(most, _) | MaxEntries(most, _):
            return len(value) <= most
        case CutCharacters():
            return True
        case MaxEntryCharacters(most, _):
            return all(len(text) <= most for entry in value.items() for text in entry)
        case MaxBytes(most, _):
            return sum(len(text.encode()) for entry in value.items() for text in entry) <= most
    assert_never(rule)


def breaks(plan: Plan, each: Later, value: Any, values: Mapping[str, Any]) -> bool:
    """Return whether a value breaks a rule that looks at other fields, too; `values` are those of all fields."""
    of = family(values[EVENT_TYPE])
    match each:
        case Bounded(rule, families):
            return of in families and not holds(plan, rule, value)
        case Ended(dated_by, but):
            ends = plan.ends.get(value)
            instant = next((found for name in dated_by if (found := values[name]) is not None), None)
            return ends is not None and of not in but and instant is not None and bool(instant >= ends)
        case Unneeded(code, families, amount):
            return bool(value == code and (of not in families or values[amount] != 0))
    assert_never(each)
