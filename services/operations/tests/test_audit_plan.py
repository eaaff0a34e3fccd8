"""Which hours are looked at, and what gateways say that they have acknowledged."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from operations.audit.gateways import Acknowledged, Answer, addresses, ask, shortfalls
from operations.audit.hops import Window
from operations.audit.run import plan_chosen, plan_standing

GRACE = timedelta(minutes=15)


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 3, 1, hour, minute, tzinfo=UTC)


def test_the_first_audit_looks_at_the_last_full_hour() -> None:
    plan = plan_standing(None, at(12, 20), GRACE)
    assert plan.windows == [Window(at(11), at(12))]
    assert plan.standing


def test_an_hour_is_over_once_its_last_event_had_its_grace() -> None:
    assert plan_standing(at(11), at(12, 15), GRACE).windows == [Window(at(11), at(12))]
    assert plan_standing(at(11), at(12, 14), GRACE).windows == [Window(at(11), at(11))], "only what is followed"


def test_hours_that_were_missed_are_looked_at_one_by_one() -> None:
    windows = plan_standing(at(8), at(12, 20), GRACE).windows
    assert windows == [Window(at(hour), at(hour + 1)) for hour in range(8, 12)]


def test_a_chosen_time_is_cut_at_full_hours_and_may_not_be_empty() -> None:
    assert plan_chosen(at(9, 40), at(11, 5)).windows == [
        Window(at(9, 40), at(10)),
        Window(at(10), at(11)),
        Window(at(11), at(11, 5)),
    ]
    with pytest.raises(ValueError, match="give an earlier begin"):
        plan_chosen(at(11), at(11))


def test_more_acknowledged_than_recorded_is_found_even_over_a_restart() -> None:
    before = {"stripe.accepted": 100, "stripe.records": 120}

    def missing(accepted: int, records: int) -> list[int]:
        looked = Acknowledged("stripe", Answer(accepted), 0, records, at(12))
        return [count for _, count in shortfalls((looked,), before) if count > 0]

    assert missing(accepted=150, records=170) == []
    assert missing(accepted=150, records=169) == [1]
    assert missing(accepted=150, records=200) == [], "a record whose acknowledgement was lost is sent again"
    assert missing(accepted=30, records=150) == []
    assert missing(accepted=30, records=149) == [1], "started anew, so that all thirty came since"
    assert list(shortfalls((Acknowledged("stripe", Answer(5), 0, 0, at(12)),), {})) == [], "nothing to compare with yet"


def test_another_process_that_answers_at_the_same_address_is_no_restart() -> None:
    def missing(accepted: int, started_at: datetime) -> list[int]:
        before = Acknowledged("stripe", Answer(100, at(9)), 120, 120, at(11)).kept()
        now = Acknowledged("stripe", Answer(accepted, started_at), 150, 150, at(12))
        return [count for _, count in shortfalls((now,), before)]

    assert missing(130, at(9)) == [0]
    assert missing(131, at(9)) == [1]
    assert missing(60, at(10)) == [], "it was there at eleven: what it has accepted since is unknown"
    assert missing(31, at(11, 30)) == [1], "started in between"
    assert missing(131, at(11, 30)) == [101], "started in between, and has accepted more than the one before"


def test_a_gateway_is_found_by_its_variable_and_says_what_it_accepted() -> None:
    assert addresses(("stripe", "square"), {"GATEWAY_STRIPE_URL": "http://gateway/"}) == {"stripe": "http://gateway"}
    text = (
        "# TYPE gateway_webhooks_total counter\n"
        'gateway_webhooks_total{provider="stripe",outcome="accepted",reason=""} 41.0\n'
        'gateway_webhooks_total{provider="stripe",outcome="refused",reason="x"} 7.0\n'
    )
    answers = httpx.MockTransport(lambda _: httpx.Response(200, text=text))
    assert ask("http://gateway", transport=answers) == Answer(41)
    text += f"# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds {at(9).timestamp()}\n"
    assert ask("http://gateway", transport=answers) == Answer(41, at(9))
    silent = httpx.MockTransport(lambda _: httpx.Response(503))
    assert ask("http://gateway", transport=silent) is None
