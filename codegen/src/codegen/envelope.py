"""What a gateway asks of a body before it lets it in, as the contracts say it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from codegen.build import at

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from codegen.document import Place
    from codegen.language.model import Path
    from codegen.model import Envelope

_JSON_NAMES: dict[type, str] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    dict: "object",
    list: "array",
    type(None): "null",
}
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """What a gateway has against a body: a reason code, and the place in the provider's contract that asks for more."""

    code: str
    message: str
    place: Place


def refusal(envelope: Envelope, body: bytes) -> str | None:
    """Return the first ingestion reason code against a body, or None where it may come in."""
    found = fault(envelope, body)
    return None if found is None else found.code


def fault(envelope: Envelope, body: bytes) -> Fault | None:
    """Return the first fault of a body, or None where it may come in."""
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as error:
        return Fault("not_utf8", f"byte {error.start} is not UTF-8", ("envelope",))
    try:
        root = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        return Fault("not_json", str(error), ("envelope",))
    if not isinstance(root, dict):
        return Fault("not_object", f"the body is a JSON {_JSON_NAMES[type(root)]}", ("envelope",))
    if (found := next(_faults(envelope, root), None)) is not None:
        return found
    if len(body) > envelope.max_body_bytes:
        message = f"the body has {len(body)} bytes, and {envelope.max_body_bytes} are allowed"
        return Fault("body_too_large", message, ("envelope", "max_body_bytes"))
    return None


def _faults(envelope: Envelope, root: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield what is wrong with the fields, in the order in which gateways look at them."""
    owners = envelope.merchant_id if envelope.account is None else (envelope.account, *envelope.merchant_id)
    others = (envelope.event_id, envelope.event_type, envelope.created_at, envelope.api_version)
    carried = [path for path in (*owners, *others) if path is not None]
    for path, name in envelope.required:
        if (found := _unmet(root, path, name)) is not None:
            yield found
        elif path in carried:
            yield from _too_long(envelope, root, path)
    for path in owners:
        if (value := at(root, path)) is not None and not isinstance(value, str):
            message = f"{path} is a JSON {_JSON_NAMES[type(value)]}, not string; it would name another merchant"
            yield Fault("field_type", message, ("envelope",))
        yield from _too_long(envelope, root, path)
    for path in carried:
        yield from _too_long(envelope, root, path)


def _too_long(envelope: Envelope, root: Mapping[str, Any], path: Path) -> Iterator[Fault]:
    value, limit = at(root, path), envelope.max_text_characters
    if isinstance(value, str) and len(value) > limit:
        message = f"{path} has {len(value)} characters, and {limit} are allowed"
        yield Fault("field_too_long", message, ("envelope", "max_text_characters"))


def _unmet(root: Any, path: Path, name: str) -> Fault | None:
    """Return what is wrong at a required path; an empty text is as good as none."""
    place = ("envelope", "required", str(path))
    value = root
    for depth, step in enumerate(path.steps):
        if not isinstance(value, dict):
            above = ".".join(map(str, path.steps[:depth]))
            return Fault("field_type", f"{above} is a JSON {_JSON_NAMES[type(value)]}, not object", place)
        value = value.get(step)
        if value is None or value == "":
            return Fault("field_missing", f"{path} is absent, null or empty", place)
    if not _is(value, name):
        return Fault("field_type", f"{path} is a JSON {_JSON_NAMES[type(value)]}, not {name}", place)
    return None


def _is(value: Any, name: str) -> bool:
    # Python's bool is an int; JSON's is not.
    return isinstance(value, _TYPES[name]) and (name == "boolean" or not isinstance(value, bool))
