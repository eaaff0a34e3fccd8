"""Links between files of the repository lead to what is there, and to headings as GitHub names them."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest
from markdown_it import MarkdownIt

from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from markdown_it.token import Token


def documents() -> list[Path]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"]
    listing = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return [path for line in listing.stdout.splitlines() if (path := ROOT / line).is_file()]


@cache
def tokens(path: Path) -> list[Token]:
    return MarkdownIt().enable("table").parse(path.read_text(encoding="utf-8"))


@cache
def anchors(path: Path) -> frozenset[str]:
    """Return the anchors of a document's headings, where equal ones are numbered."""
    found: dict[str, int] = {}
    parsed = tokens(path)
    for at, token in enumerate(parsed):
        if token.type == "heading_open":
            text = "".join(each.content for each in parsed[at + 1].children or ())
            slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
            found[slug] = found.get(slug, -1) + 1
    return frozenset(slug if n == 0 else f"{slug}-{n}" for slug, last in found.items() for n in range(last + 1))


def dead(path: Path) -> Iterator[str]:
    inlines = [token for token in tokens(path) if token.children]
    for each in (each for token in inlines for each in token.children or ()):
        target = str(each.attrs.get("href") or each.attrs.get("src") or "")
        if not target or re.match(r"[a-z]+:", target):
            continue
        file, _, fragment = unquote(target).partition("#")
        other = (path.parent / file).resolve() if file else path
        if not other.exists():
            yield f"{target}: there is no such file"
        elif fragment and other.suffix == ".md" and fragment not in anchors(other):
            yield f"{target}: {other.name} has no such heading"


@pytest.mark.parametrize("document", documents(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_link_of_a_document_is_dead(document: Path) -> None:
    assert list(dead(document)) == []


def test_a_dead_link_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    headings, links = "# One: `two`\n\n## Two\n\n## Two", "[a](#one-two) [b](#two-1) [c](#three) [d](gone.md)"
    path.write_text(f"{headings}\n\n{links} `[e](e.md)`\n")
    assert list(dead(path)) == ["#three: a.md has no such heading", "gone.md: there is no such file"]
