"""What the pipeline is, as a drawing that needs no knowledge of it: services, what they write, and who reads that.

Everything in it is said by the contracts. Topics of the same pattern are one box, and so is each layer of the lake.
"""

from __future__ import annotations

import re
import textwrap
from fnmatch import fnmatchcase
from html import escape
from typing import TYPE_CHECKING, Final

from catalogue.flow import observers
from catalogue.graph import means, ranks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from codegen.model import Catalog
    from codegen.services import Service

_WIDTH: Final = 760
_BOX: Final = 228
_GAP: Final = 20
_BETWEEN: Final = 34
_LINE: Final = 15
_LETTERS: Final = 34
_LANE: Final = 9
_CORNER: Final = 8
_MOST_LINES: Final = 4
_STYLE: Final = """
svg{font-family:system-ui,sans-serif}
.ground{fill:#fff}.box{fill:#f4f6f8;stroke:#8a97a6}.service{fill:#e2ecfb;stroke:#2f62b5}.provider{fill:#fbeede;stroke:#b3701a}
.name{font-size:13.5px;font-weight:600;fill:#16202b}.told{font-size:11.5px;fill:#39475a}.line{fill:none;stroke:#6b7a8c;stroke-width:1.4}
.heading{font-size:12px;fill:#39475a;font-style:italic}
@media(prefers-color-scheme:dark){.ground{fill:#131416}.box{fill:#22262c;stroke:#71808f}.service{fill:#1c2c47;stroke:#6b9bea}
.provider{fill:#3a2a14;stroke:#d99c4a}.name{fill:#f0f3f6}.told,.heading{fill:#c0cad6}.line{stroke:#8a97a6}}
"""

Box = tuple[str, str, str]
"""The class in the style sheet, the name and the text below it."""


def overview(catalog: Catalog) -> str:
    """Return the drawing as SVG; equal contracts make equal bytes."""
    boxes = dict(_boxes(catalog))
    edges = sorted({edge for edge in _edges(catalog) if edge[0] in boxes and edge[1] in boxes})
    drawn = {end for edge in edges for end in edge}
    rows = _rows([name for name in boxes if name in drawn], edges)
    beside = [name for name in boxes if name not in drawn]
    return "\n".join(_svg(boxes, edges, rows, [beside[at : at + 3] for at in range(0, len(beside), 3)]))


def _services(catalog: Catalog) -> Sequence[Service]:
    return list(catalog.services.services.values())


def _boxes(catalog: Catalog) -> Iterator[tuple[str, Box]]:
    titles = ", ".join(provider.title for provider in catalog.providers)
    yield "providers", ("provider", "Payment providers", f"{titles}: they send a webhook for each thing that happens.")
    for service in _services(catalog):
        yield f"service {service.name}", ("service", service.name.capitalize(), service.description)
        for pattern in service.writes.get("topics", ()):
            yield f"topic {pattern}", ("box", pattern, _told_of_topics(catalog, pattern))
    for layer in dict.fromkeys(
        [table.namespace for table in catalog.tables] + [table.namespace for table in catalog.derived]
    ):
        names = [table.name for table in catalog.tables if table.namespace == layer]
        names += [table.name for table in catalog.derived if table.namespace == layer]
        yield f"layer {layer}", ("box", layer.capitalize(), f"{len(names)} tables of the lake: {', '.join(names)}")
    for table in catalog.database:
        if table.writer not in observers(catalog):
            yield f"database {table.name}", ("box", f"Database: {table.name}", table.description)


def _told_of_topics(catalog: Catalog, pattern: str) -> str:
    topic = next(topic for topic in catalog.topics if fnmatchcase(topic.name, pattern))
    provider = next((each for each in catalog.providers if each.name == topic.provider), None)
    return topic.description if provider is None else topic.description.removeprefix(f"{provider.title} ").capitalize()


def _edges(catalog: Catalog) -> Iterator[tuple[str, str]]:
    quiet = observers(catalog)
    for service in _services(catalog):
        if service.name in quiet:
            continue
        name = f"service {service.name}"
        reads, writes = set(_stores(service.reads)), set(_stores(service.writes))
        if any("*" in store for store in writes):
            yield "providers", name
        # What a service reads of what it writes is a loop of its own: the way that others follow too is shown.
        others = {store for each in _services(catalog) if each.name != service.name for store in _stores(each.writes)}
        yield from ((name, store) for store in writes if store not in reads or store not in others)
        yield from ((store, name) for store in reads if store not in writes or store in others)


