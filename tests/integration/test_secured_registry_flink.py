"""The normalizer's program and Flink's own sinks come into the registry by a password."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from payments_contracts.topics import NORMALIZED
from stack.servers.registry import API

from tests.integration.normalization import until
from tests.integration.raw_stream import STREAMED
from tests.integration.secured.registry import PASSWORD, USER, front

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.integration.normalization import Program
    from tests.integration.raw_stream import Stream

pytestmark = [pytest.mark.integration, pytest.mark.nightly, pytest.mark.timeout(600), pytest.mark.flink]
_OF_THE_JVM = "Java/"


def test_an_event_is_normalized_where_the_registry_asks_who_comes(
    stack: Mapping[str, str], program_of: Callable[..., Program], stream: Stream
) -> None:
    accepted = next(each for each in STREAMED if (each.provider, each.kind) == ("stripe", "accepted"))
    event_id = stream.send(accepted)
    stream.flush()
    clients: list[str] = []
    with front(stack["SCHEMA_REGISTRY_URL"].removesuffix(API), clients) as url:
        known = {"SCHEMA_REGISTRY_USERNAME": USER, "SCHEMA_REGISTRY_PASSWORD": PASSWORD}
        program = program_of("stripe", SCHEMA_REGISTRY_URL=f"{url}{API}", **known)
        program.start()
        until(lambda: event_id in stream.read(NORMALIZED), "the event is normalized")
        program.close()
    assert [name for name in clients if name.startswith(_OF_THE_JVM)], f"of Flink nobody came: {set(clients)}"
