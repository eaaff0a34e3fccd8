"""What a gateway asks of a body before it lets it in, as the contracts say it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from codegen.build import at

if TYPE_CHECKING:
    from codegen.model import Envelope

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
}


def refusal(envelope: Envelope, body: bytes) -> str | None:
    """Return the first ingestion reason code against a body, or None where it may come in."""
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return "not_utf8"
    try:
        root = orjson.loads(body)
    except orjson.JSONDecodeError:
        return "not_json"
    if not isinstance(root, dict):
        return "not_object"
    for path, name in envelope.required:
        value = at(root, path)
        if value is None:
            return "field_missing"
        if not _is(value, name):
            return "field_type"
    return "body_too_large" if len(body) > envelope.max_body_bytes else None


def _is(value: Any, name: str) -> bool:
    # Python's bool is an int; JSON's is not.
    return isinstance(value, _TYPES[name]) and (name == "boolean" or not isinstance(value, bool))
