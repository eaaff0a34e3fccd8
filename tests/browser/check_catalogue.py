"""The catalogue in a real browser: every page, at a desk and on a phone, in light and dark, with and without scripts.

`make catalogue-browser` builds the site and runs this; its name keeps it out of `make check`, which asks
for no browser. Set CATALOGUE_PICTURES to a folder to look at what was seen.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.chromium import Browser, BrowserError, program, running

SITE = Path(__file__).parents[2] / "generated" / "docs"
PAGES = sorted(path.name for path in SITE.glob("*.html"))
DESK, PHONE = (1400, 1000), (390, 844)

# Contrast by WCAG 2.2, 1.4.3, of each text that is shown against what is painted behind it.
CONTRAST = r"""(() => {
  const rgb = (text) => text.match(/[\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    for (let here = element; here; here = here.parentElement) {
      const paint = here.ownerSVGElement && here.localName === "a"
        ? getComputedStyle(here.querySelector("rect")).fill : getComputedStyle(here).backgroundColor;
      const colour = rgb(paint);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const weak = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const said = walker.currentNode.data.trim().slice(0, 30);
    if (!said || !element.checkVisibility() || ["title", "script"].includes(element.localName)) continue;
    const style = getComputedStyle(element);
    const [a, b] = [light(rgb(element.ownerSVGElement ? style.fill : style.color)), light(behind(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) weak.push(`${ratio.toFixed(2)} ${element.localName} ${said}`);
  }
  return [...new Set(weak)];
})()"""


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    try:
        program()
    except BrowserError as error:
        pytest.exit(str(error), returncode=1)
    with running(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture(autouse=True)
def at_a_desk(browser: Browser) -> None:
    browser.send("Emulation.setScriptExecutionDisabled", value=False)
    browser.resize(*DESK)
    browser.prefer("light")


def address(page: str) -> str:
    return f"{SITE.as_uri()}/{page}"


def lit(browser: Browser) -> set[str]:
    found: list[str] = browser.value("[...document.querySelectorAll('.node.lit')].map((node) => node.dataset.node)")
    return set(found)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("page", PAGES)
def test_a_page_opens_from_disk_is_legible_and_fits(
    browser: Browser, page: str, size: tuple[int, int], scheme: str
) -> None:
    browser.resize(*size)
    browser.prefer(scheme)
    browser.visit(address(page))
    if "CATALOGUE_PICTURES" in os.environ:
        browser.picture(Path(os.environ["CATALOGUE_PICTURES"]) / f"{page}.{size[0]}.{scheme}.png")
    assert browser.value("document.querySelector('main h1').textContent.length") > 0
    assert browser.complaints() == []
    assert [each for each in browser.loaded() if not each.startswith((SITE.as_uri(), "data:,"))] == []
    assert browser.value("document.documentElement.scrollWidth - innerWidth") <= 0
    browser.value("document.querySelectorAll('main details').forEach((each) => { each.open = true; })")
    assert browser.value("document.documentElement.scrollWidth - innerWidth") <= 0
    assert browser.value(CONTRAST) == []


def test_the_contrast_check_sees_pale_text(browser: Browser) -> None:
    browser.visit(address("index.html"))
    browser.value("document.querySelector('h1').style.color = '#999'")
    assert len(browser.value(CONTRAST)) == 1


def test_search_by_keyboard_leads_to_a_field(browser: Browser) -> None:
    browser.visit(address("index.html"))
    browser.press("/")
    browser.write("amount_cents payment_event")
    assert browser.value("document.querySelector('#found [aria-selected=true] b').textContent") == "amount_cents"
    browser.press("Enter")
    deadline = time.monotonic() + 10
    # The address is there before the element that it names.
    while not browser.value("document.querySelector(':target th') !== null") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert browser.value("location.pathname").endswith("/record-payment_event.html")
    assert browser.value("document.querySelector(':target th').textContent").strip().startswith("amount_cents")


def test_search_says_so_where_nothing_is_found(browser: Browser) -> None:
    browser.visit(address("topics.html"))
    browser.press("/")
    browser.write("there is no such thing")
    assert browser.value("document.getElementById('found').textContent") == "Nothing has this name."
    browser.press("Escape")
    assert browser.value("document.getElementById('found').hidden")


def test_a_field_is_followed_from_the_payload_to_gold_by_pointer(browser: Browser) -> None:
    browser.visit(address("lineage-stripe.html"))
    browser.value("document.querySelector('#amount_cents').scrollIntoView({block: 'center'})")
    browser.point("#amount_cents")
    trail = lit(browser)
    assert {"from data.object.amount", "amount_cents", "gold.daily_payment_metrics.amount_major"} <= trail
    assert "from data.object.currency" not in trail
    browser.point("#amount_cents", click=True)
    browser.point("h1")
    assert lit(browser) == trail
    paths, field, *_, last = browser.value("document.getElementById('trail').textContent").split(" → ")
    assert "data.object.amount" in paths.split(", ")
    assert field == "amount_cents of the unified event"
    assert "gold.daily_payment_metrics.amount_major" in last.split(", ")
    browser.press("Escape")
    assert lit(browser) == set()


def test_a_field_is_followed_by_keyboard_and_by_address(browser: Browser) -> None:
    browser.visit(address("lineage-stripe.html"))
    browser.value("document.querySelector('#currency').focus()")
    assert "silver.payments_cleaned.currency" in lit(browser)
    browser.visit(address("lineage-stripe.html#status"))
    assert "gold.daily_payment_metrics.status" in lit(browser)


def test_a_table_can_be_filtered(browser: Browser) -> None:
    browser.visit(address("currencies.html"))
    browser.value("document.getElementById('filter').focus()")
    browser.write("krona")
    shown = browser.value(
        "[...document.querySelectorAll('#currencies tbody tr')].filter((row) => !row.hidden)"
        ".map((row) => row.cells[0].textContent)"
    )
    assert shown == ["ISK", "SEK"]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_needs_no_script(browser: Browser, page: str) -> None:
    browser.visit(address(page))
    browser.value("document.querySelectorAll('[data-filter]').forEach((each) => each.parentElement.remove())")
    with_script = browser.value("document.querySelector('main').innerText")
    browser.send("Emulation.setScriptExecutionDisabled", value=True)
    browser.visit(address(page))
    assert browser.value("document.querySelector('main').innerText") == with_script
    assert browser.value("document.querySelector('.search').checkVisibility()") is False
    assert browser.value("document.querySelector('nav a').checkVisibility()") is True
