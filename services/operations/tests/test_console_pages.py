"""What the console shows, and to whom."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from operations.console.access import HEADERS
from operations.console.parts import Part
from operations.console.quarantine import PAGE, Quarantined
from operations.trace.look import Look

from .consoles import (
    HOSTILE,
    SECOND,
    MemoryBoard,
    client,
    gone,
    overview,
    standing,
    told,
    traced,
)
from .tracing import EVENT, NOW

if TYPE_CHECKING:
    from operations.console.answers import Answer


def text_of(page: str) -> str:
    """Return what a page says, without its markup."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def hops(**changes: Any) -> Answer[Any]:
    """Return the hops of a page on which all is well, but for something."""
    answer = overview().hops
    assert answer is not None
    return told([replace(hop, **changes) for hop in answer.value or ()])


def test_the_first_page_says_that_all_is_well() -> None:
    page = client().get("/").text
    assert "Every part answers. No alerts fire." in text_of(page)
    assert "<title>Payments console</title>" in page


def test_the_first_page_does_not_say_that_all_is_well_before_every_part_has_answered() -> None:
    parts = [Part("kafka", "up", "answers"), Part("orchestrator", "asking", "not answered yet")]
    page = client(MemoryBoard(overview(parts=parts))).get("/").text
    assert "1 of 2 parts has not answered yet. No alerts fire." in text_of(page)
    assert "Every part answers" not in page
    assert "is-good" not in page


def test_a_part_that_is_away_is_shown_with_its_reason_and_since_when_and_the_rest_stays() -> None:
    parts = [
        Part("kafka", "away", "Kafka does not answer: no route", NOW - 60 * SECOND),
        Part("trino", "away", "no answer within 5 s", NOW - 60 * SECOND, NOW - 75 * SECOND),
        Part("orchestrator", "unwell", "not ready: lake: away"),
        Part("database", "up", "answers"),
    ]
    page = client(MemoryBoard(overview(parts=parts, lags=gone("Kafka does not answer")))).get("/").text
    text = text_of(page)
    assert "3 of 4 parts need a look: Kafka is away, Trino is away, orchestrator is unwell." in text
    assert "Kafka does not answer: no route; since 12:04:00" in text
    assert "no answer within 5 s; not seen up since 12:03:45" in text
    assert "(3) Payments console" in text
    assert EVENT in page


def test_what_a_part_said_before_it_went_away_is_marked_as_old() -> None:
    board = MemoryBoard(overview(layers=gone("the catalog does not answer", overview().layers.value)))
    text = text_of(client(board).get("/").text)
    assert "Away since 12:04:00 : the catalog does not answer What follows is of 12:03:30 ." in text


def test_amounts_are_in_major_units_and_currencies_are_never_added() -> None:
    text = text_of(client().get("/").text)
    assert "EUR 3 1,234.56 - - - 0.05 0.01" in text
    assert "JPY 1 5,000 - - - - -" in text
    assert "KWD 1 1.234 - - - - -" in text
    assert "1,240" not in text


def test_a_latency_without_events_is_a_dash_and_not_a_zero() -> None:
    none = hops(events=0.0, seconds={}, missed=None)
    text = text_of(client(MemoryBoard(overview(hops=none))).get("/").text)
    assert "webhook to Kafka - - - 0 -" in text


def test_a_missed_objective_is_said_in_words() -> None:
    assert "20.0% of 1.0%, over" in text_of(client(MemoryBoard(overview(hops=hops(missed=0.2)))).get("/").text)


@pytest.mark.parametrize("page", ["/", "/quarantine?state=all", f"/event?wanted={EVENT}"])
def test_what_others_wrote_is_shown_as_text(page: str) -> None:
    changes: dict[str, Any] = {
        "merchant_id": HOSTILE,
        "reason_codes": [HOSTILE],
        "reasons": [HOSTILE],
        "provider_event_type": HOSTILE,
    }
    board = MemoryBoard(
        overview(quarantine=told(Quarantined([standing(1, **changes)])), events=told([{**RAW_ROW, **MERCHANT}])),
        told(Quarantined([standing(1, **changes)])),
        {EVENT: traced(merchant_id=HOSTILE, event_type=HOSTILE, rule_violations=[HOSTILE])},
    )
    shown = client(board).get(page).text
    assert HOSTILE not in shown
    assert "&lt;script&gt;alert" in shown


