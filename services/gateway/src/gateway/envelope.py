"""Reads from an authentic body what the pipeline needs to carry it, and nothing more. Pure.

What a parser may decide either way is decided here: NaN, Infinity, lone surrogates, a byte order mark, text after the
document, numbers beyond a double and nesting deeper than 1,024 are not JSON; of a repeated key the last value counts;
an integer beyond 64 bits is a number, not an integer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from payments_contracts.identity import event_id
from payments_contracts.normalize.values import iso8601_millis
from payments_contracts.providers import Path, Provider

from gateway.errors import Malformed

_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "object": dict,
    "array": list,
}
_NAMES: Mapping[type, str] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    dict: "object",
    list: "array",
    type(None): "null",
}
_LAST_MILLISECOND = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp()) * 1000


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a webhook says it is. `created_at` is in milliseconds since 1970; None where it is beyond any calendar."""

    event_id: str
    provider_event_id: str
    event_type: str
    merchant_id: str
    api_version: str | None
    created_at: int | None


def read(provider: Provider, body: bytes, endpoint_merchant_id: str) -> Envelope | Malformed:
    """Read a body's envelope where the provider's contract says it is.

    An empty text counts as absent: as an id it would make different events the same.
    """
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        return _undecodable(body)
    if not isinstance(content, dict):
        return Malformed("not_object", f"The body is a JSON {_name(content)}, not an object.", "structure")
    places = provider.envelope
    for path, wanted in places.required:
        if (problem := _require(content, path, wanted)) is not None:
            return problem
    for path in places.merchant_id if places.account is None else (places.account, *places.merchant_id):
        value = _find(content, path)
        if value is not None and not isinstance(value, str):
            # Passing over it would give the event to another merchant.
            return _mistyped(path, value, "string")
    account = _text(content, places.account)
    provider_event_id = str(_find(content, places.event_id))
    owners = (_text(content, path) for path in places.merchant_id)
    return Envelope(
        event_id=event_id(provider.name, account, provider_event_id),
        provider_event_id=provider_event_id,
        event_type=str(_find(content, places.event_type)),
        merchant_id=next((owner for owner in owners if owner is not None), endpoint_merchant_id),
        api_version=_text(content, places.api_version),
        created_at=_milliseconds(_find(content, places.created_at)),
    )


def _undecodable(body: bytes) -> Malformed:
    try:
        body.decode()
    except UnicodeDecodeError as error:
        return Malformed("not_utf8", f"The body is not UTF-8, from byte {error.start} on.", "decode")
    return Malformed("not_json", "The body is not JSON (RFC 8259), or nested deeper than 1024.", "decode")


def _require(content: Mapping[str, Any], path: Path, wanted: str) -> Malformed | None:
    value: Any = content
    for depth, key in enumerate(path):
        if not isinstance(value, dict):
            return _mistyped(path[:depth], value, "object")
        value = value.get(key)
        if value is None or value == "":
            dotted = ".".join(path)
            return Malformed("field_missing", f"The field {dotted} is absent, null or empty.", "structure")
    # In Python a boolean is an integer; in JSON it is not.
    if not isinstance(value, _TYPES[wanted]) or (isinstance(value, bool) and wanted != "boolean"):
        return _mistyped(path, value, wanted)
    return None


def _mistyped(path: Path, value: object, wanted: str) -> Malformed:
    return Malformed("field_type", f"The field {'.'.join(path)} is a JSON {_name(value)}, not {wanted}.", "structure")


def _find(content: Mapping[str, Any], path: Path) -> Any:
    value: Any = content
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def _text(content: Mapping[str, Any], path: Path | None) -> str | None:
    value = None if path is None else _find(content, path)
    return value if isinstance(value, str) and value else None


def _milliseconds(created: object) -> int | None:
    """Return an instant that is written as a contract may have it: seconds since 1970, or a text in ISO 8601."""
    millis = created * 1000 if isinstance(created, int) else iso8601_millis(created)
    return millis if millis is not None and 0 <= millis <= _LAST_MILLISECOND else None


def _name(value: object) -> str:
    return _NAMES[type(value)]
