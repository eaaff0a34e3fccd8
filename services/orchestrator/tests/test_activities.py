import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from kit.errors import Transient
from kit.lake import Mark, Outcome
from orchestrator import scoring
from orchestrator.activities import lake
from orchestrator.activities.database import DatabaseActivities
from orchestrator.activities.inference import InferenceActivities
from orchestrator.activities.lake import AbsentCommitter, LakeActivities, NotHere
from orchestrator.activities.validation import ValidationActivities
from orchestrator.inquiries import Customer, Terms
from orchestrator.look_ups import Context
from orchestrator.messages import PersistRequest, Verdicts
from orchestrator.open_workflows import OpenWorkflows
from orchestrator.rules import RuleBook
from payments_contracts.inference import (
    FraudScore,
    FraudScoreRequest,
    RetryStrategyRequest,
    RetryStrategyResponse,
)
from payments_contracts.pins.orchestrator import PaymentEvent, ScoredPayment
from prometheus_client import REGISTRY
from temporalio.testing import ActivityEnvironment

MakeEvent = Callable[..., PaymentEvent]
NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
SCORE = FraudScore(score=0.12, risk_level="low")
ADVICE = RetryStrategyResponse(should_retry=True, delay_seconds=60, max_attempts=3)


@pytest.fixture
def payment(make_event: MakeEvent) -> ScoredPayment:
    return scoring.scored_payment(make_event(), [], scoring.Sourced(SCORE, "model"), None, NOON)


class Models:
    """Always of the same mind."""

    def __init__(self) -> None:
        self.asked: list[FraudScoreRequest] = []

    async def score_fraud(self, request: FraudScoreRequest) -> FraudScore:
        self.asked.append(request)
        return SCORE

    async def advise_retry(self, request: RetryStrategyRequest) -> RetryStrategyResponse:
        return ADVICE


class Committer:
    """Remembers what it was given; waits if it is told to, fails if it has an error."""

    def __init__(self, error: Exception | None = None, seconds: float = 0.0) -> None:
        self.given: list[tuple[Mapping[str, object], Mark | None]] = []
        self.error = error
        self.seconds = seconds
        self.state = Mark(5)
        self.outcome = Outcome.APPENDED

    def mark(self) -> Mark:
        return self.state

    async def append(self, row: Mapping[str, object], *, absent_at: Mark | None) -> Outcome:
        self.given.append((row, absent_at))
        await asyncio.sleep(self.seconds)
        if self.error is not None:
            raise self.error
        return self.outcome


class Store:
    def __init__(self) -> None:
        self.rows: list[ScoredPayment] = []

    async def put(self, payment: ScoredPayment) -> None:
        self.rows.append(payment)

    async def attempts(self, event: PaymentEvent) -> int | None:
        return 1 + sum(row.provider_object_id == event.provider_object_id for row in self.rows)


def environment(attempt: int = 1, *, is_local: bool = False) -> ActivityEnvironment:
    environment = ActivityEnvironment()
    environment.info = replace(ActivityEnvironment.default_info(), attempt=attempt, is_local=is_local)
    return environment


def lake_of(committer: Committer, opened: OpenWorkflows[Mark] | None = None) -> LakeActivities:
    return LakeActivities(committer, opened, lambda: NOON)


async def test_rules_are_those_of_the_workers_book(make_event: MakeEvent) -> None:
    activities = ValidationActivities(RuleBook(blocked_merchants=frozenset({"merch_1"})))
    found = await environment().run(activities.validate_business_rules, make_event())
    assert isinstance(found, Verdicts)
    assert found.broken == ["merchant_blocked"]
    assert found.undecided == ["merchant_not_active", "currency_not_allowed", "amount_above_merchant_limit"]


class Surroundings:
    """Knows of a merchant who is suspended, and of a customer who has paid before."""

    async def about(self, event: PaymentEvent) -> Context:
        return Context(terms=Terms("suspended", frozenset(), {}, NOON))

    async def customer(self, request: FraudScoreRequest) -> Customer | None:
        return Customer((), 4, 2)


async def test_rules_know_what_is_around_the_event(make_event: MakeEvent) -> None:
    activities = ValidationActivities(RuleBook(), Surroundings())
    found = await environment().run(activities.validate_business_rules, make_event())
    assert found == Verdicts(broken=["merchant_not_active"], undecided=[])


async def test_the_fraud_model_is_told_of_the_customer(make_event: MakeEvent) -> None:
    models = Models()
    activities = InferenceActivities(models, Surroundings())
    await environment().run(activities.get_fraud_score, scoring.fraud_request(make_event()))
    assert [(each.customer_payments_last_hour, each.previous_attempts) for each in models.asked] == [(4, 2)]


async def test_scores_and_advice_are_the_models(make_event: MakeEvent) -> None:
    activities = InferenceActivities(Models())
    assert await environment().run(activities.get_fraud_score, scoring.fraud_request(make_event())) == SCORE
    assert await environment().run(activities.get_retry_strategy, scoring.retry_request(make_event(), None)) == ADVICE


