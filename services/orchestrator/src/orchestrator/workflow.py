"""One durable workflow per payment event. Pure: no clock, no I/O, no randomness but the workflow's own."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypeVar

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    # `from orchestrator import x` would not pass x through, but import it anew for each workflow.
    import structlog
    from kit.lake import Outcome
    from kit.tracing import about_event
    from payments_contracts.inference import FraudScore, RetryStrategyResponse
    from payments_contracts.pins.orchestrator import PaymentEvent, ScoredPayment

    from orchestrator.activities.database import DatabaseActivities
    from orchestrator.activities.dead_letters import DeadLetterActivities
    from orchestrator.activities.inference import InferenceActivities
    from orchestrator.activities.lake import LakeActivities
    from orchestrator.activities.validation import ValidationActivities
    from orchestrator.messages import (
        DEAD_LETTERED,
        START_MEMO,
        Completion,
        DeadLetter,
        PersistRequest,
        Start,
        State,
        Step,
        Stored,
        Verdicts,
    )
    from orchestrator.policies import (
        ATTEMPTS,
        DATABASE,
        DEAD_LETTER,
        INFERENCE,
        LAKE,
        LAKE_HEARTBEAT_TIMEOUT,
        REJECTED,
        VALIDATION,
        ActivityPolicy,
        persist_queue,
    )
    from orchestrator.rules import NOT_EVALUATED
    from orchestrator.scoring import (
        FALLBACK_SCORE,
        Attempt,
        Sourced,
        fallback_advice,
        fraud_request,
        needs_advice,
        needs_attempt,
        needs_score,
        retry_request,
        scored_payment,
        told_attempt,
    )
    from orchestrator.search import at_end

T = TypeVar("T")
Refused = Literal["dead_lettered"]
Advice = Sourced[RetryStrategyResponse]


@workflow.defn
class PaymentEventWorkflow:
    """Rules, scores, Bronze, database. The id of the workflow is the event's id, so an event has one."""

    def __init__(self) -> None:
        self._state = State(step="scoring", since=workflow.now())

    @workflow.query
    def state(self) -> State:
        """How far the workflow is, for who asks while it runs."""
        return self._state

    @workflow.run
    async def run(self, event: PaymentEvent) -> Completion:
        """Score the event and see it into Bronze. Neither a broken rule nor a model that is away ends it early.

        A row that the table or the database refuses becomes a dead letter; one for which they are away waits for them.

        Raises:
            ApplicationError: A row was refused (type DEAD_LETTERED); sent again, the event begins anew.
        """
        structlog.contextvars.bind_contextvars(**about_event(event.event_id, merchant_id=event.merchant_id))
        start = workflow.memo_value(START_MEMO, Start(), type_hint=Start)
        verdicts, fraud, (attempt, advice) = await asyncio.gather(
            self._validate(event), self._score(event), self._count_and_advise(event, start)
        )
        violations = verdicts.broken
        payment = scored_payment(
            event, violations, fraud, advice, workflow.now(), attempt=attempt, undecided=verdicts.undecided
        )
        self._state = State(
            step="bronze",
            since=workflow.now(),
            fraud_score_source=payment.fraud_score_source,
            retry_strategy_source=None if advice is None else advice.source,
            rule_violations=violations,
        )
        lake = await self._or_dead_letter(event, start, "row_rejected", self._persist(payment, start))
        self._go_on("database")
        completion = Completion(
            event_id=event.event_id,
            rule_violations=violations,
            fraud_score_source=payment.fraud_score_source,
            retry_strategy_source=None if advice is None else advice.source,
            lake=lake,
            database=await self._or_dead_letter(event, start, "database_row_rejected", self._store(payment)),
        )
        self._go_on("ended")
        if start.tells_outcome:
            workflow.upsert_search_attributes([at_end(completion)])
        if start.fails_without_row and DEAD_LETTERED in {completion.lake, completion.database}:
            words = f"lake: {completion.lake}, operational database: {completion.database}"
            raise ApplicationError(words, type=DEAD_LETTERED, non_retryable=True)
        return completion

    def _go_on(self, step: Step) -> None:
        self._state = self._state.model_copy(update={"step": step, "since": workflow.now()})

    async def _validate(self, event: PaymentEvent) -> Verdicts:
        try:
            found = await _beside(ValidationActivities.validate_business_rules, event, VALIDATION)
        except FailureError as error:
            _note("rules_not_evaluated", error)
            return Verdicts(broken=[NOT_EVALUATED])
        return found if isinstance(found, Verdicts) else Verdicts(broken=found)

    async def _score(self, event: PaymentEvent) -> Sourced[FraudScore] | None:
        if not needs_score(event):
            return None
        try:
            score = await _beside(InferenceActivities.get_fraud_score, fraud_request(event), INFERENCE)
        except FailureError as error:
            _note("fallback_fraud_score_used", error)
            return Sourced(FALLBACK_SCORE, "fallback")
        return Sourced(score, "model")

    async def _count_and_advise(self, event: PaymentEvent, start: Start) -> tuple[Attempt | None, Advice | None]:
        attempt = await self._attempt(event, start)
        return attempt, await self._advise(event, attempt)

    async def _attempt(self, event: PaymentEvent, start: Start) -> Attempt | None:
        """Return which attempt has failed; None where nothing has, or nobody can tell."""
        if not needs_attempt(event):
            return None
        told = told_attempt(event)
        if told is not None or not start.counts_attempts:
            return told
        try:
            number = await _beside(DatabaseActivities.count_attempts, event, ATTEMPTS)
        except FailureError as error:
            _note("attempts_not_counted", error)
            return None
        return None if number is None else Attempt(number, "history")

    async def _advise(self, event: PaymentEvent, attempt: Attempt | None) -> Advice | None:
        if not needs_advice(event):
            return None
        try:
            advice = await _beside(InferenceActivities.get_retry_strategy, retry_request(event, attempt), INFERENCE)
        except FailureError as error:
            _note("fallback_retry_advice_used", error)
            return Sourced(fallback_advice(event, attempt), "fallback")
        return Sourced(advice, "model")

    async def _persist(self, payment: ScoredPayment, start: Start) -> Outcome:
        # A run that was reset replays up to here and may have persisted before.
        info = workflow.info()
        repeated = start.repeated or info.run_id != info.first_execution_run_id
        written_at = None if start.position is None else start.position.written_at
        if start.token is not None and not repeated:
            request = PersistRequest(payment=payment, token=start.token, written_at=written_at)
            try:
                return await _beside(LakeActivities.persist_to_iceberg, request, LAKE)
            except FailureError as error:
                _go_on_unless_rejected(error, "row_handed_to_queue")
            repeated = True
        outcome: Outcome = await workflow.execute_activity_method(
            LakeActivities.persist_to_iceberg,
            PersistRequest(payment=payment, repeated=repeated, token=start.token, written_at=written_at),
            task_queue=persist_queue(info.task_queue),
            start_to_close_timeout=LAKE.timeout,
            heartbeat_timeout=LAKE_HEARTBEAT_TIMEOUT,
            retry_policy=LAKE.without_end.retry,
            summary=LAKE.without_end.summary,
        )
        return outcome

    async def _store(self, payment: ScoredPayment) -> Stored:
        try:
            return await _beside(DatabaseActivities.persist_to_database, payment, DATABASE)
        except FailureError as error:
            _go_on_unless_rejected(error, "row_waits_for_database")
        stored: Stored = await workflow.execute_activity_method(
            DatabaseActivities.persist_to_database,
            payment,
            start_to_close_timeout=DATABASE.timeout,
            retry_policy=DATABASE.without_end.retry,
            summary=DATABASE.without_end.summary,
        )
        return stored

    async def _or_dead_letter(
        self, event: PaymentEvent, start: Start, reason_code: str, writing: Awaitable[T]
    ) -> T | Refused:
        try:
            return await writing
        except FailureError as error:
            cause = _cause(error)
            if cause is None or cause.type != REJECTED:
                raise
            reason = cause.message
        await workflow.execute_activity_method(
            DeadLetterActivities.dead_letter,
            DeadLetter(event=event, position=start.position, reason_code=reason_code, reason=reason),
            start_to_close_timeout=DEAD_LETTER.timeout,
            retry_policy=DEAD_LETTER.retry,
            summary=DEAD_LETTER.summary,
        )
        return DEAD_LETTERED


