"""Rules in words, as they are in rejections and in the catalogue."""

from __future__ import annotations

from typing import assert_never

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


def wording(rule: Rule) -> str:  # noqa: C901, PLR0911 - one return for each rule
    """Return a rule in words, as it stands in a rejection."""
    match rule:
        case Minimum(value, _):
            return f"must be at least {value}"
        case Maximum(value, _):
            return f"must be at most {value}"
        case Pattern(value, _):
            return f"must have the form {value}"
        case Reference(value, _):
            return f"must be a code of {value}"
        case TimeRange(text=text):
            return f"must lie between {text[0]} and {text[1]}"
        case MaxCharacters(value, _):
            return f"must have at most {value} characters"
        case CutCharacters(value, _):
            return f"is cut after {value} characters"
        case MaxEntries(value, _):
            return f"must have at most {value} entries"
        case MaxEntryCharacters(value, _):
            return f"must have at most {value} characters in each key and value"
        case MaxBytes(value, _):
            return f"must have at most {value} bytes in all"
    assert_never(rule)
