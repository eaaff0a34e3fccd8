"""Which series an expression of PromQL reads, and by which labels."""

import re
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from typing import Final

from monitoring.foreign import FOREIGN
from monitoring.own import OWN

_TEXT = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'")
_SELECTOR = re.compile(r"\{[^}]*\}")
_RANGE = re.compile(r"\[[^\]]*\]")
_LABELS = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)")
# An identifier before a bracket is a function; an aggregation may have had its labels between.
_NAME = re.compile(r"\b[a-zA-Z_:][\w:]*(?![\w:]*\s*\()")
_DURATION = re.compile(r"(?<![\w:])\d+(?:ms|[smhdwy])\b")
_WORDS: Final = frozenset(
    {"and", "or", "unless", "bool", "offset", "inf", "nan", "by", "without", "sum", "max", "min", "avg", "count"}
)

LABELS: Final = {
    **{series: frozenset((*each.labels, "le")) for each in OWN for series in each.series},
    **{each.name: frozenset(each.labels) for each in FOREIGN},
}
"""The labels of each series that there is, as far as rules and dashboards know it. Prometheus adds job and instance."""


ADDED: Final = frozenset({"job", "instance", "alertname", "alertstate"})
"""Labels that Prometheus adds by itself."""


def series(expression: str) -> frozenset[str]:
    """Return the names of the series that an expression reads, recorded ones included."""
    return frozenset(found[0] for found in _reads(expression))


def within(expression: str, matcher: Callable[[str], str]) -> str:
    """Return the expression with one more matcher of labels for each series that it reads.

    Args:
        expression: In PromQL.
        matcher: Returns what is asked of the series of a name, as `namespace="payments"`.
    """
    for found in reversed(list(_reads(expression))):
        before, after = expression[: found.end()], expression[found.end() :]
        others = after[1:] if after.startswith("{") else "}" + after
        comma = "" if others.lstrip().startswith("}") else ","
        expression = f"{before}{{{matcher(found[0])}{comma}{others}"
    return expression


def _reads(expression: str) -> Iterator[re.Match[str]]:
    # Blanks in the place of what is no name, so that each name is found where it is.
    text = expression
    for part in (_TEXT, _SELECTOR, _RANGE, _LABELS, _DURATION):
        text = part.sub(lambda found: " " * len(found[0]), text)
    return (found for found in _NAME.finditer(text) if found[0] not in _WORDS)


def unknown(expression: str, recorded: AbstractSet[str]) -> frozenset[str]:
    """Return what an expression reads that is in no list and recorded by no rule: series, and labels of series."""
    names = series(expression) - recorded - LABELS.keys()
    labels = {
        f"{name}{{{label}}}"
        for name, label in selected(expression)
        if name in LABELS and label not in LABELS[name] | ADDED
    }
    return names | labels


def grouped(expression: str) -> frozenset[str]:
    """Return the labels by which an expression groups."""
    found = re.findall(r"\bby\s*\(([^)]*)\)", _TEXT.sub('""', expression))
    return frozenset(label.strip() for each in found for label in each.split(",") if label.strip())


def selected(expression: str) -> frozenset[tuple[str, str]]:
    """Return each series with each label that a selector asks it for."""
    found = re.findall(r"([a-zA-Z_:][\w:]*)\s*(\{[^}]*\})", _TEXT.sub('""', expression))
    return frozenset((name, label) for name, inside in found for label in re.findall(r"(\w+)\s*[=!]", inside))
