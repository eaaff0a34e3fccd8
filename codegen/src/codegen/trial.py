"""What would become of a webhook, and which line of the contracts says so."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

from codegen.build import at, merchant
from codegen.envelope import Fault, fault, found_in
from codegen.envelope import Found as Handed
from codegen.expectation import completed, differs, expectation, rewritten
from codegen.form import content_of
from codegen.language.model import (
    After,
    Coalesce,
    Decimal,
    Exponent,
    Expression,
    Lookup,
    Lower,
    Money,
    NullIf,
    Sign,
    Time,
    Upper,
    When,
    Whole,
)
from codegen.language.model import Envelope as Found
from codegen.language.parts import origin, paths
from codegen.mapping.evaluate import Normalized, Rejected, Unsupported, evaluate, value_of
from codegen.mapping.plan import MISSING, TYPE_INVALID, VALUE_UNKNOWN, Refusal, plan
from codegen.text import block
from codegen.unmapped import patterns

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from codegen.document import Document
    from codegen.mapping.plan import Plan
    from codegen.model import Catalog, Example, Provider

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})
# What of a field's contract a reason code of the mapping language is about.
_PART_OF_FIELD = {MISSING: "type", TYPE_INVALID: "type", VALUE_UNKNOWN: "allowed_values"}


def example_in(provider: Provider, file: Path) -> Example | None:
    """Return the example of the contracts that a file is; None of any other file."""
    named = f"providers/{provider.name}/examples/{file.name}"
    return next((example for example in provider.examples if example.source.path == named), None)


def owner_of(catalog: Catalog, file: Path) -> str | None:
    """Return the provider in whose folder of examples a file is; None of any other file."""
    *_, name, folder, _ = ("", "", *file.resolve().parts)
    is_example = folder == "examples" and file.suffix == ".yaml"
    return name if is_example and any(each.name == name for each in catalog.providers) else None


def as_example(  # noqa: PLR0917 - what an example holds
    catalog: Catalog,
    provider: Provider,
    body: bytes,
    merchant_id: str,
    headers: Mapping[str, str] = _NO_HEADERS,
    received_at: int | None = None,
) -> str:
    """Return what an example of a body says beside it, as YAML: its outcome, its event type, and what it expects."""
    owner = _merchant(provider, body, merchant_id)
    found = expectation(provider.envelope, plan(catalog, provider), body, owner, headers, received_at)
    root = None if found["outcome"] == "malformed" else content_of(provider.envelope.form, body)
    place = provider.mapping.event_type
    event_type = found_in(provider.envelope, root, headers).event_type if isinstance(place, Found) else at(root, place)
    named = {"event_type": event_type} if isinstance(event_type, str) else {}
    return block({"outcome": found.pop("outcome"), **named, **found})


def outdated(
    catalog: Catalog, providers: Iterable[Provider]
) -> tuple[list[tuple[Example, str]], list[tuple[Example, str]]]:
    """Return the examples that expect something else than becomes of them, each with its file's text as it has to be.

    And, apart, those of which something else becomes than they are about, each with that outcome.
    """
    stale: list[tuple[Example, str]] = []
    others: list[tuple[Example, str]] = []
    for provider in providers:
        planned = plan(catalog, provider)
        for example in provider.examples:
            wanted = expectation(
                provider.envelope, planned, example.body, example.merchant_id, example.headers, example.received_at
            )
            if wanted["outcome"] != example.kind:
                others.append((example, wanted["outcome"]))
            elif differs(example, wanted):
                stale.append((example, rewritten(example, completed(example, wanted))))
    return stale, others


def _merchant(provider: Provider, body: bytes, otherwise: str) -> str:
    try:
        return merchant(provider.envelope, content_of(provider.envelope.form, body), otherwise)
    except ValueError:
        return otherwise


def explain(
    catalog: Catalog,
    provider: Provider,
    body: bytes,
    merchant_id: str,
    headers: Mapping[str, str] = _NO_HEADERS,
    *,
    now: int | None = None,
) -> Group:
    """Return in colour what becomes of a body; `merchant_id` is the merchant of the endpoint's secret.

    Where `now` is given, in milliseconds since 1970, the age of the event counts as it does at the gateway.
    """
    if not body:
        return Group(
            Text("refused", style="bold red") + Text(": the gateway answers 401; an empty body is never authentic")
        )
    found = fault(provider.envelope, body, headers)
    if found is not None:
        return _malformed(catalog, provider, found)
    root = content_of(provider.envelope.form, body)
    carried = found_in(provider.envelope, root, headers)
    owner = merchant(provider.envelope, root, merchant_id)
    verdict = _verdict(catalog, provider, body, owner, root, carried)
    most = provider.envelope.max_event_age_seconds
    if now is None or most is None or carried.created_at is None or now - carried.created_at <= most * 1000:
        return verdict
    age = (now - carried.created_at) // 1000
    return Group(
        Text("refused", style="bold red") + Text(": the gateway answers event_too_old and writes no event"),
        Text(f"      found    the event is {age} seconds old, and {most} are allowed", style="dim"),
        _line("asked", provider.source, "envelope", "max_event_age_seconds"),
        Text("allowed all the same, this becomes of it:", style="dim"),
        verdict,
    )


def _verdict(  # noqa: PLR0917 - what is known of a body by then
    catalog: Catalog, provider: Provider, body: bytes, owner: str, root: object, carried: Handed
) -> Group:
    match evaluate(plan(catalog, provider), body, owner, *carried):
        case Unsupported(event_type):
            return _unsupported(provider, event_type)
        case Rejected(refusals, event_type):
            head = Text("rejected", style="bold red") + Text(f": {event_type or 'no event type'}")
            return Group(head, *(line for each in refusals for line in _reason(catalog, provider, each, event_type)))
        case Normalized(event):
            return _normalized(catalog, provider, root, event, carried.event_type)


def _malformed(catalog: Catalog, provider: Provider, found: Fault) -> Group:
    rules = catalog.ingestion
    return Group(
        Text("malformed", style="bold red") + Text(": the gateway answers 4xx and writes no event"),
        Text(f"  {found.code}", style="red") + Text(f": {rules.reason_codes.get(found.code, '')}"),
        Text(f"      found    {found.message}", style="dim"),
        _line("asked", provider.source, *found.place),
        _line("meaning", rules.source, "reason_codes", found.code),
    )


def _unsupported(provider: Provider, event_type: str) -> Group:
    groups = provider.mapping.groups
    head = Text("unsupported", style="bold yellow")
    for pattern in (each for each in patterns(event_type) if each in provider.unmapped):
        return Group(
            head + Text(f": {event_type} is left unmapped on purpose; it stays in the raw topic"),
            Text(f"  {provider.unmapped[pattern]}"),
            _line("reason", provider.source, "unmapped", pattern),
        )
    return Group(
        head + Text(f": no mapping covers {event_type}; it stays in the raw topic"),
        *(
            _line("mapped", provider.mapping_source, "groups", index, "events", also=", ".join(group.events))
            for index, group in enumerate(groups)
        ),
    )


def _normalized(
    catalog: Catalog, provider: Provider, root: object, event: Mapping[str, object], event_type: str
) -> Group:
    table = Table("field", "value", "from", "mapping.yaml", box=None, header_style="dim")
    for column in table.columns:
        column.overflow = "fold"
    index = _group(provider, event_type)
    planned = plan(catalog, provider)
    for name, value in event.items():
        group = provider.mapping.groups[index]
        # What a provider fills for none of its events its mapping may leave out.
        filled = name in group.fields
        source = _taken(group.fields[name], root, planned) if filled else "left out"
        line = provider.mapping_source.line(*(group.place(index, name) if filled else ("groups", index)))
        members = value if isinstance(value, dict) else {}
        shown = f"{len(members)} entries" if members else str(value)
        table.add_row(name, Text(shown, style="dim" if value is None else "green"), Text(source), f"line {line}")
        for key, member in members.items():
            table.add_row(Text(f"  {key}", style="dim"), Text(str(member), style="dim"))
    return Group(Text("normalized", style="bold green") + Text(f": {event['event_type']}"), table)


def _taken(expression: Expression, root: object, planned: Plan) -> str:
    """Return in words where an expression took its value from: of several places, the first that has one."""
    match expression:
        case Coalesce(of):
            for each in of:
                # What the gateway found is not in the body.
                if not any(paths(each)) or value_of(planned, root, each) is not None:
                    return _taken(each, root, planned)
            return f"none of {len(of)} places"
        case (
            Lookup(of) | Time(of) | NullIf(of) | Upper(of) | Lower(of) | Exponent(of) | Money(of) | Decimal(of)
            | Whole(of) | Sign(of)
        ):  # fmt: skip
            return _taken(of, root, planned)
        case After(of, text):
            return f"what follows {text} in {_taken(of, root, planned)}"
        case When(path, values, then, otherwise):
            found = at(root, path)
            chosen = any(type(value) is type(found) and value == found for value in values)
            return _taken(then if chosen else otherwise, root, planned)
        case _:
            return origin(expression)


def _reason(catalog: Catalog, provider: Provider, refused: Refusal, event_type: str | None) -> Iterator[Text]:
    yield Text(f"  {refused.code}", style="red") + Text(f" {refused.field}: {refused.message}")
    mapped = ("groups", _group(provider, event_type), "fields", refused.field, "lookup", "table")
    yield _line("mapping", provider.mapping_source, *mapped)
    rules = catalog.validation
    for index, rule in enumerate(rules.fields.get(refused.field, ())):
        if rule.code == refused.code:
            yield _line("rule", rules.source, "fields", refused.field, index)
    part = _PART_OF_FIELD.get(refused.code)
    record = catalog.record(provider.mapping.record, provider.mapping.version)
    for index, field in enumerate(record.record.fields):
        if part and field.name == refused.field:
            yield _line("field", record.source, "fields", index, part)
    yield _line("meaning", rules.source, "reason_codes", refused.code, also=rules.reason_codes.get(refused.code, ""))


def _group(provider: Provider, event_type: object) -> int:
    groups = provider.mapping.groups
    return next((index for index, group in enumerate(groups) if event_type in group.events), 0)


def _line(what: str, source: Document, *place: str | int, also: str = "") -> Text:
    """Return a line that names the place in the contracts as editors and terminals turn it into a link."""
    return Text(f"      {what:8} contracts/{source.path}:{source.line(*place)} {also}".rstrip(), style="dim")
