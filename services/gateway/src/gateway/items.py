"""The events of a body that holds several. Pure."""

from typing import Any, NamedTuple

import orjson
from payments_contracts.providers import Items, Path

from gateway.carried import find


class Item(NamedTuple):
    """One event: the body parsed as if it held nothing else, and that body's bytes."""

    content: Any
    payload: bytes


def split(body: bytes, items: Items | None) -> list[Item] | None:
    """Return a body's events, a body without a list of them being one event; None where there are none, or too many.

    A body that holds one event stays byte for byte what it was.

    Raises:
        orjson.JSONDecodeError: The body is not JSON.
    """
    content = orjson.loads(body)
    if items is None:
        return [Item(content, body)]
    events = find(content, items.path)
    if type(events) is not list or not 0 < len(events) <= items.most:
        return None
    if len(events) == 1:
        return [Item(content, body)]
    each = [_alone(content, items.path, event) for event in events]
    return [Item(one, orjson.dumps(one)) for one in each]


def _alone(content: dict[str, Any], path: Path, event: object) -> dict[str, Any]:
    first, *rest = path
    key = str(first)
    return {**content, key: _alone(content[key], tuple(rest), event) if rest else [event]}
