"""The console of a running stack in a real browser: an open page follows what happens, at any size and in any scheme.

`make console-stack` runs this and the end-to-end tests of the console; it needs Chromium and all servers.
"""

from collections.abc import Mapping

import pytest
from stack.shutdown import stop_services

from tests.browser.check_catalogue import CONTRAST
from tests.browser.check_console import AXE, DESK, PHONE, RUN_AXE, browser, picture, wait
from tests.browser.chromium import Browser
from tests.conftest import run_stack
from tests.e2e.test_console import supervisor

__all__ = ["browser"]
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def address(stack: Mapping[str, str]) -> str:
    run_stack("up")
    return stack["CONSOLE_URL"]


def test_an_open_page_follows_a_part_that_goes_away_and_comes_back(
    browser: Browser, address: str, stack: Mapping[str, str]
) -> None:
    browser.visit(address)
    wait(browser, "document.querySelector('#part-inference').classList.contains('up')")
    stop_services(supervisor(stack), ["inference"])
    try:
        wait(browser, "document.querySelector('#part-inference').classList.contains('away')")
        assert "inference is away" in browser.value("document.getElementById('told').textContent")
        picture(browser, "stack.away")
    finally:
        run_stack("up", "inference")
    wait(browser, "document.querySelector('#part-inference').classList.contains('up')")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("page", ["/", "/quarantine?state=all"])
def test_pages_of_real_rows_are_legible_and_fit(
    browser: Browser, address: str, page: str, size: tuple[int, int], scheme: str
) -> None:
    browser.send("Page.setBypassCSP", enabled=True)
    browser.resize(*size)
    browser.prefer(scheme)
    browser.visit(address + page)
    picture(browser, f"stack.{page.strip('/').partition('?')[0] or 'overview'}.{size[0]}.{scheme}")
    assert browser.value("document.documentElement.scrollWidth - innerWidth") <= 0
    assert browser.value(CONTRAST) == []
    browser.value(f"(() => {{ {AXE} }})()")
    assert browser.value(RUN_AXE) == []
