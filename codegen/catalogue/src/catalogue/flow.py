"""The way of an event through topics, services and tables, as a diagram."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalogue.graph import MARGIN, Box, Drawing, Line, Measure, Node, curve, means, ranks, turn, width

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from codegen.model import Catalog, Topic

_MEASURE = Measure(letter=7.1, height=46, gap=18, between=48, padding=14, widest=960)
_TURN = 26


def flow(catalog: Catalog) -> Drawing:
    """Return the diagram of the catalog, from providers to the last layer of tables."""
    nodes = {node.id: node for node in _nodes(catalog)}
    edges = [edge for edge in dict.fromkeys(_edges(catalog)) if edge[0] in nodes and edge[1] in nodes]
    used = {end for edge in edges for end in edge}
    return _laid_out([node for node in nodes.values() if node.id in used], edges)


def observers(catalog: Catalog) -> dict[str, tuple[str, ...]]:
    """Return the readers that bring nothing further on its way, with their topics: they are named, not drawn.

    What such a one writes to the database is its own record; what it writes to a topic that it reads was there before.
    """
    writers = {name for topic in catalog.topics for name in topic.producers if name not in topic.consumers}
    writers |= {table.writer for table in catalog.tables} | {table.writer for table in catalog.derived}
    readers = dict.fromkeys(name for topic in catalog.topics for name in topic.consumers if name not in writers)
    return {name: tuple(topic.name for topic in catalog.topics if name in topic.consumers) for name in readers}


def _programs(catalog: Catalog, service: str) -> tuple[str, ...]:
    """Return the deployments of a service: those with an API of their own for a provider, or the service itself."""
    apis = {api.name for api in catalog.apis}
    own = tuple(f"{service}-{each.name}" for each in catalog.providers if f"{service}-{each.name}" in apis)
    return own or (service,)


def _nodes(catalog: Catalog) -> Iterator[Node]:
    for provider in catalog.providers:
        count = len(provider.accepted_event_types)
        yield Node(
            f"provider {provider.name}",
            "provider",
            provider.title,
            f"{count} event types",
            f"provider-{provider.name}.html",
            f"{provider.title}, a payment provider",
        )
    apis = {api.name: api for api in catalog.apis}
    quiet = observers(catalog)
    services = [name for topic in catalog.topics for name in (*topic.producers, *topic.consumers) if name not in quiet]
    for service in dict.fromkeys([*services, *catalog.writers]):
        for program in _programs(catalog, service):
            href = f"api-{program}-v{apis[program].version}.html" if program in apis else "topics.html"
            yield Node(f"service {program}", "service", program, "service", href, f"{program}, a service")
    for topic in catalog.topics:
        yield Node(
            f"topic {topic.name}",
            "topic",
            topic.name,
            f"{topic.record} v{topic.version}",
            f"topics.html#{topic.name}",
            f"{topic.name}, a Kafka topic: {topic.description}",
        )
    for table in catalog.tables:
        yield Node(
            f"table {table.identifier}",
            table.namespace,
            table.identifier,
            f"{table.record} v{table.version}",
            f"tables.html#{table.identifier}",
            f"{table.identifier}: {table.description}",
        )
    for each in catalog.database:
        yield Node(
            f"database {each.name}",
            "database",
            each.name,
            f"{each.record} v{each.version}",
            f"tables.html#{each.name}",
            f"{each.name}, a table of the database: {each.description}",
        )
    for derived in catalog.derived:
        yield Node(
            f"table {derived.identifier}",
            derived.namespace,
            derived.identifier,
            f"{len(derived.columns)} columns",
            f"tables.html#{derived.identifier}",
            f"{derived.identifier}: {derived.description}",
        )


def _edges(catalog: Catalog) -> Iterator[tuple[str, str]]:
    quiet = observers(catalog)
    for topic in catalog.topics:
        producers = [name for name in topic.producers if name not in quiet]
        for program in (program for producer in producers for program in _writers(catalog, topic, producer)):
            yield f"service {program}", f"topic {topic.name}"
            if topic.provider:
                yield f"provider {topic.provider}", f"service {program}"
        yield from ((f"topic {topic.name}", f"service {name}") for name in topic.consumers if name not in quiet)
    for table in catalog.tables:
        yield f"service {table.writer}", f"table {table.identifier}"
    yield from (
        (f"service {each.writer}", f"database {each.name}") for each in catalog.database if each.writer not in quiet
    )
    for derived in catalog.derived:
        for name in dict.fromkeys(source.table for column in derived.columns for source in column.sources):
            yield f"table {name}", f"table {derived.identifier}"


def _writers(catalog: Catalog, topic: Topic, producer: str) -> tuple[str, ...]:
    programs = _programs(catalog, producer)
    own = f"{producer}-{topic.provider}"
    return (own,) if own in programs else programs


def _laid_out(nodes: Sequence[Node], edges: Sequence[tuple[str, str]]) -> Drawing:
    rank = ranks([node.id for node in nodes], edges)
    columns: list[list[Node]] = [[] for _ in range(max(rank.values(), default=-1) + 1)]
    for node in nodes:
        columns[rank[node.id]].append(node)
    ends = {node.id for node in nodes} - {source for source, _ in edges}
    order: dict[str, float] = {}
    for column in columns:
        mean = means([node.id for node in column], edges, order)
        # What goes nowhere stands below what goes on.
        column[:] = sorted(column, key=lambda node: (node.id in ends, mean.get(node.id, 0)))
        order.update({node.id: index for index, node in enumerate(column)})
    boxes: dict[str, Box] = {}
    band_of: dict[str, int] = {}
    tops: list[tuple[float, float]] = []
    top = MARGIN
    for band in _bands(columns):
        height = max(len(column) * (_MEASURE.height + _MEASURE.gap) - _MEASURE.gap for column in band)
        x: float = MARGIN + (_TURN if tops else 0)
        for column in band:
            broad = max(width(node, _MEASURE) for node in column)
            y = top + (height - len(column) * (_MEASURE.height + _MEASURE.gap) + _MEASURE.gap) / 2
            for node in column:
                boxes[node.id] = Box(node, x, y, broad, _MEASURE.height)
                band_of[node.id] = len(tops)
                y += _MEASURE.height + _MEASURE.gap
            x += broad + _MEASURE.between
        tops.append((top, height))
        top += round(height) + 2 * _TURN + 8
    right = max((box.x + box.width for box in boxes.values()), default=0) + _TURN
    lines = []
    for source, target in edges:
        start, end = boxes[source], boxes[target]
        kind = "end" if target in ends and start.node.kind == "service" and end.node.kind == "topic" else ""
        if band_of[source] == band_of[target]:
            lines.append(Line(source, target, kind, curve(start, end)))
        else:
            lines.append(Line(source, target, kind, turn(start, end, right, tops[band_of[target]][0] - _TURN - 4)))
    return Drawing(right + MARGIN, top - 2 * _TURN, tuple(boxes.values()), tuple(lines))


def _bands(columns: Sequence[list[Node]]) -> Iterator[list[list[Node]]]:
    band: list[list[Node]] = []
    used = 0.0
    for column in columns:
        broad = max(width(node, _MEASURE) for node in column)
        if band and used + broad > _MEASURE.widest:
            yield band
            band, used = [], 0.0
        band.append(column)
        used += broad + _MEASURE.between
    if band:
        yield band
