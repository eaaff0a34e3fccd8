"""What of a webhook a signature may cover or stand in, beside the body's bytes. Pure."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from payments_contracts.providers import First, Header, Joined, Path, Source


class Carried(NamedTuple):
    """Headers by their names in lower case, and the body parsed, where the provider's contract looks into it."""

    headers: Mapping[str, str]
    content: Any = None


NOTHING: Final = Carried(MappingProxyType({}))


def find(content: Any, path: Path) -> Any:
    """Return what stands at a path of a JSON document, None where nothing does."""
    for step in path:
        if type(step) is int:
            content = content[step] if type(content) is list and len(content) > step else None
        else:
            content = content.get(step) if type(content) is dict else None
    return content


def written(value: object) -> str:
    """Return a text, whole number or boolean as it is signed and joined; an empty text for anything else."""
    match value:
        case bool():
            return "true" if value else "false"
        case str() | int():
            return str(value)
        case _:
            return ""


def shown(path: Sequence[str | int]) -> str:
    """Return a path as people write it."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def paths_of(source: Source) -> tuple[Path, ...]:
    """Return the places of the body that a source reads."""
    match source:
        case Joined(paths, _) | First(paths):
            return paths
        case Header():
            return ()
        case _:
            return (source,)
