"""Values of a JSON document, and of what comes with it, where a provider's contract says they are."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from payments_contracts.providers import First, Header, Joined, Path, Source

_NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})


def find(content: Any, source: Source, headers: Mapping[str, str] = _NO_HEADERS) -> Any:
    """Return what a contract finds in a document or its headers, None where there is nothing."""
    match source:
        case Header(name):
            return headers.get(name.lower())
        case First(paths):
            return next((value for path in paths if (value := find(content, path)) is not None), None)
        case Joined(paths, separator):
            values = [find(content, path) for path in paths]
            return None if None in values else separator.join(map(written_value, values))
        case _:
            for step in source:
                if isinstance(step, int):
                    content = content[step] if isinstance(content, list) and len(content) > step else None
                else:
                    content = content.get(step) if isinstance(content, dict) else None
            return content


def written_value(value: object) -> str:
    """Return a text, whole number or boolean as it is joined and signed; an empty text for anything else."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int) else ""


def place(content: Any, path: Path, value: object) -> None:
    """Put a value at a path; objects on the way are made, lists have to be there."""
    for step in path[:-1]:
        content = content[step] if isinstance(step, int) else content.setdefault(step, {})
    content[path[-1]] = value
