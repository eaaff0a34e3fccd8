"""The site of the documents, before Sphinx makes it: which pages it has, and where their links lead."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from codegen.loader import load
from markdown_it import MarkdownIt

from docs.site.__main__ import DRAWING, pages
from docs.site.documents import DeadLinkError, Places, page_of, title_of
from docs.site.links import dead_links
from docs.site.navigation import SECTIONS
from docs.site.overview import overview
from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from codegen.model import Catalog

PLACES = Places({"docs/a.md": "a.md", "docs/specs/b.md": "specs/b.md"}, lambda path: path in {"Makefile", "contracts"})


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load(ROOT / "contracts")


@pytest.fixture(scope="module")
def site(catalog: Catalog) -> dict[str, str]:
    return pages(catalog)


def test_every_page_is_in_the_navigation_once(site: dict[str, str]) -> None:
    named = [page for section in SECTIONS for page in section.pages]
    listed = [page for page in site if "/" in page and not page.endswith("/index.md")]
    assert sorted([*named, *listed, "index.md"]) == sorted(site)


def test_the_drawing_is_what_the_contracts_say(catalog: Catalog) -> None:
    assert DRAWING.read_text(encoding="utf-8") == overview(catalog), "run `python -m docs.site overview`"


def test_the_drawing_names_every_service(catalog: Catalog) -> None:
    drawn = overview(catalog)
    assert [name for name in catalog.services.services if f">{name.capitalize()}<" not in drawn] == []


def test_each_interface_of_the_contracts_has_a_reference(catalog: Catalog, site: dict[str, str]) -> None:
    for api in catalog.apis:
        page = site[f"api/{api.name}-v{api.version}.md"]
        assert all(f" {path}\n" in page for path in api.source.data["paths"])


@pytest.mark.parametrize("document", sorted(ROOT.glob("docs/**/*.md")), ids=lambda path: path.name)
def test_a_document_is_plain_markdown(document: Path) -> None:
    """What only one program understands would be shown as it is written, where the repository is read."""
    text = re.sub(
        r"^( *)```.*?^\1```|`+.+?`+", "", document.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE
    )
    assert re.findall(r"^(?:!!!|\?\?\?|:::|---8<--).*|\{\{.*?\}\}|\{[a-z:]+\}`", text, flags=re.MULTILINE) == []


@pytest.mark.parametrize("document", sorted(ROOT.glob("docs/**/*.md")), ids=lambda path: path.name)
def test_the_links_of_a_document_are_found_as_a_parser_of_markdown_finds_them(document: Path) -> None:
    name = document.relative_to(ROOT).as_posix()
    seen: list[str] = []

    def is_there(path: str) -> bool:
        seen.append(path)
        return True

    text = document.read_text(encoding="utf-8")
    page_of(name, text, Places({name: name}, is_there))
    inlines = [token for token in MarkdownIt().enable("table").parse(text) if token.children]
    links = [str(each.attrs["href"]) for token in inlines for each in token.children or () if each.type == "link_open"]
    # A document that links to itself by its own name is a page, and nobody asks whether it is there.
    local = [each for each in links if not re.match(r"[a-z]+:|#", each) and each.partition("#")[0] != document.name]
    assert len(seen) == len(local)


def test_a_link_leads_to_a_page() -> None:
    links = "see [b](specs/b.md#part), [x](https://example.org), [here](#a)"
    text = f"{links} and `[b](gone.md)`\n```\n[b](gone.md)\n```\n"
    assert page_of("docs/a.md", text, PLACES) == text
    assert page_of("docs/specs/b.md", "[a](../a.md)", PLACES) == "[a](../a.md)"


def test_a_link_to_what_the_site_lacks_is_its_text_or_leads_to_the_repository() -> None:
    assert page_of("docs/a.md", "the [`Makefile`](../Makefile)", PLACES) == "the `Makefile`"
    known = Places(PLACES.pages, PLACES.is_there, "https://git.example.com/blob/main")
    assert page_of("docs/a.md", "[all](../contracts/)", known) == "[all](https://git.example.com/blob/main/contracts)"


def test_a_dead_link_of_a_document_is_an_error() -> None:
    with pytest.raises(DeadLinkError, match=r"docs/a\.md: \.\./gone\.md is not there"):
        page_of("docs/a.md", "[gone](../gone.md)", PLACES)


def test_a_title_is_the_first_heading() -> None:
    assert title_of("text\n\n# One\n\n# Two\n") == "One"


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ('<a href="b.html#there">b</a><a href="#top">up</a><h1 id="top"></h1>', []),
        ('<a href="https://example.org/x">x</a>', []),
        ('<a href="gone.html">b</a>', ["a.html: the link 'gone.html' leads nowhere"]),
        ('<a href="b.html#gone">b</a>', ["a.html: the link 'b.html#gone' leads nowhere"]),
        ('<a href="../a.html">b</a>', ["a.html: the link '../a.html' leads nowhere"]),
        ('<img src="https://example.org/x">', ["a.html loads https://example.org/x from elsewhere"]),
    ],
)
def test_dead_links_of_a_built_site_are_found(tmp_path: Path, body: str, found: list[str]) -> None:
    (tmp_path / "a.html").write_text(body)
    (tmp_path / "b.html").write_text('<h1 id="there">b</h1>')
    assert list(dead_links(tmp_path)) == found
