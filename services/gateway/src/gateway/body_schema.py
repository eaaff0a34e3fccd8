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
_ACCOUNT: Final[Mapping[str, object]] = {"type": ["string", "null"]}


def body_schema(envelope: Envelope) -> dict[str, Any]:
    """Return the schema of the bodies that a provider's gateway answers with 200 where they are authentic."""
    schema: dict[str, Any] = {"type": "object", "additionalProperties": True}
    if envelope.items is not None:
        _require(schema, envelope.items.path, "array")
        _at(schema, envelope.items.path).update({"minItems": 1, "maxItems": envelope.items.most})
    for path, kinds in envelope.required:
        _require(schema, path, *kinds)
        if "string" in kinds and (null_values := sorted(envelope.null_values - {""})):
            _at(schema, path)["not"] = {"enum": null_values}
    if envelope.account is not None and "type" not in (node := _at(schema, envelope.account)):
        node |= _ACCOUNT
    for path in envelope.identifying:
        node = _at(schema, path)
        # Where it may be a text; JSON Schema counts code points, as Python does.
        if "string" in node.get("type", "string"):
            node["maxLength"] = envelope.max_text_characters
    return schema


def _require(schema: dict[str, Any], path: Path, *kinds: JsonType) -> None:
    node = schema
    for step in path:
        if isinstance(step, int):
            node |= {"type": "array", "minItems": 1}
        else:
            node["type"] = "object"
            required = node.setdefault("required", [])
            if step not in required:
                required.append(step)
        node = _below(node, step)
    for kind in kinds:
        node |= _TYPES[kind]
    if len(kinds) > 1:
        node["type"] = list(kinds)


def _at(schema: dict[str, Any], path: Path) -> dict[str, Any]:
    node = schema
    for step in path:
        # Without a type: what is not an object has nothing at the path.
        node = _below(node, step)
    return node


def _below(node: dict[str, Any], step: str | int) -> dict[str, Any]:
    below: dict[str, Any] = (
        node.setdefault("items", {})
        if isinstance(step, int)
        else node.setdefault("properties", {}).setdefault(step, {})
    )
    return below
