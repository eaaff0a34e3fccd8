"""Which path of a payload somebody probably meant who wrote one that is not declared."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from codegen.language.model import Path
from codegen.payload import declared, meant_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.model import Payload

# A payload contract has some hundreds of paths, of ten steps at most; where schemas hold themselves, there is no end of
# them, and each is the dearer the deeper it is.
_TRIED = 5000
_DEEPEST = 16


def likely(payload: Payload, schema: str, path: Path) -> str:
    """Return the declared path that a wrong one stands for, as the end of a sentence; empty where none is likely.

    It has one step in another spelling, or all the steps of the wrong one and more of them.
    """
    if (close := meant_path(payload, schema, path)) != "":
        return close
    paths = islice(_declared_paths(payload, schema), _TRIED)
    longer = next((each for each in paths if each.steps[-1] == path.steps[-1] and _holds(each, path)), None)
    return f" (did you mean {longer}?)" if longer else ""


def _holds(path: Path, steps: Path) -> bool:
    """Return whether a path has the steps of another one, in their order."""
    remaining = iter(path.steps)
    return all(step in remaining for step in steps.steps)


def _declared_paths(payload: Payload, schema: str) -> Iterator[Path]:
    """Yield the paths that a payload contract declares below a schema, as deep as is tried, the shorter ones first."""
    level = [Path(())]
    for _ in range(_DEEPEST):
        below: list[Path] = []
        for path in level:
            for step in _steps(payload, schema, path):
                below.append(Path((*path.steps, step)))
                yield below[-1]
        level = below


def _steps(payload: Payload, schema: str, path: Path) -> Iterator[str | int]:
    found = declared(payload, schema, path)
    if found is not None:
        yield from found.schema.get("properties", ())
        if "items" in found.schema:
            yield 0
