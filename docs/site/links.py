"""Links of a built site that lead nowhere, and what its pages would load from elsewhere."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# What a browser loads by itself; a link is followed only by who clicks it.
_LOADS = {("img", "src"), ("link", "href"), ("script", "src"), ("iframe", "src"), ("source", "src")}


class _Page(HTMLParser):
    """The links of a page, what it loads, and the ids that links can lead to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.ids: set[str] = set()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in {"href", "src"}:
                (self.loaded if (tag, name) in _LOADS else self.links).append(value or "")
            elif name == "id":
                self.ids.add(value or "")


def dead_links(site: Path) -> Iterator[str]:
    """Yield a sentence for each link of the site's pages that leads nowhere, and for each that loads from elsewhere."""
    pages = {path: _Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    for path, page in pages.items():
        name = path.relative_to(site).as_posix()
        yield from (f"{name} loads {each} from elsewhere" for each in page.loaded if urlsplit(each).netloc)
        for target in [*page.links, *page.loaded]:
            if not _leads_somewhere(site, path, target, pages):
                yield f"{name}: the link {target!r} leads nowhere"


def _leads_somewhere(site: Path, path: Path, target: str, pages: dict[Path, _Page]) -> bool:
    address = urlsplit(target)
    if address.scheme or address.netloc:
        return True
    found = (path.parent / unquote(address.path)).resolve() if address.path else path
    if not found.is_relative_to(site.resolve()) or not found.is_file():
        return False
    return not address.fragment or (found in pages and unquote(address.fragment) in pages[found].ids)
