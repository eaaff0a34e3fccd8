"""One durable workflow per payment event. Pure: no clock, no I/O, no randomness but the workflow's own."""

import asyncio
from typing import Literal

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from kit.lake import Outcome
    from payments_contracts.inference import FraudScore, RetryStrategyResponse
    from payments_contracts.records import PaymentEventV1, ScoredPaymentV1
    from pydantic import BaseModel, ConfigDict

    from orchestrator import policies, rules, scoring
    from orchestrator.activities.database import DatabaseActivities, Stored
    from orchestrator.activities.inference import InferenceActivities
    from orchestrator.activities.lake import LakeActivities, PersistRequest
    from orchestrator.activities.validation import ValidationActivities


class Completion(BaseModel):
    """How a workflow ended."""

    model_config = ConfigDict(frozen=True)

    event_id: str
    rule_violations: list[str]
    fraud_score_source: scoring.Source
    retry_strategy_source: scoring.Source | None
    lake: Outcome
    database: Stored | Literal["failed"]


@workflow.defn
class PaymentEventWorkflow:
    """Rules, scores, Bronze, database. The id of the workflow is the event's id, so an event has one."""

    @workflow.run
    async def run(self, event: PaymentEventV1) -> Completion:
        """Score the event and see it into Bronze. Neither a broken rule nor a model that is away ends it early."""
        violations, fraud, advice = await asyncio.gather(self._validate(event), self._score(event), self._advise(event))
        payment = scoring.scored_payment(event, violations, fraud, advice, workflow.now())
        lake = await self._persist(payment)
        return Completion(
            event_id=event.event_id,
            rule_violations=violations,
            fraud_score_source=fraud.source,
            retry_strategy_source=None if advice is None else advice.source,
            lake=lake,
            database=await self._store(payment),
        )

    async def _validate(self, event: PaymentEventV1) -> list[str]:
        try:
            return await workflow.execute_local_activity_method(
                ValidationActivities.validate_business_rules,
                event,
                start_to_close_timeout=policies.VALIDATION_TIMEOUT,
                retry_policy=policies.VALIDATION_RETRY,
            )
        except ActivityError as error:
            workflow.logger.warning("rules not evaluated: %s", _bearable(error))
            return [rules.NOT_EVALUATED]

    async def _score(self, event: PaymentEventV1) -> scoring.Sourced[FraudScore]:
        try:
            score = await workflow.execute_activity_method(
                InferenceActivities.get_fraud_score,
                scoring.fraud_request(event),
                start_to_close_timeout=policies.INFERENCE_TIMEOUT,
                retry_policy=policies.INFERENCE_RETRY,
            )
        except ActivityError as error:
            workflow.logger.warning("fallback fraud score used: %s", _bearable(error))
            return scoring.Sourced(scoring.FALLBACK_SCORE, "fallback")
        return scoring.Sourced(score, "model")

    async def _advise(self, event: PaymentEventV1) -> scoring.Sourced[RetryStrategyResponse] | None:
        if not scoring.needs_advice(event):
            return None
        try:
            advice = await workflow.execute_activity_method(
                InferenceActivities.get_retry_strategy,
                scoring.retry_request(event),
                start_to_close_timeout=policies.INFERENCE_TIMEOUT,
                retry_policy=policies.INFERENCE_RETRY,
            )
        except ActivityError as error:
            workflow.logger.warning("fallback retry advice used: %s", _bearable(error))
            return scoring.Sourced(scoring.FALLBACK_ADVICE, "fallback")
        return scoring.Sourced(advice, "model")

    async def _persist(self, payment: ScoredPaymentV1) -> Outcome:
        # A run that was reset replays up to here and may have persisted before.
        info = workflow.info()
        repeated = info.run_id != info.first_execution_run_id
        while True:
            try:
                return await workflow.execute_activity_method(
                    LakeActivities.persist_to_iceberg,
                    PersistRequest(payment=payment, repeated=repeated),
                    task_queue=policies.persist_queue(info.task_queue),
                    start_to_close_timeout=policies.LAKE_TIMEOUT,
                    heartbeat_timeout=policies.LAKE_HEARTBEAT_TIMEOUT,
                    retry_policy=policies.LAKE_RETRY,
                )
            except ActivityError as error:
                if _type(error) == policies.REJECTED:
                    raise
                workflow.logger.warning("row waits for the lake: %s", _bearable(error))
            await workflow.sleep(policies.LAKE_PAUSE)
            repeated = True

    async def _store(self, payment: ScoredPaymentV1) -> Stored | Literal["failed"]:
        try:
            return await workflow.execute_local_activity_method(
                DatabaseActivities.persist_to_database,
                payment,
                start_to_close_timeout=policies.DATABASE_TIMEOUT,
                retry_policy=policies.DATABASE_RETRY,
            )
        except ActivityError as error:
            workflow.logger.warning("row not in the operational database: %s", _bearable(error))
            return "failed"


def _bearable(error: ActivityError) -> str:
    """Name the cause of a failure that the workflow goes on after; a cancellation is none and is raised again."""
    if is_cancelled_exception(error):
        raise error
    return _type(error) or type(error.cause).__name__


def _type(error: ActivityError) -> str | None:
    return error.cause.type if isinstance(error.cause, ApplicationError) else None
