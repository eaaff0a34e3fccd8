"""The page of `make report` in a real browser: at a desk, on a phone and on paper, in light and dark, full and empty.

`make report-browser` runs this; its name keeps it out of `make check`, which asks for no browser. Set REPORT_PICTURES
to a folder to look at what was seen.
"""

import base64
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.analytics.tests.report_pages import FULL, answers, page_of
from tests.browser.check_catalogue import CONTRAST
from tests.browser.chromium import Browser, BrowserError, program, running

DESK, PHONE = (1280, 1000), (390, 844)


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    try:
        program()
    except BrowserError as error:
        pytest.exit(str(error), returncode=1)
    with running(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("report")
    (made / "full.html").write_text(page_of(FULL), encoding="utf-8")
    (made / "empty.html").write_text(page_of(answers()), encoding="utf-8")
    return made


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("page", ["full", "empty"])
def test_the_page_is_legible_fits_and_asks_for_nothing(
    browser: Browser, folder: Path, page: str, size: tuple[int, int], scheme: str
) -> None:
    browser.resize(*size)
    browser.prefer(scheme)
    address = (folder / f"{page}.html").as_uri()
    browser.visit(address)
    if "REPORT_PICTURES" in os.environ:
        browser.picture(Path(os.environ["REPORT_PICTURES"]) / f"{page}.{size[0]}.{scheme}.png")
    assert browser.complaints() == []
    assert [each for each in browser.loaded() if not each.startswith((address, "data:,"))] == []
    assert browser.value("document.documentElement.scrollWidth - innerWidth") <= 0
    assert browser.value(CONTRAST) == []
    assert browser.value("document.querySelectorAll('figure svg').length") == (9 if page == "full" else 0)


def test_plots_follow_the_scheme(browser: Browser, folder: Path) -> None:
    colours = []
    for scheme in ("light", "dark"):
        browser.prefer(scheme)
        browser.visit((folder / "full.html").as_uri())
        colours.append(browser.value("getComputedStyle(document.querySelector('.mark-rect path')).fill"))
    assert colours == ["rgb(11, 95, 107)", "rgb(108, 199, 209)"]


def test_a_number_leads_to_its_query(browser: Browser, folder: Path) -> None:
    browser.resize(*DESK)
    browser.prefer("light")
    browser.visit((folder / "full.html").as_uri())
    browser.point(".value a", click=True)
    assert browser.value("new Promise((done) => setTimeout(() => done(location.hash), 200))") == "#query-volume"
    assert browser.value("document.querySelector(':target + pre').textContent").startswith("-- Payments and money")


def test_on_paper_it_is_light_and_whole(browser: Browser, folder: Path) -> None:
    browser.visit((folder / "full.html").as_uri())
    dark = [{"name": "prefers-color-scheme", "value": "dark"}]
    browser.send("Emulation.setEmulatedMedia", media="print", features=dark)
    assert browser.value("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert browser.value("getComputedStyle(document.body).color") == "rgb(29, 33, 38)"
    hidden = (
        "[...document.querySelectorAll('.table')].filter((each) => each.scrollHeight > each.clientHeight + 1).length"
    )
    assert browser.value(hidden) == 0
    pdf = base64.b64decode(browser.send("Page.printToPDF", printBackground=True, preferCSSPageSize=True)["data"])
    if "REPORT_PICTURES" in os.environ:
        (Path(os.environ["REPORT_PICTURES"]) / "report.pdf").write_bytes(pdf)
    assert pdf.startswith(b"%PDF")
    browser.send("Emulation.setEmulatedMedia", media="")
