"""One durable workflow per payment event. Pure: no clock, no I/O, no randomness but the workflow's own."""

import asyncio
from typing import Literal

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    # `from orchestrator import x` would not pass x through, but import it anew for each workflow.
    from kit.lake import Outcome
    from payments_contracts.inference import FraudScore, RetryStrategyResponse
    from payments_contracts.records import PaymentEventV2, ScoredPaymentV2

    from orchestrator.activities.database import DatabaseActivities
    from orchestrator.activities.inference import InferenceActivities
    from orchestrator.activities.lake import LakeActivities
    from orchestrator.activities.validation import ValidationActivities
    from orchestrator.messages import Completion, PersistRequest, Stored
    from orchestrator.policies import (
        DATABASE,
        INFERENCE,
        LAKE,
        LAKE_HEARTBEAT_TIMEOUT,
        LAKE_PAUSE,
        REJECTED,
        VALIDATION,
        persist_queue,
    )
    from orchestrator.rules import NOT_EVALUATED
    from orchestrator.scoring import (
        FALLBACK_ADVICE,
        FALLBACK_SCORE,
        Sourced,
        fraud_request,
        needs_advice,
        needs_score,
        retry_request,
        scored_payment,
    )


@workflow.defn
class PaymentEventWorkflow:
    """Rules, scores, Bronze, database. The id of the workflow is the event's id, so an event has one."""

    @workflow.run
    async def run(self, event: PaymentEventV2) -> Completion:
        """Score the event and see it into Bronze. Neither a broken rule nor a model that is away ends it early.

        Runs that began with an event of version 1 go on: what they were given reads as version 2 with nulls.
        """
        violations, fraud, advice = await asyncio.gather(self._validate(event), self._score(event), self._advise(event))
        payment = scored_payment(event, violations, fraud, advice, workflow.now())
        lake = await self._persist(payment)
        return Completion(
            event_id=event.event_id,
            rule_violations=violations,
            fraud_score_source=payment.fraud_score_source,
            retry_strategy_source=None if advice is None else advice.source,
            lake=lake,
            database=await self._store(payment),
        )

    async def _validate(self, event: PaymentEventV2) -> list[str]:
        try:
            return await workflow.execute_local_activity_method(
                ValidationActivities.validate_business_rules,
                event,
                start_to_close_timeout=VALIDATION.timeout,
                retry_policy=VALIDATION.retry,
            )
        except FailureError as error:
            workflow.logger.warning("rules not evaluated: %s", _bearable(error))
            return [NOT_EVALUATED]

    async def _score(self, event: PaymentEventV2) -> Sourced[FraudScore] | None:
        if not needs_score(event):
            return None
        try:
            score = await workflow.execute_activity_method(
                InferenceActivities.get_fraud_score,
                fraud_request(event),
                start_to_close_timeout=INFERENCE.timeout,
                retry_policy=INFERENCE.retry,
            )
        except FailureError as error:
            workflow.logger.warning("fallback fraud score used: %s", _bearable(error))
            return Sourced(FALLBACK_SCORE, "fallback")
        return Sourced(score, "model")

    async def _advise(self, event: PaymentEventV2) -> Sourced[RetryStrategyResponse] | None:
        if not needs_advice(event):
            return None
        try:
            advice = await workflow.execute_activity_method(
                InferenceActivities.get_retry_strategy,
                retry_request(event),
                start_to_close_timeout=INFERENCE.timeout,
                retry_policy=INFERENCE.retry,
            )
        except FailureError as error:
            workflow.logger.warning("fallback retry advice used: %s", _bearable(error))
            return Sourced(FALLBACK_ADVICE, "fallback")
        return Sourced(advice, "model")

    async def _persist(self, payment: ScoredPaymentV2) -> Outcome:
        # A run that was reset replays up to here and may have persisted before.
        info = workflow.info()
        repeated = info.run_id != info.first_execution_run_id
        while True:
            try:
                return await workflow.execute_activity_method(
                    LakeActivities.persist_to_iceberg,
                    PersistRequest(payment=payment, repeated=repeated),
                    task_queue=persist_queue(info.task_queue),
                    start_to_close_timeout=LAKE.timeout,
                    heartbeat_timeout=LAKE_HEARTBEAT_TIMEOUT,
                    retry_policy=LAKE.retry,
                )
            except FailureError as error:
                if _type(error) == REJECTED:
                    raise
                workflow.logger.warning("row waits for the lake: %s", _bearable(error))
            await workflow.sleep(LAKE_PAUSE)
            repeated = True

    async def _store(self, payment: ScoredPaymentV2) -> Stored | Literal["failed"]:
        try:
            return await workflow.execute_local_activity_method(
                DatabaseActivities.persist_to_database,
                payment,
                start_to_close_timeout=DATABASE.timeout,
                retry_policy=DATABASE.retry,
            )
        except FailureError as error:
            workflow.logger.warning("row not in the operational database: %s", _bearable(error))
            return "failed"


def _bearable(error: FailureError) -> str:
    """Name the cause of a failure that the workflow goes on after; a cancellation is none and is raised again."""
    if is_cancelled_exception(error):
        raise error
    return _type(error) or type(error.cause or error).__name__


def _type(error: FailureError) -> str | None:
    # A local activity's own error comes bare, another's wrapped in an ActivityError.
    cause = error if isinstance(error, ApplicationError) else error.cause
    return cause.type if isinstance(cause, ApplicationError) else None
