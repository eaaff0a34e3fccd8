"""Takes single values out of a JSON text without making the rest of it. Pure.

Making every object and text of a webhook, only to throw them away, takes longer than all else that is done with it.
"""

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any

import msgspec
import simdjson
from payments_contracts.providers import JsonType

Keys = tuple[str, ...]
Required = Mapping[Keys, tuple[JsonType, ...]]

# What the types leave open, numbers among it, is for the caller to look at.
_TYPES: Mapping[Sequence[JsonType], Any] = {("string",): str, ("boolean",): bool, ("array",): list[Any]}


class Excerpt:
    """Reads values at given paths of JSON objects.

    Args:
        required: Paths that have to be there, with the types that each may have. Any path below may be asked for, too.
        wanted: Paths whose values are wanted, in the order in which they are returned.
    """

    def __init__(self, required: Required, wanted: Sequence[Keys]) -> None:
        self._decode = msgspec.json.Decoder(_node((), required, {*required, *wanted})).decode
        self._check = simdjson.Parser().parse
        self._values = attrgetter(*(".".join(map(_attribute, path)) for path in wanted))

    def take(self, body: bytes) -> tuple[Any, ...] | None:
        """Return the wanted values, None for what is absent; or None where anything is out of the ordinary.

        Then the caller has to read the whole body to learn what. What is taken here is what a reading of the whole
        body would find. Texts may be empty.
        """
        try:
            # Two libraries, since the one that reads only what is asked for does not look closely at the rest.
            self._check(body)
            values: tuple[Any, ...] = self._values(self._decode(body))
        except (msgspec.MsgspecError, ValueError, RuntimeError, AttributeError):
            return None
        return values


def _node(at: Keys, required: Required, paths: set[Keys]) -> type[msgspec.Struct]:
    """Return the type of the object at a path."""
    names = {path[len(at)] for path in paths if path[: len(at)] == at and len(path) > len(at)}
    return msgspec.defstruct(
        "_".join(("Excerpt", *at)),
        # A field without a default has to come first.
        sorted((_field((*at, name), required, paths) for name in names), key=len),
        rename={_attribute(name): name for name in names},
        gc=False,
    )


def _field(path: Keys, required: Required, paths: set[Keys]) -> Any:
    name = _attribute(path[-1])
    has_children = any(len(each) > len(path) and each[: len(path)] == path for each in paths)
    if required.get(path) == ("object",) or (has_children and any(each[: len(path)] == path for each in required)):
        return name, _node(path, required, paths)
    if path in required and not has_children:
        return name, _TYPES.get(required[path], Any)
    if not has_children:
        return name, Any, None
    node = _node(path, required, paths)
    # Absent objects hold nothing; a null fails at its members, so that the body is read whole.
    return name, node | None, msgspec.field(default_factory=node)


def _attribute(key: str) -> str:
    # Out of the way of keywords and of what objects have anyway.
    return f"at_{key}"
