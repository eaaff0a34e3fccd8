import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from kit.errors import Fault, PipelineError, Transient
from orchestrator import scoring
from orchestrator.inquiries import CUSTOMER, SUBJECT, TERMS, Customer, Rows, Subject, Terms, terms_at
from orchestrator.look_ups import Context, LookUps
from payments_contracts.pins.orchestrator import PaymentEvent
from prometheus_client import REGISTRY

MakeEvent = Callable[..., PaymentEvent]
NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Source:
    """Answers as the database does: rows of each question that has any, by its place from 1."""

    def __init__(self) -> None:
        self.terms: dict[str, list[tuple[Any, ...]]] = {"merch_1": [("active", [], {}, NOON - HOUR)]}
        self.subjects: dict[str | None, tuple[Any, ...]] = {}
        self.customers: dict[str | None, tuple[Any, ...]] = {}
        self.asked: list[tuple[str, int]] = []
        self.error: PipelineError | None = None
        self.seconds = 0.0

    async def rows(self, statement: str, parameters: Sequence[Sequence[str | None]]) -> Rows:
        (inquiry,) = (each for each in (TERMS, SUBJECT, CUSTOMER) if each.statement == statement)
        assert len(parameters) == inquiry.width
        self.asked.append((inquiry.name, len(parameters[0])))
        await asyncio.sleep(self.seconds)
        if self.error is not None:
            raise self.error
        if inquiry is TERMS:
            versions = [self.terms.get(str(merchant), []) for merchant in parameters[0]]
            return [(place, *row) for place, rows in enumerate(versions, 1) for row in rows]
        if inquiry is SUBJECT:
            found = [self.subjects.get(each, (False, None, 0, False)) for each in parameters[1]]
        else:
            found = [self.customers.get(each, (0, 0, 0, False)) for each in parameters[1]]
        return [(place, *row) for place, row in enumerate(found, 1)]


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def look_ups(source: Source, clock: Clock) -> LookUps:
    return LookUps(source, clock=clock)


def failures(asked: str) -> float:
    return REGISTRY.get_sample_value("orchestrator_look_up_failures_total", {"asked": asked}) or 0


async def test_a_payment_is_told_what_was_agreed_when_it_was_made(
    look_ups: LookUps, source: Source, make_event: MakeEvent
) -> None:
    source.terms["merch_1"].append(("suspended", ["EUR"], {"EUR": 5}, NOON + HOUR))
    before, after = (make_event(provider_created_at=NOON + change) for change in (timedelta(0), HOUR))
    assert await look_ups.about(before) == Context(terms=Terms("active", frozenset(), {}, NOON - HOUR))
    assert await look_ups.about(after) == Context(Terms("suspended", frozenset({"EUR"}), {"EUR": 5}, NOON + HOUR))


async def test_nothing_is_agreed_with_a_merchant_before_he_was_registered(
    look_ups: LookUps, make_event: MakeEvent
) -> None:
    assert await look_ups.about(make_event(provider_created_at=NOON - 2 * HOUR)) == Context()
    assert await look_ups.about(make_event(merchant_id="stranger")) == Context()
    assert terms_at([], NOON) is None


async def test_a_merchant_is_asked_about_once_in_a_few_seconds_and_a_change_is_seen_then(
    look_ups: LookUps, source: Source, clock: Clock, make_event: MakeEvent
) -> None:
    await asyncio.gather(*(look_ups.about(make_event()) for _ in range(3)))
    clock.now += 4.9
    source.terms["merch_1"] = [("closed", [], {}, NOON)]
    found = await look_ups.about(make_event())
    assert found.terms is not None
    assert (found.terms.status, len(source.asked)) == ("active", 1)
    clock.now += 0.2
    found = await look_ups.about(make_event())
    assert found.terms is not None
    assert (found.terms.status, len(source.asked)) == ("closed", 2)


async def test_events_of_one_moment_are_asked_about_in_one_statement(
    look_ups: LookUps, source: Source, make_event: MakeEvent
) -> None:
    source.subjects = {"pi_2": (True, 700, 200, False)}
    events = [
        make_event(event_type=told, related_payment_id=payment)
        for told, payment in (("dispute.opened", "pi_1"), ("refund.created", "pi_2"), ("refund.updated", "pi_3"))
    ]
    found = await asyncio.gather(*(look_ups.about(each) for each in events))
    unknown = Subject(is_told=False, received=None, refunded=0, reaches_back=False)
    known = Subject(is_told=True, received=700, refunded=200, reaches_back=False)
    assert [each.subject for each in found] == [unknown, known, unknown]
    assert source.asked == [("subject", 3)]


@pytest.mark.parametrize(
    "changes",
    [
        {"event_type": "payout.paid"},
        {"event_type": "charge.succeeded", "related_payment_id": "pi_1"},
        {"event_type": "refund.created"},
    ],
)
async def test_what_has_nothing_to_be_held_against_costs_no_look_up(
    look_ups: LookUps, source: Source, make_event: MakeEvent, changes: dict[str, object]
) -> None:
    assert await look_ups.about(make_event(**changes)) == Context()
    assert source.asked == []


@pytest.mark.parametrize(
    ("row", "flags"),
    [
        ((0, 0, 0, False), ("new_customer",)),
        ((3, 2, 1, False), ()),
        ((3, 2, 2, True), ("recent_failures", "previous_dispute")),
    ],
)
async def test_flags_say_what_is_known_of_a_customer(
    look_ups: LookUps, source: Source, make_event: MakeEvent, row: tuple[Any, ...], flags: tuple[str, ...]
) -> None:
    source.customers = {"cus_1": row}
    found = await look_ups.customer(scoring.fraud_request(make_event()))
    assert found == Customer(flags, row[1], row[2])  # type: ignore[arg-type]  # flags, as texts


async def test_nobody_is_asked_about_a_payment_without_a_customer(
    look_ups: LookUps, source: Source, make_event: MakeEvent
) -> None:
    assert await look_ups.customer(scoring.fraud_request(make_event(customer_id=None))) is None
    assert source.asked == []


@pytest.mark.parametrize("error", [Transient("away"), Fault("may not select")])
async def test_a_database_that_fails_leaves_all_unknown_and_is_left_alone_for_a_moment(
    look_ups: LookUps, source: Source, clock: Clock, make_event: MakeEvent, error: PipelineError
) -> None:
    source.error, before = error, failures("terms")
    asked = (look_ups.about(make_event()), look_ups.about(make_event(merchant_id="merch_2")))
    assert list(await asyncio.gather(*asked)) == [Context(), Context()]
    assert await look_ups.customer(scoring.fraud_request(make_event())) is None
    assert source.asked == [("terms", 2)]
    assert failures("terms") == before + 1
    source.error = None
    clock.now += 2.1
    assert (await look_ups.about(make_event())).terms is not None


async def test_a_database_that_hangs_holds_no_event_up(source: Source, make_event: MakeEvent) -> None:
    source.seconds = 3600
    look_ups = LookUps(source, patience_seconds=0.01)
    assert await look_ups.about(make_event()) == Context()


async def test_a_check_asks_each_question_of_nothing_and_raises_what_is_wrong(
    look_ups: LookUps, source: Source
) -> None:
    await look_ups.check()
    assert source.asked == [("terms", 0), ("subject", 0), ("customer", 0)]
    source.error = Fault("may not select")
    with pytest.raises(Fault, match="may not select"):
        await look_ups.check()
