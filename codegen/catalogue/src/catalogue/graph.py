"""Where the boxes of a diagram stand: columns from left to right, in bands that fit a page. Lengths are SVG units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MARGIN = 8
_CORNER = 10


@dataclass(frozen=True, slots=True)
class Node:
    """A box: `kind` is its class in the style sheet, `detail` a second line, `title` what a pointer is told."""

    id: str
    kind: str
    label: str
    detail: str = ""
    href: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class Box:
    """A node with its place."""

    node: Node
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Line:
    """A line from one node to another, as an SVG path."""

    source: str
    target: str
    kind: str
    path: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """All that a template needs to draw a diagram."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Measure:
    """Sizes of a drawing: a letter's width, a box's height, the room between boxes and between columns."""

    letter: float
    height: float
    gap: float
    between: float
    padding: float
    widest: float = float("inf")


def ranks(nodes: Sequence[str], edges: Iterable[tuple[str, str]]) -> dict[str, int]:
    """Return the column of each node: one after the last of those that lead to it. Cycles end where they close."""
    before: dict[str, list[str]] = {node: [] for node in nodes}
    for source, target in edges:
        before[target].append(source)
    found: dict[str, int] = {}

    def rank(node: str, above: frozenset[str]) -> int:
        if node not in found:
            inner = above | {node}
            found[node] = max((rank(each, inner) + 1 for each in before[node] if each not in inner), default=0)
        return found[node]

    return {node: rank(node, frozenset()) for node in nodes}


def means(column: Sequence[str], edges: Iterable[tuple[str, str]], placed: Mapping[str, float]) -> dict[str, float]:
    """Return for each node of a column the mean place of those that lead to it, where any does."""
    found: dict[str, list[float]] = {node: [] for node in column}
    for source, target in edges:
        if target in found and source in placed:
            found[target].append(placed[source])
    return {node: sum(places) / len(places) for node, places in found.items() if places}


def width(node: Node, measure: Measure) -> float:
    """Return the width of a box that holds its label and its detail, whose letters are smaller."""
    return round(max(len(node.label), len(node.detail) * 0.85) * measure.letter + 2 * measure.padding, 1)


def curve(source: Box, target: Box) -> str:
    """Return the path of a line from the right side of a box to the left side of another."""
    x1, y1 = source.x + source.width, source.y + source.height / 2
    x2, y2 = target.x, target.y + target.height / 2
    if y1 == y2:
        return f"M{x1:g} {y1:g}H{x2:g}"
    middle = (x1 + x2) / 2
    return f"M{x1:g} {y1:g}C{middle:g} {y1:g} {middle:g} {y2:g} {x2:g} {y2:g}"


def turn(source: Box, target: Box, right: float, between: float) -> str:
    """Return the path of a line that goes around: out to the right, back between two bands, in from the left."""
    x1, y1 = source.x + source.width, source.y + source.height / 2
    x2, y2 = target.x, target.y + target.height / 2
    left, r = x2 - 2 * _CORNER, _CORNER
    return (
        f"M{x1:g} {y1:g}H{right - r:g}Q{right:g} {y1:g} {right:g} {y1 + r:g}V{between - r:g}"
        f"Q{right:g} {between:g} {right - r:g} {between:g}H{left + r:g}Q{left:g} {between:g} {left:g} {between + r:g}"
        f"V{y2 - r:g}Q{left:g} {y2:g} {left + r:g} {y2:g}H{x2:g}"
    )
