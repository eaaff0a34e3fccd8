"""From a provider's payload to a column of Gold: what each value is made from, as rows and as a diagram."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from codegen.derived import LAYERS
from codegen.language.model import (
    Const,
    Decimal,
    Envelope,
    Expression,
    Money,
    Null,
    Path,
    Pick,
    Rest,
    Sole,
    Sum,
    When,
)
from codegen.language.parts import children, said
from codegen.mapping.plan import STAMPED

from catalogue.graph import MARGIN, Box, Drawing, Line, Measure, Node, curve, means, width

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from codegen.model import Catalog, Provider, Table

_MEASURE = Measure(letter=6.3, height=20, gap=5, between=42, padding=7)
_LONGEST = 38


@dataclass(frozen=True, slots=True)
class Trail:
    """One field and all that it is made from and goes into; `origins` by provider, columns by layer.

    `field` is empty where a table's writer adds the column to the event.
    """

    name: str
    field: str
    added_by: str
    origins: Mapping[str, tuple[str, ...]]
    columns: Mapping[str, tuple[str, ...]]


def origins(provider: Provider, expression: Expression) -> Iterator[str]:  # noqa: C901 - one case for each expression
    """Yield where the values of an expression come from: paths of the payload, or words where there is no path."""
    match expression:
        case Path():
            yield str(expression)
        case Const(value):
            yield f"“{said(value)}”"
        case Envelope("merchant_id"):
            yield from (str(path) for path in provider.envelope.merchant_id)
            yield "the endpoint's secret"
        case Envelope(name):
            yield f"the gateway's {name}"
        case Rest(root):
            yield f"{root}.*"
        case Null():
            return
        # What only decides between values is none of them.
        case When(_, _, then, otherwise):
            yield from origins(provider, then)
            yield from origins(provider, otherwise)
        case Money(of) | Decimal(of):
            yield from origins(provider, of)
        case Sum(items) | Pick(items):
            yield f"{items}[].{Path(expression.inner)}"
        case Sole():
            yield f"{expression.items}[]"
        case _:
            for child in children(expression):
                yield from origins(provider, child)


def field_origins(catalog: Catalog, provider: Provider) -> dict[str, tuple[str, ...]]:
    """Return where each field of the unified record comes from, over all groups of a provider's mapping."""
    mapping = provider.mapping
    found: dict[str, tuple[str, ...]] = {}
    for field in catalog.record(mapping.record, mapping.version).record.fields:
        mapped = [group.fields[field.name] for group in mapping.groups if field.name in group.fields]
        if mapped:
            found[field.name] = tuple(dict.fromkeys(each for one in mapped for each in origins(provider, one)))
        elif field.name == "event_id":
            account = provider.envelope.account
            found[field.name] = (str(provider.envelope.event_id), *((str(account),) if account else ()))
        elif field.name in STAMPED:
            found[field.name] = (f"set by the {_writer_of(catalog, mapping.record)}",)
    return found


def unified_tables(catalog: Catalog) -> tuple[Table, ...]:
    """Return the tables that a reader of the unified event writes."""
    records = {provider.mapping.record for provider in catalog.providers}
    readers = {name for topic in catalog.topics if topic.record in records for name in topic.consumers}
    return tuple(table for table in catalog.tables if table.writer in readers)


def column_edges(catalog: Catalog) -> Iterator[tuple[str, str]]:
    """Yield each pair of columns of which the second is made from the first."""
    for table in catalog.derived:
        for column in table.columns:
            for source in column.sources:
                yield str(source), f"{table.identifier}.{column.name}"


def trails(catalog: Catalog) -> tuple[Trail, ...]:
    """Return a trail for each field of the unified record, then for each column that a table adds to it."""
    by_provider = {provider.name: field_origins(catalog, provider) for provider in catalog.providers}
    edges = tuple(column_edges(catalog))
    fields = dict.fromkeys(name for found in by_provider.values() for name in found)
    found = []
    writers = _added(catalog)
    starts: dict[str, list[str]] = {name: [] for name in (*fields, *writers)}
    for table in unified_tables(catalog):
        for column in _columns(catalog, table):
            starts[column.split(".")[0]].append(f"{table.identifier}.{column}")
    for name, columns in starts.items():
        reached = _reached(columns, edges)
        found.append(
            Trail(
                name=name,
                field=name if name in fields else "",
                added_by="" if name in fields else writers[name],
                origins={provider: each.get(name, ()) for provider, each in by_provider.items()},
                columns={layer: tuple(each for each in reached if each.split(".")[0] == layer) for layer in LAYERS},
            )
        )
    return tuple(found)