async def test_a_first_attempt_needs_no_look_up(payment: ScoredPayment) -> None:
    committer = Committer()
    request = PersistRequest(payment=payment)
    assert await environment().run(lake_of(committer).persist_to_iceberg, request) is Outcome.APPENDED
    assert committer.given == [(payment.model_dump(), Mark(5))]


@pytest.mark.parametrize(("attempt", "repeated"), [(2, False), (1, True)])
async def test_a_later_attempt_or_round_first_looks_whether_the_row_is_there(
    payment: ScoredPayment, attempt: int, *, repeated: bool
) -> None:
    committer = Committer()
    request = PersistRequest(payment=payment, repeated=repeated)
    await environment(attempt).run(lake_of(committer).persist_to_iceberg, request)
    assert committer.given[0][1] is None


async def test_a_failed_commit_fails_the_attempt(payment: ScoredPayment) -> None:
    lake_activities = lake_of(Committer(Transient("object store away")))
    with pytest.raises(Transient, match="object store away"):
        await environment().run(lake_activities.persist_to_iceberg, PersistRequest(payment=payment))


async def test_beside_the_workflow_a_row_is_absent_as_of_the_workflows_beginning(payment: ScoredPayment) -> None:
    committer = Committer()
    opened = OpenWorkflows(10, mark=committer.mark)
    request = PersistRequest(payment=payment, token=opened.begin(payment.event_id))
    committer.state = Mark(9)
    await environment(is_local=True).run(lake_of(committer, opened).persist_to_iceberg, request)
    assert committer.given == [(payment.model_dump(), Mark(5))]
    assert opened.room() == 10


async def test_a_workflow_that_did_not_begin_here_is_sent_to_the_queue(payment: ScoredPayment) -> None:
    committer = Committer()
    opened = OpenWorkflows(10, mark=committer.mark)
    with pytest.raises(NotHere):
        await environment(is_local=True).run(
            lake_of(committer, opened).persist_to_iceberg, PersistRequest(payment=payment)
        )
    assert committer.given == []


async def test_a_second_attempt_beside_the_workflow_is_sent_to_the_queue(payment: ScoredPayment) -> None:
    committer = Committer(Transient("the table lacks a column"))
    opened = OpenWorkflows(10, mark=committer.mark)
    request = PersistRequest(payment=payment, token=opened.begin(payment.event_id))
    persist = lake_of(committer, opened).persist_to_iceberg
    with pytest.raises(Transient):
        await environment(is_local=True).run(persist, request)
    with pytest.raises(NotHere):
        await environment(attempt=2, is_local=True).run(persist, request)


async def test_a_workflow_is_open_until_its_row_is_settled_whichever_way_it_went(payment: ScoredPayment) -> None:
    committer = Committer(Transient("the table lacks a column"))
    opened = OpenWorkflows(10, mark=committer.mark)
    request = PersistRequest(payment=payment, token=opened.begin(payment.event_id))
    persist = lake_of(committer, opened).persist_to_iceberg
    with pytest.raises(Transient):
        await environment(is_local=True).run(persist, request)
    assert opened.room() == 9
    committer.error = None
    await environment().run(persist, request.model_copy(update={"repeated": True}))
    assert opened.room() == 10


async def test_an_event_that_may_have_had_a_workflow_nobody_remembers_is_looked_up(payment: ScoredPayment) -> None:
    committer = Committer()
    # It was sent again, and received, just now.
    payment = payment.model_copy(update={"processed_at": NOON + timedelta(days=2)})
    late = LakeActivities(committer, None, lambda: NOON + timedelta(days=2))
    await environment().run(late.persist_to_iceberg, PersistRequest(payment=payment))
    assert committer.given == [(payment.model_dump(), None)]


async def test_a_worker_without_a_committer_sends_every_row_to_the_queue(payment: ScoredPayment) -> None:
    with pytest.raises(NotHere):
        await environment(is_local=True).run(AbsentCommitter().persist_to_iceberg, PersistRequest(payment=payment))


async def test_a_fallback_that_reached_bronze_is_counted(make_event: MakeEvent) -> None:
    def total() -> float:
        return REGISTRY.get_sample_value("orchestrator_fallbacks_total", {"verdict": "fraud_score"}) or 0.0

    fallback = scoring.Sourced(scoring.FALLBACK_SCORE, "fallback")
    payment = scoring.scored_payment(make_event(), [], fallback, None, NOON)
    before = total()
    await environment().run(lake_of(Committer()).persist_to_iceberg, PersistRequest(payment=payment))
    assert total() - before == 1


