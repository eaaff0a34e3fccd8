"""Connections to Temporal."""

import logging
from collections.abc import Mapping
from datetime import timedelta

import stamina
from kit.errors import Fault
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
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
from temporalio.service import RPCError, RPCStatusCode, TLSConfig

from orchestrator.settings import TemporalSettings

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


# What the SDK's core says, which is Rust: only its words tell a refusal from an outage.
_REMEDIES: Mapping[str, str] = {
    "UnknownIssuer": "TEMPORAL_TLS_CA_FILE does not hold the authority that signed the frontend's certificate",
    "Expired": "the frontend's certificate has expired: renew it",
    "NotValidForName": "the frontend's certificate is for another name: see TEMPORAL_TLS_SERVER_NAME",
    "CertificateRequired": "it asks for a certificate: set TEMPORAL_TLS_CERTIFICATE_FILE and TEMPORAL_TLS_KEY_FILE",
    "Unauthenticated": "look at TEMPORAL_API_KEY",
    "PermissionDenied": "look at TEMPORAL_API_KEY, and at what it may do in TEMPORAL_NAMESPACE",
}


_REFUSALS = frozenset({RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNAUTHENTICATED})


async def lazy_client(settings: TemporalSettings) -> Client:
    """Make a client that connects at its first use, so that its owner may start while Temporal is away."""
    return await _connect(settings, _runtime(), lazy=True)


async def connected_client(settings: TemporalSettings, *, metrics_address: str | None = None) -> Client:
    """Wait for Temporal and return a client that is connected, as a worker needs one.

    Args:
        settings: Where the frontend is, how to come in, and the namespace of the workflows.
        metrics_address: host:port at which the SDK shows its own metrics to Prometheus, if at all.

    Raises:
        Fault: The frontend does not let this program in, or is not the one that its certificate should name.
    """
    runtime = _runtime(metrics_address)
    async for attempt in stamina.retry_context(on=RuntimeError, attempts=None, timeout=None, wait_max=5.0):
        with attempt:
            try:
                client = await _connect(settings, runtime)
            except RuntimeError as error:
                if (why := refusal(str(error))) is not None:
                    raise _refused(settings, why) from error
                raise
            await _check(client, settings)
            return client
    raise AssertionError("stamina returns or raises")  # pragma: no cover


def refusal(said: str) -> str | None:
    """Return which settings to look at, if what the SDK says of a connection is a refusal and no outage."""
    return next((remedy for sign, remedy in _REMEDIES.items() if sign in said), None)


async def _check(client: Client, settings: TemporalSettings) -> None:
    """Find out at the start that the key is refused: whoever has none may connect, and no more."""
    request = DescribeNamespaceRequest(namespace=settings.temporal_namespace)
    try:
        await client.workflow_service.describe_namespace(request, timeout=RPC_TIMEOUT)
    except RPCError as error:
        if error.status in _REFUSALS:
            raise _refused(settings, _REMEDIES["PermissionDenied"]) from error
        # Anything else is for those who do the work: an outage passes, an absent namespace is told by the workers.


def _refused(settings: TemporalSettings, why: str) -> Fault:
    return Fault(f"Temporal at {settings.temporal_address} does not let this program in: {why}")


async def _connect(settings: TemporalSettings, runtime: Runtime, *, lazy: bool = False) -> Client:
    key = settings.temporal_api_key
    return await Client.connect(
        settings.temporal_address,
        namespace=settings.temporal_namespace,
        data_converter=pydantic_data_converter,
        runtime=runtime,
        lazy=lazy,
        tls=_tls(settings) if settings.temporal_tls else False,
        api_key=None if key is None else key.get_secret_value(),
    )


def _tls(settings: TemporalSettings) -> TLSConfig:
    ca, certificate, key = (
        None if path is None else path.read_bytes()
        for path in (
            settings.temporal_tls_ca_file,
            settings.temporal_tls_certificate_file,
            settings.temporal_tls_key_file,
        )
    )
    return TLSConfig(
        server_root_ca_cert=ca,
        domain=settings.temporal_tls_server_name,
        client_cert=certificate,
        client_private_key=key,
    )


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
