"""The catalogue as a site: no dead link, nothing from elsewhere, pages that a screen reader can walk, what they say."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from catalogue.links import dead_links
from catalogue.pages import pages
from catalogue.site import prose
from codegen.model import GeneratedFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.model import Catalog

EXPECTED = Path(__file__).parent / "acme.txt"
# What a reviewer reads of the small contracts' site: one page of each sort.
REVIEWED = ("index", "record-payment_event", "provider-acme", "lineage-acme", "lineage", "topics", "tables", "rules")
VOID = {"meta", "link", "br", "wbr", "input", "path", "rect"}
BLOCKS = {"h1", "h2", "h3", "p", "tr", "li", "div", "summary", "text", "dl", "pre"}


@dataclass
class Page(HTMLParser):
    """A page that has been read: its elements with their attributes, its links, and what it says."""

    text: str
    elements: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    unbalanced: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=lambda: [""])
    inline: bool = False

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.feed(self.text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)
        values = self.elements[-1][1]
        if tag == "ul":
            self.inline = values.get("class") == "types"
        if tag in BLOCKS and not (tag == "li" and self.inline):
            self.lines.append("")
        if tag in {"td", "dd"} or (tag == "li" and self.inline):
            self.lines[-1] += " | "
        if "data-from" in values:
            self.lines.append(f"{values['data-from']} → {values['data-to']}")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.unbalanced.append(tag)

    def handle_data(self, data: str) -> None:
        if "main" in self.open and self.open[-1] != "title":
            self.lines[-1] += data

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def ids(self) -> list[str]:
        return [attributes["id"] for _, attributes in self.elements if "id" in attributes]

    def said(self) -> str:
        said = (re.sub(r"\s+", " ", line).strip() for line in self.lines)
        return "\n".join(line for line in said if line)


@dataclass(frozen=True)
class Built:
    """A whole site: every file as text, and every page as it was read."""

    files: dict[str, str]
    pages: dict[str, Page]


def built(catalog: Catalog) -> Built:
    files = {file.path: file.content.decode() for file in pages(catalog)}
    return Built(files, {name: Page(text) for name, text in files.items() if name.endswith(".html")})


@pytest.fixture(scope="module", params=["project", "acme"])
def site(request: pytest.FixtureRequest) -> Built:
    return built(request.getfixturevalue(request.param))


def links(site: Built) -> Iterator[tuple[str, str]]:
    for name, page in site.pages.items():
        for _, attributes in page.elements:
            for attribute in ("href", "src"):
                if attribute in attributes:
                    yield name, attributes[attribute]
    for entry in search_index(site):
        yield "search.js", entry[2]


def search_index(site: Built) -> list[list[str]]:
    text = site.files["search.js"]
    entries: list[list[str]] = json.loads(text[text.index("[\n") : text.rindex(";")])
    return entries


def as_files(texts: dict[str, str]) -> list[GeneratedFile]:
    return [GeneratedFile(path, text.encode()) for path, text in texts.items()]


def test_no_link_is_dead(site: Built) -> None:
    assert dead_links(as_files(site.files)) == ()


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("index.html", 'href="topics.html"', 'href="topics.html#gone"'),
        ("index.html", 'href="topics.html"', 'href="gone.html"'),
        ("index.html", 'href="#main"', 'href="#gone"'),
        ("index.html", 'src="search.js"', 'src="gone.js"'),
        ("search.js", '"topics.html#', '"gone.html#'),
    ],
)
def test_the_link_check_sees_a_dead_link(acme: Catalog, file: str, old: str, new: str) -> None:
    texts = built(acme).files
    assert old in texts[file]
    dead = dead_links(as_files({**texts, file: texts[file].replace(old, new)}))
    assert dead
    assert all(path == file and "gone" in target for path, target in dead)


def test_every_page_can_be_reached_from_the_first(site: Built) -> None:
    reached, todo = {"index.html"}, ["index.html"]
    while todo:
        page = todo.pop()
        targets = {target.partition("#")[0] for name, target in links(site) if name == page}
        new = targets & site.pages.keys() - reached
        reached |= new
        todo += sorted(new)
    assert reached == site.pages.keys()


def test_nothing_is_loaded_from_elsewhere(site: Built) -> None:
    loaded = [
        attributes.get("src") or attributes["href"]
        for page in site.pages.values()
        for tag, attributes in page.elements
        if tag in {"script", "link", "img", "iframe", "use", "image"}
    ]
    assert {each for each in loaded if each != "data:,"} == {"style.css", "search.js", "catalogue.js"}
    for name in ("style.css", "catalogue.js"):
        assert "url(http" not in site.files[name]
        assert "@import" not in site.files[name]
        assert "fetch(" not in site.files[name]


def test_pages_are_well_formed_and_their_ids_are_unique(site: Built) -> None:
    for name, page in site.pages.items():
        assert page.unbalanced == [], name
        assert page.open == [], name
        assert sorted(page.ids()) == sorted(set(page.ids())), name


def test_pages_have_landmarks_one_heading_and_a_title_of_their_own(site: Built) -> None:
    titles = [re.search("<title>(.*?)</title>", page.text) for page in site.pages.values()]
    assert len({title[1] for title in titles if title}) == len(site.pages)
    for name, page in site.pages.items():
        assert [len(page.all(tag)) for tag in ("main", "header", "footer", "h1")] == [1, 1, 1, 1], name
        assert [each.get("lang") for each in page.all("html")] == ["en"], name
        assert all("aria-label" in each for each in page.all("nav")), name
        headings = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
        assert all(below - above <= 1 for above, below in pairwise(headings)), name


def test_what_scrolls_can_be_reached_by_keyboard_and_what_is_drawn_has_a_name(site: Built) -> None:
    for name, page in site.pages.items():
        for each in page.all("div"):
            if "scroll" in each.get("class", ""):
                assert (each.get("tabindex"), each.get("role")) == ("0", "region"), name
                assert each.get("aria-label"), name
        for each in page.all("svg"):
            assert each.get("aria-hidden") == "true" or each.get("aria-label"), name
        for each in page.all("th"):
            assert each.get("scope") in {"col", "row"}, name
        for each in page.all("input"):
            assert each.get("aria-label") or each.get("id") in {label.get("for") for label in page.all("label")}, name


def test_every_page_names_its_source(site: Built) -> None:
    for name, text in site.files.items():
        assert "Built by `catalogue` from " in text.splitlines()[0], name


def test_what_a_contract_says_cannot_become_markup(acme: Catalog) -> None:
    text = prose("`a<b>` & <script>alert(1)</script> https://x.example/?a=1&b=2.")
    assert text == (
        "<code>a&lt;b&gt;</code> &amp; &lt;script&gt;alert(1)&lt;/script&gt; "
        '<a href="https://x.example/?a=1&amp;b=2" rel="noreferrer">https://x.example/?a=1&amp;b=2</a>.'
    )


def test_everything_with_a_name_can_be_searched(site: Built, request: pytest.FixtureRequest) -> None:
    catalog: Catalog = request.getfixturevalue(request.node.callspec.params["site"])
    names = {entry[0] for entry in search_index(site)}
    assert {topic.name for topic in catalog.topics} <= names
    assert {field.name for versions in catalog.records.values() for field in versions[-1].record.fields} <= names
    assert {column.name for table in catalog.derived for column in table.columns} <= names
    assert {event for provider in catalog.providers for event in provider.accepted_event_types} <= names
    assert catalog.validation.reason_codes.keys() | catalog.ingestion.reason_codes.keys() <= names
    assert {example.name for provider in catalog.providers for example in provider.examples} <= names


def test_the_pages_of_the_small_contracts_say_what_was_accepted(acme: Catalog) -> None:
    pages = built(acme).pages
    actual = "".join(f"===== {name}\n{pages[f'{name}.html'].said()}\n" for name in REVIEWED)
    if os.environ.get("UPDATE_GOLDEN"):
        EXPECTED.write_text(actual, encoding="utf-8")
    assert actual == EXPECTED.read_text(encoding="utf-8")