def _stores(access: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """Yield the boxes of what a service reads or writes; files are not drawn."""
    for kind, names in access.items():
        for name in names:
            if kind == "topics":
                yield f"topic {name}"
            elif kind == "tables":
                yield f"layer {name.partition('.')[0]}"
            elif kind == "database":
                yield f"database {name}"


def _rows(names: Sequence[str], edges: Sequence[tuple[str, str]]) -> list[list[str]]:
    rank = ranks(names, edges)
    rows: list[list[str]] = [[] for _ in range(max(rank.values()) + 1)]
    for name in names:
        rows[rank[name]].append(name)
    placed: dict[str, float] = {}
    goes_on = {source for source, _ in edges}
    for row in rows:
        mean = means(row, edges, placed)
        # What goes nowhere is on the left, where fewer lines pass.
        row.sort(key=lambda name: (mean.get(name, 0), name in goes_on))
        placed.update({name: at - len(row) / 2 for at, name in enumerate(row)})
    return rows


def _svg(
    boxes: dict[str, Box], edges: Sequence[tuple[str, str]], rows: list[list[str]], beside: list[list[str]]
) -> Iterator[str]:
    lines = {name: _wrapped(told) for name, (_, _, told) in boxes.items()}
    places: dict[str, tuple[float, float, float]] = {}
    top: float = _GAP
    headings: list[float] = []
    for number, row in enumerate([*rows, *beside]):
        if number == len(rows):
            headings.append(top + 4)
            top += 2 * _LINE
        height: float = 30 + _LINE * max(len(lines[name]) for name in row)
        left = (_WIDTH - len(row) * _BOX - (len(row) - 1) * _GAP) / 2
        places.update({name: (left + at * (_BOX + _GAP), top, height) for at, name in enumerate(row)})
        top += height + _BETWEEN
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {top:g}" role="img" aria-labelledby="title">'
        "<!-- Written from contracts/ by `python -m docs.site overview`; do not edit. -->"
        '<title id="title">How a webhook becomes a row in a report</title>'
        f'<style>{_STYLE}</style><rect class="ground" width="{_WIDTH}" height="{top:g}"/>'
        '<defs><marker id="end" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0 8 4 0 8z" fill="#6b7a8c"/></marker></defs>'
    )
    row_of = {name: number for number, row in enumerate(rows) for name in row}
    lanes = 0
    for source, target in edges:
        between = [name for row in rows[row_of[source] + 1 : row_of[target]] for name in row]
        if between:
            lanes += 1
            path = _around(places[source], places[target], [places[name][0] for name in between], lanes)
        else:
            path = _path(places[source], places[target])
        yield f'<path class="line" marker-end="url(#end)" d="{path}"/>'
    for y in headings:
        yield f'<text class="heading" x="{_WIDTH / 2:g}" y="{y:g}" text-anchor="middle">Beside it</text>'
    for name, (x, y, height) in places.items():
        kind, label, _ = boxes[name]
        yield f'<rect class="{kind}" x="{x:g}" y="{y:g}" width="{_BOX}" height="{height:g}" rx="7"/>'
        yield f'<text class="name" x="{x + 12:g}" y="{y + 20:g}">{escape(label)}</text>'
        for at, line in enumerate(lines[name]):
            yield f'<text class="told" x="{x + 12:g}" y="{y + 37 + at * _LINE:g}">{escape(line)}</text>'
    yield "</svg>\n"


def _wrapped(text: str) -> list[str]:
    # A description may go on; what it is stands in its first sentence.
    first = re.split(r"(?<=\.) |; ", text)[0].rstrip(".")
    return textwrap.wrap(first, _LETTERS, max_lines=_MOST_LINES, placeholder=" …")


def _around(
    source: tuple[float, float, float], target: tuple[float, float, float], between: Sequence[float], lane: int
) -> str:
    """Return the path of a line that passes rows: out to the side that is nearer, down beside all boxes, and in."""
    is_left = source[0] + _BOX / 2 < _WIDTH / 2
    sign = -1 if is_left else 1
    edges = [place if is_left else place + _BOX for place in (source[0], target[0], *between)]
    x = (min(edges) if is_left else max(edges)) + sign * (_LANE * (lane + 1))
    x1, x2 = (place[0] if is_left else place[0] + _BOX for place in (source, target))
    y1, y2 = source[1] + source[2] / 2, target[1] + target[2] / 2 + _LANE * (lane - 2)
    bend = x - sign * _CORNER
    return (
        f"M{x1:g} {y1:g}H{bend:g}Q{x:g} {y1:g} {x:g} {y1 + _CORNER:g}V{y2 - _CORNER:g}"
        f"Q{x:g} {y2:g} {bend:g} {y2:g}H{x2:g}"
    )


def _path(source: tuple[float, float, float], target: tuple[float, float, float]) -> str:
    x1, y1 = source[0] + _BOX / 2, source[1] + source[2]
    x2, y2 = target[0] + _BOX / 2, target[1]
    middle = (y1 + y2) / 2
    return f"M{x1:g} {y1:g}C{x1:g} {middle:g} {x2:g} {middle:g} {x2:g} {y2:g}"