async def test_heartbeats_while_the_row_waits_and_not_after(
    payment: ScoredPayment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lake, "LAKE_HEARTBEAT_EVERY", timedelta(milliseconds=10))
    beats: list[object] = []
    waiting = environment()
    waiting.on_heartbeat = lambda *details: beats.append(details)
    await waiting.run(lake_of(Committer(seconds=0.2)).persist_to_iceberg, PersistRequest(payment=payment))
    counted = len(beats)
    assert counted >= 2
    await asyncio.sleep(0.05)
    assert len(beats) == counted


async def test_measures_how_long_the_event_was_on_its_topic_when_its_row_was_committed(payment: ScoredPayment) -> None:
    def total() -> float:
        return REGISTRY.get_sample_value("orchestrator_normalized_to_bronze_seconds_sum") or 0.0

    before = total()
    activities = LakeActivities(Committer(), None, lambda: NOON + timedelta(seconds=1.5))
    # What was received long ago and is sent once more is new on the topic.
    old = payment.model_copy(update={"processed_at": NOON - timedelta(days=30)})
    await environment().run(activities.persist_to_iceberg, PersistRequest(payment=old, written_at=NOON))
    assert total() - before == pytest.approx(1.5)


async def test_measures_how_long_ago_the_webhook_was_received_once_for_each_row(payment: ScoredPayment) -> None:
    def sample(name: str) -> float:
        return REGISTRY.get_sample_value(f"orchestrator_webhook_to_bronze_seconds_{name}") or 0.0

    total, count = sample("sum"), sample("count")
    activities = LakeActivities(Committer(), None, lambda: NOON + timedelta(seconds=2.5))
    received = payment.model_copy(update={"received_at": NOON})
    for each in (received, payment.model_copy(update={"received_at": None})):
        await environment().run(activities.persist_to_iceberg, PersistRequest(payment=each))
    committer = Committer()
    committer.outcome = Outcome.ALREADY_THERE
    there = LakeActivities(committer, None, lambda: NOON)
    await environment().run(there.persist_to_iceberg, PersistRequest(payment=received))
    assert sample("sum") - total == pytest.approx(2.5)
    assert sample("count") - count == 1


async def test_measures_nothing_where_nobody_knows_when_the_event_was_written(payment: ScoredPayment) -> None:
    def count() -> float:
        return REGISTRY.get_sample_value("orchestrator_normalized_to_bronze_seconds_count") or 0.0

    before = count()
    await environment().run(lake_of(Committer()).persist_to_iceberg, PersistRequest(payment=payment))
    assert count() == before


async def test_the_database_gets_the_row(payment: ScoredPayment) -> None:
    store = Store()
    assert await environment().run(DatabaseActivities(store).persist_to_database, payment) == "stored"
    assert store.rows == [payment]


async def test_attempts_are_counted_in_the_database(payment: ScoredPayment, make_event: MakeEvent) -> None:
    store = Store()
    await store.put(payment)
    assert await environment().run(DatabaseActivities(store).count_attempts, make_event(status="failed")) == 2


async def test_without_a_database_nobody_counts_attempts(make_event: MakeEvent) -> None:
    assert await environment().run(DatabaseActivities(None).count_attempts, make_event(status="failed")) is None


@pytest.mark.parametrize(("category", "times"), [("unknown", 1), ("fraud", 0), (None, 0)])
async def test_a_failure_that_no_table_lists_is_counted_once_by_provider(
    make_event: MakeEvent, category: str | None, times: int
) -> None:
    def total() -> float:
        return REGISTRY.get_sample_value("orchestrator_unknown_failure_total", {"provider": "square"}) or 0.0

    event = make_event(provider="square", event_type="refund.failed", status="failed", failure_category=category)
    payment = scoring.scored_payment(event, [], None, None, NOON)
    before = total()
    committer = Committer()
    await environment().run(lake_of(committer).persist_to_iceberg, PersistRequest(payment=payment))
    committer.outcome = Outcome.ALREADY_THERE
    await environment().run(lake_of(committer).persist_to_iceberg, PersistRequest(payment=payment))
    assert total() - before == times


@pytest.mark.parametrize(
    ("attempt", "source"),
    [(None, "nobody"), (scoring.Attempt(2, "history"), "history"), (scoring.Attempt(2, "provider"), "provider")],
)
async def test_who_counts_attempts_is_counted(
    make_event: MakeEvent, attempt: scoring.Attempt | None, source: str
) -> None:
    def total() -> float:
        return REGISTRY.get_sample_value("orchestrator_attempts_total", {"source": source}) or 0.0

    event = make_event(event_type="payment.failed", status="failed")
    payment = scoring.scored_payment(event, [], None, None, NOON, attempt=attempt)
    before = total()
    await environment().run(lake_of(Committer()).persist_to_iceberg, PersistRequest(payment=payment))
    assert total() - before == 1


async def test_without_a_database_nothing_is_stored(payment: ScoredPayment) -> None:
    assert await environment().run(DatabaseActivities(None).persist_to_database, payment) == "switched_off"