async def _beside(method: Callable[[Any, Any], Awaitable[T]], argument: object, policy: ActivityPolicy) -> T:
    """Run an activity in the process that runs the workflow, within one workflow task."""
    result: T = await workflow.execute_local_activity_method(
        method,
        argument,
        start_to_close_timeout=policy.timeout,
        schedule_to_close_timeout=policy.beside,
        retry_policy=policy.retry,
        summary=policy.summary,
    )
    return result


def _go_on_unless_rejected(error: FailureError, what: str) -> None:
    if _type(error) == REJECTED:
        raise error
    _note(what, error)


def _note(what: str, error: FailureError) -> None:
    """Log what became of a failure that the workflow goes on after, by its kind alone."""
    workflow.logger.warning(what, extra={"cause": _bearable(error)})


def _bearable(error: FailureError) -> str:
    """Name the cause of a failure that the workflow goes on after; a cancellation is none and is raised again."""
    if is_cancelled_exception(error):
        raise error
    return _type(error) or type(error.cause or error).__name__


def _type(error: FailureError) -> str | None:
    cause = _cause(error)
    return None if cause is None else cause.type


def _cause(error: FailureError) -> ApplicationError | None:
    # A local activity's own error comes bare, another's wrapped in an ActivityError.
    cause = error if isinstance(error, ApplicationError) else error.cause
    return cause if isinstance(cause, ApplicationError) else None
