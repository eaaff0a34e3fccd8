"""Documents of the repository as pages of a site: where each goes, and where its links lead there.

A document is written for the repository, and is not changed for the site. What it links to is a page, or another file
of the repository; the latter has a link where the site knows the repository's address, else only its text.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# A block of code, a span of code, or a link with its text: in the first two nothing is a link.
_PARTS = re.compile(
    r"^(?P<margin> *)```.*?^(?P=margin)```|(?P<span>`+).+?(?P=span)"
    r"|(?P<image>!?)\[(?P<text>(?:[^\[\]`]|`[^`]*`)*)\]\((?P<target>[^)\s]+)\)",
    re.DOTALL | re.MULTILINE,
)
_TITLE = re.compile(r"^# (.+)$", re.MULTILINE)


class DeadLinkError(ValueError):
    """A document links to what is not there; the message names both."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where things are.

    Args:
        pages: The page of each document, by the document's path in the repository.
        is_there: Whether the repository has a file or folder.
        repository: Address under which the repository shows its files; None where none is known.
    """

    pages: Mapping[str, str]
    is_there: Callable[[str], bool]
    repository: str | None = None


def page_of(document: str, text: str, places: Places) -> str:
    """Return a document as the page that it is on the site.

    Raises:
        DeadLinkError: It links to what is not there.
    """

    def moved(found: re.Match[str]) -> str:
        target = found["target"]
        if target is None or re.match(r"[a-z]+:|#", target):
            return found[0]
        path, mark, fragment = target.partition("#")
        wanted = posixpath.normpath(posixpath.join(posixpath.dirname(document), path))
        if found["image"]:
            return f"![{found['text']}]({_from(places.pages[document], wanted.removeprefix('docs/'))})"
        if (page := places.pages.get(wanted)) is not None:
            return f"[{found['text']}]({_from(places.pages[document], page)}{mark}{fragment})"
        if not places.is_there(wanted):
            raise DeadLinkError(f"{document}: {target} is not there")
        if places.repository is None:
            return found["text"]
        return f"[{found['text']}]({places.repository}/{wanted})"

    return _PARTS.sub(moved, text)


def title_of(text: str) -> str:
    """Return the first heading of a document."""
    found = _TITLE.search(text)
    if found is None:
        raise ValueError("the document has no heading")
    return found[1]


def _from(page: str, other: str) -> str:
    return posixpath.relpath(other, posixpath.dirname(page) or ".")
