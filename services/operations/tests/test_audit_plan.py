"""Which hours are looked at, and what gateways say that they have acknowledged."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from operations.audit.gateways import Acknowledged, Answer, Answers, addresses, ask, can_compare, keep, said, shortfalls
from operations.audit.hops import Window
from operations.audit.run import plan_chosen, plan_standing
from operations.errors import DeploymentError

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


def told(
    accepted: int, started_at: datetime | None = None, *, records: int, asked_at: datetime, again: int = 0
) -> Acknowledged:
    return Acknowledged(
        "stripe", {"10.0.0.1": Answer(accepted, started_at)}, {0: records}, {0: records}, asked_at, again
    )


def test_more_acknowledged_than_recorded_is_found_even_over_a_restart() -> None:
    before = told(100, records=120, asked_at=at(11)).kept()

    def missing(accepted: int, records: int) -> list[int]:
        looked = told(accepted, records=records, asked_at=at(12))
        return [count for _, count in shortfalls((looked,), before) if count > 0]

    assert missing(accepted=150, records=170) == []
    assert missing(accepted=150, records=169) == [1]
    assert missing(accepted=150, records=200) == [], "a record whose acknowledgement was lost is sent again"
    assert missing(accepted=30, records=150) == []
    assert missing(accepted=30, records=149) == [1], "started anew, so that all thirty came since"
    assert list(shortfalls((told(5, records=0, asked_at=at(12)),), {})) == [], "nothing to compare with yet"


def test_another_process_that_answers_at_the_same_address_is_no_restart() -> None:
    def missing(accepted: int, started_at: datetime) -> list[int]:
        before = told(100, at(9), records=120, asked_at=at(11)).kept()
        now = told(accepted, started_at, records=150, asked_at=at(12))
        return [count for _, count in shortfalls((now,), before)]

    assert missing(130, at(9)) == [0]
    assert missing(131, at(9)) == [1]
    assert missing(60, at(10)) == [], "it was there at eleven: what it has accepted since is unknown"
    assert missing(31, at(11, 30)) == [1], "started in between"
    assert missing(131, at(11, 30)) == [101], "started in between, and has accepted more than the one before"


def test_records_that_were_written_again_stand_for_none_that_was_lost() -> None:
    before = told(100, records=100, asked_at=at(11)).kept()
    # Of sixty that were acknowledged fifty were lost, and sixty of before were replayed.
    now = told(160, records=170, asked_at=at(12), again=60)
    assert [count for _, count in shortfalls((now,), before)] == [50]


def test_what_each_process_of_a_gateway_acknowledged_is_added_up() -> None:
    def looked(records: int, moment: datetime, **answers: Answer) -> Acknowledged:
        half = {0: records // 2, 1: records - records // 2}
        return Acknowledged("stripe", answers, half, half, moment)

    before = looked(100, at(11), a=Answer(60, at(9)), b=Answer(40, at(9))).kept()

    def missing(**answers: Answer) -> list[int]:
        return [count for _, count in shortfalls((looked(150, at(12), **answers),), before)]

    assert missing(a=Answer(90, at(9)), b=Answer(60, at(9))) == [0]
    assert missing(a=Answer(90, at(9)), b=Answer(67, at(9))) == [7], "the records of one are not those of the other"
    assert missing(a=Answer(90, at(9)), b=Answer(60, at(9)), c=Answer(4, at(11, 30))) == [4], "one more was started"
    assert missing(a=Answer(90, at(9)), c=Answer(4, at(10))) == [], "it was there, and had accepted who knows what"
    assert missing(a=Answer(111, at(9))) == [1], "one has ended; what it acknowledged last is told by nobody"


def test_what_a_gateway_that_is_away_last_said_is_kept_and_of_one_that_answers_only_what_it_says_now() -> None:
    square = {"square.asked_at": 1, "square.accepted@a": 3}
    first = told(100, at(9), records=120, asked_at=at(11))
    kept = keep({**square, "stripe.accepted@gone": 7, "stripe.accepted": 9}, (first,))
    assert kept == square | first.kept()
    assert keep(kept, ()) == kept


def test_a_gateway_is_found_by_its_variable_and_says_what_it_accepted() -> None:
    assert addresses(("stripe", "square"), {"GATEWAY_STRIPE_URL": "http://gateway/"}) == {"stripe": "http://gateway"}
    text = (
        "# TYPE gateway_webhooks_total counter\n"
        'gateway_webhooks_total{provider="stripe",outcome="accepted",reason=""} 41.0\n'
        'gateway_webhooks_total{provider="stripe",outcome="refused",reason="x"} 7.0\n'
    )
    answers = httpx.MockTransport(lambda _: httpx.Response(200, text=text))
    here = ["10.0.0.7"]
    assert ask("http://gateway", transport=answers, resolve=lambda *_: here) == {"10.0.0.7": Answer(41)}
    text += f"# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds {at(9).timestamp()}\n"
    assert ask("http://gateway", transport=answers, resolve=lambda *_: here) == {"10.0.0.7": Answer(41, at(9))}
    silent = httpx.MockTransport(lambda _: httpx.Response(503))
    assert ask("http://gateway", transport=silent, resolve=lambda *_: here) is None
    assert ask("http://gateway", transport=answers, resolve=lambda *_: []) is None, "the name is unknown"


@pytest.mark.parametrize("url", ["gateway:8080", "ftp://gateway", "http://", "http://gateway:no"])
def test_what_is_no_address_of_a_gateway_is_said_by_the_name_of_its_variable(url: str) -> None:
    with pytest.raises(DeploymentError, match="GATEWAY_STRIPE_URL is not an address"):
        addresses(("stripe",), {"GATEWAY_STRIPE_URL": url})


def test_after_a_long_silence_a_gateway_begins_anew() -> None:
    answers, first = {"a": Answer(90, at(1))}, told(100, at(1), records=120, asked_at=at(2))
    then = said("stripe", first.kept())
    assert can_compare(dict(first.answers), then, at(7, 59))
    assert not can_compare(dict(first.answers), then, at(8, 1)), "days of records may have come since"
    assert not can_compare(answers, said("stripe", {}), at(3)), "nothing was said before"


def test_each_address_of_a_name_is_asked_by_that_name_and_all_or_none_are_heard() -> None:
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append((str(request.url), request.headers["host"], request.extensions["sni_hostname"]))
        if request.url.host == "10.0.0.9":
            return httpx.Response(503)
        return httpx.Response(200, text='gateway_webhooks_total{outcome="accepted"} 1\n')

    def replicas(*found: str) -> Answers | None:
        transport = httpx.MockTransport(answer)
        return ask("https://gateways:8443/in", transport=transport, resolve=lambda *_: list(found))

    assert replicas("10.0.0.7", "fd00::8") == {"10.0.0.7": Answer(1), "fd00::8": Answer(1)}
    assert asked == [
        ("https://10.0.0.7:8443/in/metrics", "gateways:8443", "gateways"),
        ("https://[fd00::8]:8443/in/metrics", "gateways:8443", "gateways"),
    ]
    assert replicas("10.0.0.7", "10.0.0.9") is None, "what one does not tell is missing from the sum"
