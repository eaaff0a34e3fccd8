"""The page: numbers, links, escaping, what is empty."""

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from analytics.report.queries import QUERIES
from analytics.report.text import NOTHING

from services.analytics.tests.report_pages import EVIL, FULL, answers, page_of, recovery, success, volume


class Page(HTMLParser):
    """Elements of a page with their attributes, and the text of its tables by caption."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.tables: dict[str, list[list[str]]] = {}
        self._rows: list[list[str]] = []
        self._inside: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside.append(tag)
        if tag == "caption":
            self._rows = []
        elif tag == "tr":
            self._rows.append([])
        elif tag in {"td", "th"}:
            self._rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        while self._inside and self._inside.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self._inside and self._inside[-1] == "caption":
            self.tables[data.strip()] = self._rows
        elif {"td", "th"} & set(self._inside):
            self._rows[-1][-1] += data

    def values(self, tag: str, name: str) -> list[str]:
        return [value for each, attributes in self.elements if each == tag and (value := attributes.get(name))]


@pytest.fixture(scope="module")
def text() -> str:
    return page_of(FULL)


@pytest.fixture(scope="module")
def page(text: str) -> Page:
    return Page(text)


def headlines(text: str) -> dict[str, list[str]]:
    found = re.findall(r"<dt>(.+)</dt>\s*((?:<dd class=\"value\">.+</dd>\s*)+)", text)
    return {name: re.findall(r">([^<>]+)</a>", values) for name, values in found}


def test_the_page_begins_with_its_numbers(text: str) -> None:
    assert headlines(text) == {
        "Payments": ["33"],
        "Received": ["1,234.60 USD", "500 JPY"],
        "Success rate": ["90.4 %"],
        "Claims recovered": ["50.0 %"],
        "Merchants at risk": ["1"],
        "Open in quarantine": ["4"],
    }


def test_currencies_are_side_by_side_and_never_added(page: Page) -> None:
    assert page.tables["All days, by currency"][1:] == [
        ["USD", "31", "1,234.60", "1,234.60"],
        ["JPY", "2", "500", "500"],
    ]
    assert page.tables["Received by day, a column for each currency"] == [
        ["Day", "USD", "JPY"],
        ["2025-03-04", "1,234.50", "500"],
        ["2025-03-05", "0.10", NOTHING],
    ]
    assert page.tables["What they asked for, and brought"][1:] == [
        ["USD", *["30.00"] * 6],
        ["JPY", *["700"] * 6],
        ["XTS", *[NOTHING] * 6],
    ]


def test_tables_have_what_plots_show(page: Page) -> None:
    assert page.tables["Success rate by day, a column for each provider"] == [
        ["Day", "stripe", "adyen"],
        ["2025-03-04", "93.0 %", "50.0 %"],
        ["2025-03-05", NOTHING, "0.0 %"],
    ]
    assert page.tables["Failed attempts by category"][1:] == [
        ["insufficient funds", "20", "5", "10", "3", "2"],
        ["not told", "1", "0", "0", "0", "1"],
    ]
    assert page.tables["Merchants by month and band"] == [
        ["Month", "Healthy", "Watch", "At risk", "Unknown"],
        ["2025-02", "0", "0", "5", "0"],
        ["2025-03", "8", "0", "1", "0"],
    ]
    assert page.tables["The lowest scores of 2025-03, and why"][1] == [EVIL, "7", "12.34", "at risk", EVIL]


def test_each_number_leads_to_the_query_that_was_asked(page: Page, text: str) -> None:
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {link[1:] for link in page.values("a", "href")} <= set(ids)
    numbers = [inner for inner in re.findall(r'<td class="number">(.*?)</td>', text) if inner != NOTHING]
    assert numbers
    assert [inner for inner in numbers if not inner.startswith('<a href="#query-')] == []
    for query in QUERIES:
        assert f'id="query-{query.name}"' in text
    assert text.count("date &#39;2025-03-01&#39;") >= len(QUERIES)
    assert "current_date" not in text


def test_the_page_needs_nothing_else(page: Page, text: str) -> None:
    assert {tag for tag, _ in page.elements} & {"script", "img", "iframe", "object"} == set()
    assert page.values("link", "href") == ["data:,"]
    assert re.findall(r"url\(|@import", text) == []


def test_what_comes_from_outside_is_escaped(text: str, page: Page) -> None:
    assert EVIL not in text
    assert "<script" not in text
    assert any("script" in alt for alt in page.values("div", "aria-label"))


def test_a_plot_tells_who_cannot_see_it_what_it_shows(page: Page) -> None:
    plots = [
        attributes["aria-label"]
        for tag, attributes in page.elements
        if tag == "div" and attributes.get("role") == "img"
    ]
    assert len(plots) == [tag for tag, _ in page.elements].count("svg") == 9
    assert plots[0] == "Received in USD by day: 1,234.60 on 2 days, most on 2025-03-04: 1,234.50."
    assert "Success rate at adyen by day: 25.0 % of 4 payments in all, lowest on 2025-03-05: 0.0 %." in plots


def test_colours_are_those_of_the_style_sheet(text: str) -> None:
    drawn = "".join(re.findall(r"<svg.*?</svg>", text, re.DOTALL))
    colours = set(re.findall(r'(?:fill|stroke)="([^"]+)"', drawn))
    assert {each for each in colours if not each.startswith(("var(--", "currentColor", "none"))} == set()
    told = {each[4:-1] for each in colours if each.startswith("var(")}
    assert told <= set(re.findall(r"(--[a-z-]+):", text))


@pytest.mark.parametrize(("is_built", "said"), [(True, "nothing to show"), (False, "not there yet")])
def test_every_section_says_that_it_is_empty(*, is_built: bool, said: str) -> None:
    text = page_of(answers(is_built=is_built))
    assert len(re.findall(rf'<p class="empty">[^<]*{said}', text)) == 6
    assert headlines(text) == {}
    assert "<svg" not in text


def test_many_currencies_are_not_all_plotted() -> None:
    names = ["AUD", "BRL", "CAD", "CHF", "DKK", "EUR", "GBP"]
    text = page_of(answers(volume=[volume(each, "1", 9 - place) for place, each in enumerate(names)]))
    assert text.count("<svg") == 6
    assert "Of 7 currencies, those 6 with the most are plotted; the first table has all of them." in text
    assert [row[0] for row in Page(text).tables["All days, by currency"][1:]] == names


def test_amounts_that_are_nowhere_known_are_not_plotted() -> None:
    text = page_of(answers(recovery=recovery("XTS", 1, None)))
    assert "<svg" not in text
    assert "Claims by currency" in text


@pytest.mark.parametrize("made", [success(0, 1), success(1, 0)])
def test_a_day_of_one_outcome_is_drawn(made: Any) -> None:
    assert page_of(answers(success=[made])).count("<svg") == 1
