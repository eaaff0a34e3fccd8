"""What an example has to expect, and the example's file with that in it: only what differs is written anew."""

from __future__ import annotations

import json
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import yaml

from codegen.document import compose, line_after, parse
from codegen.envelope import found_in, refusal
from codegen.form import content_of
from codegen.mapping.evaluate import Normalized, Outcome, Rejected, Unsupported, evaluate
from codegen.text import block

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from codegen.mapping.plan import Plan
    from codegen.model import Example
    from codegen.webhooks import Envelope

_ANY_TIME = 0
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})
_Edit = tuple[int, int, str]
"""The first line to replace, the line after the last, and the lines to put in their place."""


def expectation(  # noqa: PLR0917 - what an example holds
    envelope: Envelope,
    planned: Plan,
    body: bytes,
    merchant_id: str,
    headers: Mapping[str, str] = _NO_HEADERS,
    received_at: int | None = None,
) -> dict[str, Any]:
    """Return what an example of a body says: `outcome`, and `expected` where the outcome has one."""
    refused = refusal(envelope, body, headers)
    if refused is not None:
        return {"outcome": "malformed", "expected": {"reason_codes": [refused]}}
    found = found_in(envelope, content_of(envelope.form, body), headers, received_at)
    match evaluate(planned, body, merchant_id, *found):
        case Unsupported():
            return {"outcome": "unsupported"}
        case Rejected(refusals, _):
            return {"outcome": "rejected", "expected": {"reason_codes": [each.code for each in refusals]}}
        case Normalized(event):
            if received_at is None:
                arrived = evaluate(planned, body, merchant_id, *found._replace(received_at=_ANY_TIME))
                event = _without_arrival(event, arrived)
            return {"outcome": "accepted", "expected": {"event": {name: plain(value) for name, value in event.items()}}}


def _without_arrival(event: dict[str, object], arrived: Outcome) -> dict[str, object]:
    """Leave out what is null for the want of a time of arrival alone: in the pipeline, which has one, it is not."""
    if not isinstance(arrived, Normalized):
        return event
    return {name: value for name, value in event.items() if value is not None or arrived.event[name] is None}


def plain(value: object) -> object:
    """Return a value of an event as an example writes it: an instant as text, with milliseconds where it has any."""
    if not isinstance(value, datetime):
        return value
    return value.isoformat(timespec="milliseconds" if value.microsecond else "seconds").replace("+00:00", "Z")


def differs(example: Example, wanted: Mapping[str, Any]) -> bool:
    """Return whether an example, whose outcome is right, expects something else than it has to."""
    expected = wanted.get("expected", {})
    if "event" in expected:
        return bool(unequal(expected["event"], example.event or {}))
    return list(example.reason_codes) != expected.get("reason_codes", []) or (
        not expected and "expected" in example.source.data
    )


def unequal(event: Mapping[str, object], expected: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the fields in which an event is not what is expected; what is null may be left out of the latter."""
    names = dict.fromkeys((*expected, *event))
    return tuple(name for name in names if not _same(plain(event.get(name)), expected.get(name)))


def completed(example: Example, wanted: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what an example has to expect, without nulls that it rightly leaves out; empty where that is nothing."""
    expected: Mapping[str, Any] = wanted.get("expected", {})
    if "event" not in expected or example.event is None:
        return expected
    event = {name: value for name, value in expected["event"].items() if value is not None or name in example.event}
    return {"event": event}


def rewritten(example: Example, expected: Mapping[str, Any]) -> str:
    """Return the text of an example's file that expects this; comments, order and all else stay as they are."""
    text = example.source.text
    if "expected" not in example.source.data:
        return f"{text.rstrip()}\n{block({'expected': expected})}"
    lines = text.splitlines(keepends=True)
    data = example.source.data
    # Where nothing is to be expected, the key goes, too.
    wanted = {**data, "expected": expected} if expected else {key: data[key] for key in data if key != "expected"}
    edits = list(_members(compose(text), data, wanted, lines))
    # From the end, so that lines above keep their numbers; of several at one line the last goes first.
    for first, after, new in sorted(edits, key=lambda edit: edit[:2])[::-1]:
        lines[first:after] = [new]
    changed = "".join(lines)
    if not _same(parse(example.source.path, changed).data, wanted):
        raise AssertionError(
            f"{example.source.path} cannot be rewritten: write what `codegen try --format yaml` prints"
        )
    return changed


def _members(
    node: yaml.MappingNode, data: Mapping[str, Any], wanted: Mapping[str, Any], lines: Sequence[str]
) -> Iterator[_Edit]:
    """Yield how a block of keys and values becomes another, key by key."""
    indent = " " * node.start_mark.column
    present = {key.value: (key, value) for key, value in node.value}
    for name, (key, value) in present.items():
        if name not in wanted:
            yield key.start_mark.line, line_after(value), ""
        elif _same(data[name], wanted[name]):
            continue
        elif _is_block(value) and isinstance(wanted[name], dict) and wanted[name]:
            yield from _members(value, data[name], wanted[name], lines)
        else:
            new = _indented(indent, {name: wanted[name]})
            yield key.start_mark.line, line_after(value), new.replace("\n", f"{_comment(value, lines)}\n", 1)
    after = node.start_mark.line
    for name, value in wanted.items():
        if name in present:
            after = line_after(present[name][1])
        else:
            yield after, after, _indented(indent, {name: value})


def _same(one: object, other: object) -> bool:
    """Return whether two values are the same in JSON, where true is not 1 and 1 is not 1.0."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _is_block(node: yaml.Node) -> bool:
    return isinstance(node, yaml.MappingNode) and not node.flow_style


def _comment(node: yaml.Node, lines: Sequence[str]) -> str:
    """Return the comment behind a value in its line, with the spaces before it."""
    rest = lines[node.end_mark.line][node.end_mark.column :].rstrip() if node.end_mark.column else ""
    return rest if rest.lstrip().startswith("#") else ""


def _indented(indent: str, data: Mapping[str, Any]) -> str:
    return "".join(f"{indent}{line}\n" for line in block(dict(data)).splitlines())