def diagram(catalog: Catalog, provider: Provider) -> Drawing:
    """Return the lineage of a provider's webhooks as a diagram of five columns: paths, fields, and three layers."""
    fields = field_origins(catalog, provider)
    layers: list[list[Node]] = [[], [], *([] for _ in LAYERS)]
    edges: list[tuple[str, str]] = []
    for name, paths in fields.items():
        layers[1].append(Node(name, "field", name, href=f"lineage.html#{name}", title=f"{name} of the unified event"))
        for path in paths:
            kind = "set" if path.startswith("set by") else "path"
            layers[0].append(Node(f"from {path}", kind, _short(path), href=_declared(provider, name), title=path))
            edges.append((f"from {path}", name))
    for table in unified_tables(catalog):
        for column in _columns(catalog, table):
            layers[2].append(_column_node(catalog, f"{table.identifier}.{column}", table.identifier))
            if column.split(".")[0] in fields:
                edges.append((column.split(".")[0], f"{table.identifier}.{column}"))
    for derived in catalog.derived:
        for each in derived.columns:
            node = _column_node(catalog, f"{derived.identifier}.{each.name}", derived.identifier)
            layers[2 + LAYERS.index(derived.namespace)].append(node)
    drawn = {node.id for layer in layers for node in layer}
    edges += [edge for edge in column_edges(catalog) if drawn.issuperset(edge)]
    return _laid_out([_distinct(layer) for layer in layers], edges)


def _distinct(nodes: Iterable[Node]) -> list[Node]:
    found: dict[str, Node] = {}
    for node in nodes:
        found.setdefault(node.id, node)
    return list(found.values())


def _declared(provider: Provider, name: str) -> str:
    """Return where a provider's page says how a field is filled."""
    group = next((group.name for group in provider.mapping.groups if name in group.fields), None)
    return f"provider-{provider.name}.html#" + (f"{group}.{name}" if group else "envelope")


def _writer_of(catalog: Catalog, record: str) -> str:
    return next((name for topic in catalog.topics if topic.record == record for name in topic.producers), "normalizer")


def _columns(catalog: Catalog, table: Table) -> Iterator[str]:
    """Yield a table's columns; of a struct that lineage looks into, the members that are used instead."""
    used = {str(source) for each in catalog.derived for column in each.columns for source in column.sources}
    for field in catalog.record(table.record, table.version).record.fields:
        prefix = f"{table.identifier}."
        inner = sorted(name.removeprefix(prefix) for name in used if name.startswith(f"{prefix}{field.name}."))
        yield from inner or (field.name,)


def _added(catalog: Catalog) -> dict[str, str]:
    unified = {name for provider in catalog.providers for name in field_origins(catalog, provider)}
    return {
        field.name: table.writer
        for table in unified_tables(catalog)
        for field in catalog.record(table.record, table.version).record.fields
        if field.name not in unified
    }


def _reached(starts: Iterable[str], edges: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    found = dict.fromkeys(starts)
    todo = list(found)
    while todo:
        here = todo.pop(0)
        for source, target in edges:
            if source == here and target not in found:
                found[target] = None
                todo.append(target)
    return tuple(found)


def _column_node(catalog: Catalog, identifier: str, table: str) -> Node:
    layer = table.partition(".")[0]
    column = identifier.removeprefix(f"{table}.")
    tables = [*(each.namespace for each in catalog.tables), *(each.namespace for each in catalog.derived)]
    label = column if tables.count(layer) == 1 else identifier.removeprefix(f"{layer}.")
    href = f"tables.html#{table}.{column.partition('.')[0]}"
    return Node(identifier, layer, _short(label), href=href, title=identifier)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else "…" + text[1 - _LONGEST :]


def _laid_out(layers: Sequence[Sequence[Node]], edges: Sequence[tuple[str, str]]) -> Drawing:
    step = _MEASURE.height + _MEASURE.gap
    places: dict[str, float] = {}
    boxes: dict[str, Box] = {}
    x, lowest = float(MARGIN), 0.0
    top = MARGIN + 24  # room for the headings
    for layer in layers:
        mean = means([node.id for node in layer], edges, places)
        broad = max((width(node, _MEASURE) for node in layer), default=0)
        y = float(top)
        for node in sorted(layer, key=lambda each: mean.get(each.id, float("inf"))):
            y = max(y, mean.get(node.id, 0))
            places[node.id] = y
            boxes[node.id] = Box(node, round(x, 1), round(y, 1), broad, _MEASURE.height)
            y += step
        lowest = max(lowest, y)
        x += broad + _MEASURE.between
    lines = tuple(Line(source, target, "", curve(boxes[source], boxes[target])) for source, target in edges)
    return Drawing(round(x - _MEASURE.between + MARGIN, 1), round(lowest + MARGIN, 1), tuple(boxes.values()), lines)
