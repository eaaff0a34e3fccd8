"""Places in a contract where something is still to be written: texts that begin with TODO.

`TODO: what it is; see where the fact can be found`
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.document import Document, Place
    from codegen.findings import Finding

_FORM = re.compile(r"TODO\b:?\s*(?P<what>.*?)(?:; (?P<where>see .*))?", re.DOTALL)


def todo(what: str, where: str) -> str:
    """Return the text that stands for something still to be written, and says where the fact can be found."""
    return f"TODO: {what}; see {where}"


def placeholders(document: Document) -> Iterator[tuple[Place, Finding]]:
    """Yield a finding for each place that is still to be written."""
    for place, text in _texts(document.data, ()):
        found = _FORM.fullmatch(text)
        if found is not None:
            message = f"still to be written: {found['what'] or 'this'}"
            yield place, document.finding("todo", place, message, found["where"] or "replace the text")


def _texts(data: Any, place: Place) -> Iterator[tuple[Place, str]]:
    if isinstance(data, str):
        yield place, data
    elif isinstance(data, dict):
        for name, value in data.items():
            yield from _texts(value, (*place, name))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from _texts(value, (*place, index))
