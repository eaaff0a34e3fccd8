"""Links of the site that lead nowhere."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from codegen.model import GeneratedFile

_OUTSIDE = ("https://", "http://", "data:")


class _Anchors(HTMLParser):
    """The links of a page, and the ids that links can lead to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - the parser's
        for name, value in attrs:
            if name in {"href", "src"}:
                self.links.append(value or "")
            elif name == "id":
                self.ids.add(value or "")


def dead_links(files: Iterable[GeneratedFile]) -> tuple[tuple[str, str], ...]:
    """Return each link of the pages, and of the search index, to a file or a place in it that is not there.

    A link is the path of the file that has it, and its target as it is written. Addresses of other sites are not asked.
    """
    texts = {file.path: file.content.decode() for file in files}
    anchors = {path: _Anchors(text) for path, text in texts.items() if path.endswith(".html")}

    def alive(path: str, target: str) -> bool:
        name, _, fragment = target.partition("#")
        name = name or path
        return name in texts and (not fragment or (name in anchors and unquote(fragment) in anchors[name].ids))

    links = [(path, target) for path, page in anchors.items() for target in page.links]
    links += [("search.js", target) for target in _searched(texts.get("search.js", ""))]
    return tuple(
        (path, target) for path, target in links if not target.startswith(_OUTSIDE) and not alive(path, target)
    )


def _searched(script: str) -> Iterator[str]:
    """Yield the targets of the search index, which is an array of entries inside a script."""
    if script:
        for _, _, target, _ in json.loads(script[script.index("[\n") : script.rindex(";")]):
            yield target
