"""Connections to Temporal, and the start of workflows."""

import asyncio
import logging
from contextlib import suppress
from datetime import timedelta

import stamina
from kit.errors import Fault, Transient
from payments_contracts.records import PaymentEventV2
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    PrometheusConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)
from temporalio.service import RPCError, RPCStatusCode

from orchestrator import metrics, policies
from orchestrator.workflow import PaymentEventWorkflow

_RPC_TIMEOUT = timedelta(seconds=10)
_PASSING = frozenset(
    {
        RPCStatusCode.ABORTED,
        RPCStatusCode.CANCELLED,
        RPCStatusCode.DEADLINE_EXCEEDED,
        RPCStatusCode.INTERNAL,
        RPCStatusCode.RESOURCE_EXHAUSTED,
        RPCStatusCode.UNAVAILABLE,
        RPCStatusCode.UNKNOWN,
    }
)


async def lazy_client(address: str, namespace: str) -> Client:
    """Make a client that connects at its first use, so that its owner may start while Temporal is away."""
    return await Client.connect(
        address, namespace=namespace, data_converter=pydantic_data_converter, runtime=_runtime(), lazy=True
    )


async def connected_client(address: str, namespace: str, *, metrics_address: str | None = None) -> Client:
    """Wait for Temporal and return a client that is connected, as a worker needs one.

    Args:
        address: host:port of the frontend.
        namespace: Namespace of the workflows.
        metrics_address: host:port at which the SDK shows its own metrics to Prometheus, if at all.
    """
    runtime = _runtime(metrics_address)
    async for attempt in stamina.retry_context(on=RuntimeError, attempts=None, timeout=None, wait_max=5.0):
        with attempt:
            return await Client.connect(
                address, namespace=namespace, data_converter=pydantic_data_converter, runtime=runtime
            )
    raise AssertionError("stamina returns or raises")  # pragma: no cover


def _runtime(metrics_address: str | None = None) -> Runtime:
    """Make the SDK's core, which logs as the rest of the process does."""
    forwarding = LogForwardingConfig(logging.getLogger("temporalio.core"), append_target_to_name=False)
    exporter = None
    if metrics_address is not None:
        exporter = PrometheusConfig(
            bind_address=metrics_address, counters_total_suffix=True, unit_suffix=True, durations_as_seconds=True
        )
    quiet = TelemetryFilter(core_level="WARN", other_level="ERROR")
    return Runtime(telemetry=TelemetryConfig(logging=LoggingConfig(quiet, forwarding), metrics=exporter))


class WorkflowStarter:
    """Starts one workflow per event, however often it is asked to."""

    def __init__(self, client: Client, task_queue: str, *, wait_max_seconds: float = 5.0) -> None:
        self._client = client
        self._task_queue = task_queue
        self._wait_max_seconds = wait_max_seconds
        self._trouble: str | None = None
        self._door = asyncio.Lock()

    async def start(self, event: PaymentEventV2) -> None:
        """Return once the workflow of the event is durable, or was before; wait as long as Temporal is away.

        Raises:
            Fault: Temporal refuses the request.
        """
        with metrics.START_SECONDS.time():
            with suppress(Transient):
                await self._start_once(event)
                return
            # Of all the starts that wait for Temporal, one at a time asks whether it is back.
            async with self._door:
                async for attempt in stamina.retry_context(
                    on=Transient, attempts=None, timeout=None, wait_initial=0.1, wait_max=self._wait_max_seconds
                ):
                    with attempt:
                        await self._start_once(event)

    def check(self) -> str | None:
        """Say what is wrong with Temporal, as of the last start; None if nothing is."""
        return self._trouble

    async def _start_once(self, event: PaymentEventV2) -> None:
        answer = "accepted"
        try:
            await self._client.start_workflow(
                PaymentEventWorkflow.run,
                event,
                id=event.event_id,
                task_queue=self._task_queue,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                execution_timeout=policies.EXECUTION_TIMEOUT,
                rpc_timeout=_RPC_TIMEOUT,
            )
        except WorkflowAlreadyStartedError:
            answer = "was_there"
        except RPCError as error:
            raise self._family(error) from error
        except RuntimeError as error:
            # What a client raises that has never been connected.
            metrics.START_FAILURES.inc()
            self._trouble = "Temporal does not answer"
            raise Transient(self._trouble) from error
        self._trouble = None
        metrics.STARTS.labels(answer).inc()

    def _family(self, error: RPCError) -> Transient | Fault:
        metrics.START_FAILURES.inc()
        if error.status in _PASSING:
            self._trouble = f"Temporal answers {error.status.name}"
            return Transient(self._trouble)
        return Fault(f"Temporal refuses to start a workflow: {error.status.name}: {error.message}")
