"""What would become of a webhook, and which line of the contracts says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
from rich.console import Group
from rich.table import Table
from rich.text import Text

from codegen.build import at, merchant
from codegen.envelope import refusal
from codegen.mapping.evaluate import Normalized, Rejected, Unsupported, evaluate
from codegen.mapping.plan import Refusal, plan

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from codegen.model import Catalog, Provider


def body_of(provider: Provider, file: Path) -> bytes:
    """Return the body in a file: an example of the contracts, or a body as it was sent; OSError if unreadable."""
    if file.suffix == ".yaml":
        for example in provider.examples:
            if example.source.path == f"providers/{provider.name}/examples/{file.name}":
                return example.body
    return file.read_bytes()


def explain(catalog: Catalog, provider: Provider, body: bytes, merchant_id: str) -> Group:
    """Return in colour what becomes of a body; `merchant_id` is the merchant of the endpoint's secret."""
    code = refusal(provider.envelope, body)
    if code is not None:
        where = f"contracts/{catalog.ingestion.source.path}:{catalog.ingestion.source.line('reason_codes', code)}"
        return Group(
            Text("malformed", style="bold red") + Text(": the gateway answers 4xx and writes no event"),
            Text(f"  {code}: {catalog.ingestion.reason_codes.get(code, '')} ") + Text(where, style="dim"),
        )
    found = merchant(provider.envelope, orjson.loads(body), merchant_id)
    match evaluate(plan(catalog, provider), body, found):
        case Unsupported(event_type):
            return Group(
                Text("unsupported", style="bold yellow")
                + Text(f": no mapping covers {event_type}; it stays in the raw topic")
            )
        case Rejected(refusals, event_type):
            head = Text("rejected", style="bold red") + Text(f": {event_type or 'no event type'}")
            return Group(head, *(line for each in refusals for line in _reason(catalog, provider, each, event_type)))
        case Normalized(event):
            provider_type = at(orjson.loads(body), provider.mapping.event_type)
            table = Table("field", "value", "mapping.yaml", box=None, header_style="dim")
            for name, value in event.items():
                _add_row(table, name, value, str(_line(provider, name, provider_type)))
            return Group(Text("normalized", style="bold green") + Text(f": {event['event_type']}"), table)


def _reason(catalog: Catalog, provider: Provider, refused: Refusal, event_type: str | None) -> Iterator[Text]:
    yield Text(f"  {refused.code}", style="red") + Text(f" {refused.field}: {refused.message}")
    rules = catalog.validation
    line = _line(provider, refused.field, event_type)
    yield Text(f"      mapping  contracts/{provider.mapping_source.path}:{line}", style="dim")
    for index, rule in enumerate(rules.fields.get(refused.field, ())):
        if rule.code == refused.code:
            line = rules.source.line("fields", refused.field, index)
            yield Text(f"      rule     contracts/{rules.source.path}:{line}", style="dim")
    line = rules.source.line("reason_codes", refused.code)
    yield Text(
        f"      meaning  contracts/{rules.source.path}:{line} {rules.reason_codes.get(refused.code, '')}", style="dim"
    )


def _add_row(table: Table, name: str, value: object, line: str) -> None:
    members = value if isinstance(value, dict) else {}
    shown = f"{len(members)} entries" if members else str(value)
    table.add_row(name, Text(shown, style="dim" if value is None else "green"), f"line {line}")
    for key, member in members.items():
        table.add_row(Text(f"  {key}", style="dim"), Text(member, style="dim"), "")


def _line(provider: Provider, field: str, event_type: str | None) -> int:
    groups = provider.mapping.groups
    index = next((index for index, group in enumerate(groups) if event_type in group.events), 0)
    return provider.mapping_source.line("groups", index, "fields", field)
