"""The services under test as processes of their own, each from its program."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from confluent_kafka.admin import AdminClient
from operations.topics import apply_topics
from payments_contracts.topics import raw_topic

from tests.fuzz.endpoint import PLAIN, Endpoint
from tests.fuzz.ledger import Finding
from tests.processes import running

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.processes import Process

INFERENCE = "inference"
_READY = 200


def gateway(provider: str) -> str:
    """Return the name that a provider's gateway has among the contracts."""
    return f"gateway-{provider}"


@contextmanager
def services(stack: Mapping[str, str]) -> Iterator[Mapping[str, Process]]:
    """Run every gateway and the inference service until the context ends; they are ready when it begins."""
    # A stack has the topics of the providers that it receives from; here there are gateways of all.
    admin = AdminClient({"bootstrap.servers": {**os.environ, **stack}["KAFKA_BOOTSTRAP_SERVERS"]})
    list(apply_topics(admin, [raw_topic(name) for name in PLAIN], 1))
    with ExitStack() as open_:
        started = {
            gateway(name): open_.enter_context(running("gateway", {**stack, **Endpoint.of(name).settings}))
            for name in PLAIN
        }
        started[INFERENCE] = open_.enter_context(running("inference", stack))
        for process in started.values():
            process.wait_until(_READY)
        yield started


def survivors(started: Mapping[str, Process]) -> Iterator[Finding]:
    """Yield which services did not come through in good order."""
    for name, process in started.items():
        if not process.is_alive:
            yield Finding(name, f"it has ended: {process.log[-500:]}")
        elif (status := process.readiness()) != _READY:
            yield Finding(name, f"it is not ready any more, but answers {status}")
        if "Traceback" in process.log:
            yield Finding(name, f"it logged a traceback: {process.log[process.log.index('Traceback') :][:2000]}")
