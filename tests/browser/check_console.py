"""The console in a real browser, with parts in memory: each page in light and dark, at a desk and on a phone.

`make console-browser` runs this; its name keeps it out of `make check`, which asks for no browser. Set CONSOLE_PICTURES
to a folder to look at what was seen.
"""

import os
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from operations.console.metrics import Alert
from operations.console.parts import Part
from operations.console.quarantine import Quarantined

from services.operations.tests.consoles import (
    SECOND,
    TOKEN,
    MemoryBoard,
    application,
    gone,
    overview,
    standing,
    told,
    traced,
)
from services.operations.tests.test_console_access import MemoryRuns
from services.operations.tests.tracing import EVENT, NOW
from tests.browser.check_catalogue import CONTRAST
from tests.browser.chromium import Browser, BrowserError, program, running

DESK, PHONE = (1280, 900), (360, 740)
AXE = files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8")
RUN_AXE = """axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]})
  .then((found) => found.violations.map((each) => `${each.id}: ${each.nodes.map((node) => node.html).join(" | ")}`))"""
REASON = "amount_cents: is missing from data.object, where the contract of this provider says that it has to be"
PAGES = {
    "overview": "/",
    "quarantine": "/quarantine?state=all",
    "event": f"/event?wanted={EVENT}",
    "unknown": "/event?wanted=evt_that_nobody_knows",
    "runs": "/runs",
    "sign-in": "/sign-in",
}


@dataclass
class Served:
    """The console, its address and what it shows."""

    address: str
    board: MemoryBoard
    runs: MemoryRuns

    def set(self, **changes: Any) -> None:
        self.board.first = overview(**changes)


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    try:
        program()
    except BrowserError as error:
        pytest.exit(str(error), returncode=1)
    with running(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture(scope="session")
def served() -> Iterator[Served]:
    board, runs = MemoryBoard(), MemoryRuns()
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(application(board, runs=runs), log_config=None))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            time.sleep(0.05)
        yield Served(f"http://127.0.0.1:{listening.getsockname()[1]}", board, runs)
        server.should_exit = True
        thread.join()


@pytest.fixture(autouse=True)
def as_it_was(browser: Browser, served: Served) -> None:
    browser.send("Emulation.setScriptExecutionDisabled", value=False)
    # The page forbids scripts of others, those of this test among them.
    browser.send("Page.setBypassCSP", enabled=True)
    browser.send("Network.clearBrowserCookies")
    browser.resize(*DESK)
    browser.prefer("light")
    served.board.first = overview()
    served.board.looks = {EVENT: traced()}
    reasons: dict[str, Any] = {
        "reason_codes": ["amount_missing", "currency_unknown"],
        "reasons": [REASON, "currency: is not one"],
    }
    served.board.quarantined = told(Quarantined([standing(number, **reasons) for number in range(120)]))


def wait(browser: Browser, expression: str) -> None:
    deadline = time.monotonic() + 30
    while not browser.value(expression):
        assert time.monotonic() < deadline, expression
        time.sleep(0.1)


def picture(browser: Browser, name: str) -> None:
    if "CONSOLE_PICTURES" in os.environ:
        browser.picture(Path(os.environ["CONSOLE_PICTURES"]) / f"{name}.png")


def away() -> dict[str, Any]:
    parts = list(overview().parts)
    parts[0] = Part("kafka", "away", "Kafka does not answer: Local: Broker transport failure.", NOW - 60 * SECOND)
    parts[8] = Part("orchestrator", "unwell", "not ready: lake: the catalog does not answer", None)
    alert = Alert("PartDown", "page", "kafka does not answer", "docs/runbooks.md#partdown", NOW - 30 * SECOND)
    return {"parts": parts, "lags": gone("Kafka does not answer", overview().lags.value), "alerts": told([alert])}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("page", [*PAGES, "away"])