RAW_ROW = (overview().events.value or [{}])[0]
MERCHANT = {"merchant_id": HOSTILE}


def test_an_id_that_is_hostile_is_shown_as_text_and_says_where_it_was_looked_for() -> None:
    answer = client().get("/event", params={"wanted": HOSTILE})
    assert answer.status_code == 404
    assert HOSTILE not in answer.text
    assert "This id was not found. It was looked for in the archive, since noon" in text_of(answer.text)


def test_an_id_that_nobody_knows_while_a_part_is_away_is_not_called_unknown_for_sure() -> None:
    look = told(Look([], ["the archive"], {"Temporal": "no answer"}))
    answer = client(MemoryBoard(looks={"x": look})).get("/event", params={"wanted": "x"})
    assert answer.status_code == 200
    assert "Temporal is away: no answer" in text_of(answer.text)
    assert "What is away could not be asked." in text_of(answer.text)


def test_a_trace_shows_its_hops_and_says_where_the_event_is() -> None:
    text = text_of(client(MemoryBoard(looks={EVENT: traced()})).get("/event", params={"wanted": EVENT}).text)
    assert "Trace" in text
    assert "✓ passed" in text
    assert "Bronze" in text


def test_searching_leads_to_the_trace() -> None:
    answer = client().get("/events", params={"wanted": " pi_1 "})
    assert (answer.status_code, answer.headers["location"]) == (303, "/event?wanted=pi_1")


def test_a_long_quarantine_has_pages() -> None:
    many = Quarantined([standing(number) for number in range(PAGE + 7)])
    browser = client(MemoryBoard(quarantined=told(many)))
    first, second = (browser.get("/quarantine", params={"page": number}).text for number in (1, 2))
    assert (first.count('id="letter-'), second.count('id="letter-')) == (PAGE, 7)
    assert "page 2 of 2" in second


def test_states_that_are_not_known_are_not_shown_as_if_they_were() -> None:
    board = MemoryBoard(quarantined=told(Quarantined([standing(1)], unknown="The operational database is away")))
    assert "States are not known, all are shown as open" in text_of(client(board).get("/quarantine").text)


@pytest.mark.parametrize(("name", "value"), [("window", "9y"), ("state", "lost"), ("page", "x")])
def test_an_address_that_makes_no_sense_is_answered_with_what_is_wrong(name: str, value: str) -> None:
    answer = client().get("/quarantine", params={name: value})
    assert answer.status_code == 422
    assert name in answer.text


def test_every_answer_forbids_scripts_of_others_frames_and_caches() -> None:
    browser = client()
    for path in ("/", "/nowhere", "/static/console.css"):
        answer = browser.get(path)
        assert {name: answer.headers[name] for name in HEADERS} == dict(HEADERS), path
    assert "unsafe" not in HEADERS["Content-Security-Policy"]


@pytest.mark.parametrize("page", ["/", "/quarantine", "/runs", "/sign-in", f"/event?wanted={EVENT}"])
def test_no_page_has_a_script_or_a_style_of_its_own_or_names_another_host(page: str) -> None:
    shown = client().get(page).text
    assert re.findall(r"<script(?![^>]*\ssrc=)", shown) == []
    assert re.findall(r"<style|\sstyle=|\son\w+=|https?://|//cdn", shown) == []


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "evil.example:13002"])
def test_another_name_in_the_host_header_is_refused(host: str) -> None:
    answer = client().get("/", headers={"Host": host})
    assert answer.status_code == 400
    assert EVENT not in answer.text


def test_it_is_ready_whatever_is_away() -> None:
    assert client().get("/readyz").json() == {"status": "ready", "checks": {}}


def test_an_id_with_control_characters_is_refused_before_anything_is_asked() -> None:
    board = MemoryBoard(looks={"evt\0": traced()})
    answer = client(board).get("/event", params={"wanted": "evt\0"})
    assert answer.status_code == 422
    assert "an id has no control characters: there is U+0000 at 3" in text_of(answer.text)
