"""How answers are kept, and what is made of them."""

from __future__ import annotations

import threading
import time
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import httpx
import pyarrow as pa
import pytest
from operations.console import money
from operations.console.answers import Answer, Kept, Shelf
from operations.console.metrics import Prometheus, counts, firing, quantiles
from operations.console.parts import Part, Told, jobs, of_values, part, pinged, readiness, subjects
from operations.console.quarantine import Choice, by_reason
from operations.console.runs import command
from operations.errors import UnavailableError
from operations.trace.rows import EventRows
from operations.trace.tables import EventTables
from operations.watch.values import LAG, Value
from payments_contracts.tables import SILVER_PAYMENTS

from .consoles import gone, standing, told
from .tracing import NOW, Pipeline

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from operations.trace.facts import Row
    from psycopg import sql


def soon() -> float:
    return time.monotonic() + 5


def asked(answer: Callable[[httpx.Request], httpx.Response]) -> httpx.Client:
    return httpx.Client(base_url="http://part", transport=httpx.MockTransport(answer))


def always(status: int, content: object) -> httpx.Client:
    return asked(lambda _: httpx.Response(status, json=content))


def test_an_answer_is_kept_and_asked_for_again_when_it_is_old() -> None:
    count = Counter[str]()

    def question() -> int:
        count["asked"] += 1
        return count["asked"]

    kept = Kept("kafka", question, lambda: NOW, seconds=0.2)
    assert (kept.get(soon()).value, kept.get(soon()).value) == (1, 1)
    time.sleep(0.25)
    assert kept.get(soon()).value == 2


def test_what_is_late_is_shown_as_it_was_before_and_follows() -> None:
    gate = threading.Event()

    def question() -> str:
        gate.wait(10)
        return "there"

    kept = Kept("kafka", question, lambda: NOW)
    first = kept.get(time.monotonic() + 0.01)
    assert (first.value, first.away, first.is_due) == (None, None, True)
    gate.set()
    assert kept.get(soon()).value == "there"


def test_what_was_said_long_ago_is_not_shown_as_if_it_were_so_now(monkeypatch: pytest.MonkeyPatch) -> None:
    gate, answers = threading.Event(), ["new", "old"]
    gate.set()

    def question() -> str:
        gate.wait(10)
        return answers.pop()

    kept = Kept("kafka", question, lambda: NOW, seconds=0)
    assert kept.get(soon()).value == "old"
    gate.clear()
    assert kept.get(time.monotonic()).value == "old"
    monkeypatch.setattr("operations.console.answers._STALE_SECONDS", -1.0)
    assert kept.get(time.monotonic()) == Answer()
    gate.set()
    assert kept.get(soon()).value == "new"


def test_an_answer_is_of_the_time_at_which_it_came_and_not_of_that_at_which_somebody_looks() -> None:
    now, gate = [NOW], threading.Event()
    kept = Kept("kafka", lambda: gate.wait(10), lambda: now[0])
    kept.get(time.monotonic())
    asked = kept._asked
    assert asked is not None
    gate.set()
    asked.get(soon())
    now[0] = NOW + timedelta(hours=1)
    assert kept.get(soon()).at == NOW


def test_a_part_that_hangs_is_away_and_is_not_asked_a_second_time_meanwhile() -> None:
    gate, count = threading.Event(), Counter[str]()

    def question() -> str:
        count["asked"] += 1
        gate.wait(10)
        return "back"

    kept = Kept("kafka", question, lambda: NOW, seconds=0, patience=0.05)
    kept.get(time.monotonic() + 0.1)
    hung = kept.get(time.monotonic())
    assert hung.away == "no answer within 0.05 s"
    assert count["asked"] == 1
    gate.set()
    assert kept.get(soon()).value == "back"


def test_a_part_is_away_since_it_was_first_found_so_and_what_it_said_is_kept() -> None:
    now, answers = [NOW], ["well"]

    def question() -> str:
        if not answers:
            raise UnavailableError("gone")
        return answers.pop()

    kept = Kept("kafka", question, lambda: now[0], seconds=0)
    assert kept.get(soon()).value == "well"
    for minutes in (1, 2):
        now[0] = NOW + timedelta(minutes=minutes)
        found = kept.get(soon())
    assert found == Answer("well", NOW, "gone", NOW + timedelta(minutes=1), is_due=False)
    answers.append("again")
    now[0] = NOW + timedelta(minutes=3)
    assert kept.get(soon()) == Answer("again", now[0], is_due=False)


