"""Connections to Temporal."""

import logging
from datetime import timedelta

import stamina
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    PrometheusConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)
from temporalio.service import RPCStatusCode

RPC_TIMEOUT = timedelta(seconds=10)
PASSING = frozenset(
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
"""What Temporal answers while it, or what it needs, is away."""


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