def test_a_page_is_legible_fits_and_can_be_used_by_all(
    browser: Browser, served: Served, page: str, scheme: str
) -> None:
    browser.prefer(scheme)
    if page == "away":
        served.set(**away())
    browser.visit(served.address + PAGES.get(page, "/"))
    browser.value("document.getElementById('live').click()")
    assert [each for each in browser.loaded() if not each.startswith((served.address, "data:"))] == []
    complaints = browser.complaints()
    assert complaints == [] or page == "unknown", complaints
    browser.value(f"(() => {{ {AXE} }})()")
    for size in (DESK, PHONE):
        browser.resize(*size)
        picture(browser, f"{page}.{size[0]}.{scheme}")
        assert browser.value("document.documentElement.scrollWidth - innerWidth") <= 0
        assert browser.value(CONTRAST) == []
        assert browser.value(RUN_AXE) == []


def test_the_check_of_accessibility_sees_what_is_wrong(browser: Browser, served: Served) -> None:
    browser.visit(served.address + "/sign-in")
    browser.value("document.querySelector('label[for=token]').remove()")
    browser.value(f"(() => {{ {AXE} }})()")
    assert any(each.startswith("label:") for each in browser.value(RUN_AXE))


def test_a_page_that_is_open_follows_and_tells_what_has_changed(browser: Browser, served: Served) -> None:
    browser.visit(served.address)
    assert "Every part answers" in browser.value("document.getElementById('verdict').textContent")
    browser.value("document.querySelector('#latency').dataset.mine = 'kept'")
    served.set(**away())
    wait(browser, "document.querySelector('#part-kafka').classList.contains('away')")
    assert "Kafka is away" in browser.value("document.getElementById('told').textContent")
    assert browser.value("document.title").startswith("(3) ")
    assert browser.value("document.querySelector('#latency').dataset.mine ?? 'replaced'") in {"kept", "replaced"}
    served.set()
    wait(browser, "document.querySelector('#part-kafka').classList.contains('up')")
    assert "Every part answers" in browser.value("document.getElementById('told').textContent")


def test_a_page_can_be_held_still(browser: Browser, served: Served) -> None:
    browser.visit(served.address)
    browser.value("document.getElementById('live').click()")
    served.set(**away())
    time.sleep(7)
    assert browser.value("document.querySelector('#part-kafka').classList.contains('up')")
    assert browser.value("document.getElementById('live').textContent") == "Go on"


def test_without_scripts_a_page_says_the_same(browser: Browser, served: Served) -> None:
    served.set(**away())
    browser.visit(served.address)
    with_scripts = browser.value("document.querySelector('main').innerText")
    browser.send("Emulation.setScriptExecutionDisabled", value=True)
    browser.visit(served.address)
    assert browser.value("document.querySelector('main').innerText") == with_scripts
    assert browser.value("document.getElementById('live').checkVisibility()") is False


def test_the_first_key_leads_past_the_head_and_focus_is_seen(browser: Browser, served: Served) -> None:
    browser.visit(served.address)
    browser.press("Tab")
    assert browser.value("document.activeElement.className") == "skip"
    assert browser.value("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_by_keyboard_somebody_signs_in_tries_and_redrives(browser: Browser, served: Served) -> None:
    served.runs.works.clear()
    served.runs.redriven.clear()
    browser.visit(served.address + "/sign-in?back=%2Fquarantine")
    browser.value("document.getElementById('token').focus()")
    browser.write(TOKEN)
    browser.press("Enter")
    wait(browser, "document.querySelector('form[action=\"/quarantine/try\"]') !== null")
    browser.value("document.querySelector('form[action=\"/quarantine/try\"] button').focus()")
    browser.press("Enter")
    wait(browser, "document.getElementById('who') !== null")
    picture(browser, "trial")
    browser.value("document.getElementById('who').focus()")
    browser.write("ann")
    browser.value("document.getElementById('why').focus()")
    browser.write("the mapping is mended")
    browser.press("Enter")
    wait(browser, "document.getElementById('report') !== null")
    assert [(who, why) for _, who, why in served.runs.redriven] == [("ann", "the mapping is mended")]