def test_a_defect_of_a_question_is_a_part_that_is_away() -> None:
    assert Kept("kafka", lambda: 1 // 0, lambda: NOW).get(soon()).away == "ZeroDivisionError, see the log"


def test_nothing_is_asked_before_somebody_looks() -> None:
    count = Counter[str]()
    Kept("kafka", lambda: count.update(["asked"]), lambda: NOW)
    assert count.total() == 0


def test_a_shelf_forgets_what_nobody_has_looked_at_longest() -> None:
    shelf: Shelf[str] = Shelf(lambda key: Kept("trace", lambda: str(key), lambda: NOW), most=2)
    first = shelf.get("a")
    shelf.get("b")
    assert shelf.get("a") is first
    shelf.get("c")
    assert shelf.get("a") is first
    assert len(shelf._kept) == 2


@pytest.mark.parametrize(
    ("status", "checks", "expected"),
    [
        (200, {"kafka": "ok"}, Told("up", "ready")),
        (503, {"kafka": "ok", "lake": "away"}, Told("unwell", "not ready: lake: away")),
    ],
)
def test_a_program_says_whether_it_is_ready(status: int, checks: dict[str, str], expected: Told) -> None:
    assert readiness(always(status, {"checks": checks})) == expected


@pytest.mark.parametrize("ask", [readiness, subjects, jobs, lambda client: pinged(client, "/")])
@pytest.mark.parametrize("failing", ["refuses", "errs"])
def test_a_part_that_does_not_answer_is_away(ask: Callable[[httpx.Client], Told], failing: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if failing == "refuses":
            raise httpx.ConnectError("refused", request=request)
        return httpx.Response(500, json={})

    with pytest.raises(UnavailableError):
        ask(asked(answer))


def job(name: str, state: str, start: int) -> dict[str, Any]:
    return {"name": name, "state": state, "start-time": start}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([job("a", "RUNNING", 2), job("a", "CANCELED", 1)], Told("up", "1 job runs")),
        ([job("a", "RUNNING", 1), job("b", "RUNNING", 1)], Told("up", "2 jobs run")),
        ([job("a", "RUNNING", 1), job("b", "RESTARTING", 1)], Told("unwell", "b is restarting")),
        ([], Told("unwell", "no job runs")),
    ],
)
def test_flink_is_as_well_as_the_newest_job_of_each_name(found: list[dict[str, Any]], expected: Told) -> None:
    assert jobs(always(200, {"jobs": found})) == expected


def test_a_part_is_shown_as_it_answers() -> None:
    up, minute = told(Told("up", "answers")), timedelta(minutes=1)
    assert part("kafka", up, {}) == Part("kafka", "up", "answers")
    assert part("kafka", Answer(), {}).state == "asking"
    seen = part("flink", gone("gone"), {"flink-jobmanager": NOW - 2 * minute})
    assert (seen.state, seen.words, seen.since, seen.last_up) == ("away", "gone", NOW - minute, NOW - 2 * minute)
    assert part("flink", gone("gone"), {"flink-jobmanager": NOW}).last_up is None


def test_kafka_says_how_many_records_wait() -> None:
    values = [Value(LAG, ("g", "t"), 1200), Value(LAG, ("g", "u"), 34)]
    assert of_values("kafka", values) == Told("up", "1,234 records wait for readers")


def prometheus(results: dict[str, list[dict[str, Any]]]) -> Prometheus:
    def answer(request: httpx.Request) -> httpx.Response:
        found = results.get(request.url.params["query"], [])
        return httpx.Response(200, json={"data": {"result": found}})

    return Prometheus(asked(answer))


def test_hops_have_their_quantiles_and_what_is_not_a_number_is_left_out() -> None:
    found = prometheus(
        {
            quantiles(): [
                {"metric": {"hop": "whole", "share": "0.5"}, "value": [0, "1.5"]},
                {"metric": {"hop": "whole", "share": "0.99"}, "value": [0, "NaN"]},
            ],
            counts(): [{"metric": {"hop": "whole"}, "value": [0, "7"]}],
            "slo:error_ratio:1h": [{"metric": {"slo": "freshness"}, "value": [0, "0.02"]}],
            "slo:error_budget": [{"metric": {"slo": "freshness"}, "value": [0, "0.01"]}],
        }
    ).hops()
    (whole,) = (each for each in found if each.title == "webhook to Bronze")
    assert (whole.events, whole.seconds, whole.missed, whole.budget, whole.is_over) == (7, {0.5: 1.5}, 0.02, 0.01, True)
    assert [each.events for each in found if each is not whole] == [0, 0, 0]


