"""The JSON Schema of the bodies that `gateway.envelope` takes for events: no more, no fewer.

JSON Schema cannot say how a number is written, nor what makes a text JSON: that an integer has no fraction, and that a
number is not larger than a double, stand in words beside the schema.
"""

from collections.abc import Mapping
from typing import Any, Final

from payments_contracts.providers import Envelope, JsonType, Path

_TYPES: Final[Mapping[JsonType, Mapping[str, object]]] = {
    # An empty text counts as absent.
    "string": {"type": "string", "minLength": 1},
    # What the parser reads as an integer; what is beyond is a number.
    "integer": {"type": "integer", "minimum": -(2**63), "maximum": 2**64 - 1},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "object": {"type": "object"},
    "array": {"type": "array"},
}
_OWNER: Final[Mapping[str, object]] = {"type": ["string", "null"]}


def body_schema(envelope: Envelope) -> dict[str, Any]:
    """Return the schema of the bodies that a provider's gateway answers with 200 where they are authentic."""
    schema: dict[str, Any] = {"type": "object", "additionalProperties": True}
    for path, wanted in envelope.required:
        _require(schema, path, wanted)
    owners = [path for path in (envelope.account, *envelope.merchant_id) if path is not None]
    for path in owners:
        node = _at(schema, path)
        if "type" not in node:
            node |= _OWNER
    singles = (envelope.event_id, envelope.event_type, envelope.api_version, envelope.created_at)
    for path in (*owners, *(each for each in singles if each is not None)):
        node = _at(schema, path)
        # Where it may be a text; JSON Schema counts code points, as Python does.
        if "string" in node.get("type", "string"):
            node["maxLength"] = envelope.max_text_characters
    return schema


def _require(schema: dict[str, Any], path: Path, wanted: JsonType) -> None:
    node = schema
    for key in path:
        node["type"] = "object"
        required = node.setdefault("required", [])
        if key not in required:
            required.append(key)
        node = node.setdefault("properties", {}).setdefault(key, {})
    node |= _TYPES[wanted]


def _at(schema: dict[str, Any], path: Path) -> dict[str, Any]:
    node = schema
    for key in path:
        # Without a type: what is not an object has nothing at the path.
        node = node.setdefault("properties", {}).setdefault(key, {})
    return node