def test_alerts_that_call_somebody_come_first() -> None:
    def alert(name: str, severity: str) -> dict[str, Any]:
        labels = {"alertname": name, "severity": severity}
        return {"labels": labels, "annotations": {"summary": "s"}, "startsAt": "2026-03-01T12:00:00Z"}

    found = firing(always(200, [alert("A", "ticket"), alert("B", "page")]))
    assert [(each.name, each.since) for each in found] == [
        ("B", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("A", datetime(2026, 3, 1, 12, tzinfo=UTC)),
    ]


def row(currency: str, status: str = "succeeded", **numbers: int) -> Row:
    amounts = {f"{measure}_minor": numbers.get(measure) for measure in money.SHOWN}
    return {"currency": currency, "status": status, "rows": numbers.get("rows", 1), **amounts}


def test_money_is_added_up_by_currency_alone() -> None:
    found = money.money([row("EUR", captured=100), row("EUR", captured=50, fee=3), row("JPY", captured=7, rows=2)])
    assert [(each.currency, each.counts["payment"], each.minor["captured"], each.minor["fee"]) for each in found] == [
        ("EUR", 2, 150, 3),
        ("JPY", 2, 7, 0),
    ]


def paid(currency: str, day: date, *, status: str = "succeeded", livemode: bool = True, **minor: int) -> Row:
    amounts = {f"{measure}_minor": minor.get(measure, 0) for measure in money.SHOWN}
    return {"event_date": day, "livemode": livemode, "currency": currency, "status": status, **amounts}


def test_money_of_today_is_that_of_live_payments_of_today_from_all_files_of_silver(tmp_path: Path) -> None:
    lake, today = Pipeline(tmp_path), NOW.date()
    lake.append(
        SILVER_PAYMENTS,
        [
            paid("EUR", today, captured=1200, fee=30),
            paid("EUR", today - timedelta(days=1), captured=7),
            paid("EUR", today, livemode=False, captured=9),
            paid("JPY", today, status="unknown", refunded=500),
        ],
    )
    more = pa.Table.from_pylist([dict(paid("EUR", today, captured=800))])
    lake.catalog.load_table(SILVER_PAYMENTS).append(more)
    found = money.read(EventTables(lambda: lake.catalog), today)
    assert [
        (each.currency, each.counts["payment"], each.minor["captured"], each.minor["fee"]) for each in found.money
    ] == [
        ("EUR", 2, 2000, 30),
        ("JPY", 0, 0, 0),
    ]
    assert found.money[1].minor["refunded"] == 500
    assert found.money_built_at is not None
    assert (found.recovery, found.recovery_built_at) == ([], None)


def test_there_is_no_money_of_today_before_silver_was_built(tmp_path: Path) -> None:
    found = money.read(EventTables(lambda: Pipeline(tmp_path).catalog), NOW.date())
    assert (found.money, found.money_built_at) == ([], None)


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (123456, "EUR", "1,234.56"),
        (5000, "JPY", "5,000"),
        (1234, "KWD", "1.234"),
        (-5, "USD", "-0.05"),
        (7, "???", "7 (minor unit)"),
    ],
)
def test_an_amount_has_the_digits_of_its_currency(minor: int, currency: str, text: str) -> None:
    assert money.major(minor, currency) == text


def test_reasons_are_counted_by_state_and_those_with_open_events_come_first() -> None:
    closed = [standing(number, "closed", reason_codes=["often"], reasons=["o"]) for number in range(3)]
    several = standing(9, reason_codes=["rare", "other"], reasons=["r", "o"])
    found = by_reason([*closed, several])
    assert [each.code for each in found] == ["other", "rare", "often"]
    assert (found[2].counts["closed"], found[1].example, found[1].newest) == (3, "r", several.failure.recorded_at)


def test_a_choice_means_what_its_words_say() -> None:
    found = [standing(1), standing(2, "passed"), standing(3, provider="square"), standing(4, reason_codes=["x"])]
    assert Choice(provider="square", state="all").of(found) == [found[2]]
    assert Choice(reason="x").of(found) == [found[3]]
    assert Choice().of(found) == [found[0], found[2], found[3]]
    assert Choice(reason="x").words() == "open, reason x, received within the last 24h"


def test_the_command_line_that_is_named_is_about_the_same_events() -> None:
    assert command(Choice(reason="x", provider="square", window="1h"), NOW) == (
        "payments quarantine redrive --provider square --reason x --since 2026-03-01T11:05:00"
    )


def test_the_newest_rows_are_asked_for_by_an_index_and_with_a_bound() -> None:
    asked_for: list[tuple[str, list[int]]] = []

    def execute(statement: sql.Composed, values: list[int]) -> list[Any]:
        asked_for.append((statement.as_string(None), values))
        return []

    connection: Any = SimpleNamespace(execute=execute)
    assert EventRows(connection).newest(7) == []
    ((statement, values),) = asked_for
    assert values == [7]
    assert statement.endswith('FROM "payment_events" ORDER BY processed_at DESC LIMIT %s')
    assert "customer_id" not in statement
