"""Whatever body a gateway accepts becomes an event that fits into a message, or is quarantined with a reason."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fastavro
import orjson
import pytest
from codegen.loader import load
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from payments_contracts import normalize, providers
from payments_contracts.pins.orchestrator import PaymentEvent
from payments_contracts.schemas import schema
from payments_contracts.topics import NORMALIZED

from tests.contracts.equivalence import Pair, put

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
# What Kafka adds to a record: key, headers and the framing of a batch of one.
FRAME = 2048
# Texts and lists that take up more bytes as they are written than as they are sent, or few entries with much in them.
GROWING: dict[str, Callable[[int], Any]] = {
    "numbers in powers of ten": lambda size: [1e15] * (size // 5),
    "one text": lambda size: "x" * size,
    "null characters": lambda size: "\x00" * (size // 6),
    "ligatures": lambda size: "\ufb03" * (size // 3),
    "emoji": lambda size: "\U0001f600" * (size // 4),
    "many keys": lambda size: {f"k{number}": number for number in range(size // 14)},
    "listed keys": lambda size: {"order_id": "\x00" * (size // 6)},
}


@cache
def pairs() -> tuple[Pair, ...]:
    catalog = load(ROOT / "contracts")
    return tuple(Pair(catalog, provider, normalize) for provider in catalog.providers)


@cache
def reader() -> Any:
    return fastavro.parse_schema(json.loads(schema(NORMALIZED.record, NORMALIZED.version)))


def stamped(event: dict[str, Any]) -> dict[str, Any]:
    return event | {"event_id": "0" * 36, "processed_at": datetime.now(UTC), "schema_version": NORMALIZED.version}


def written(event: dict[str, Any]) -> int:
    buffer = io.BytesIO()
    fastavro.schemaless_writer(buffer, reader(), stamped(event))
    return len(buffer.getvalue())


@pytest.mark.parametrize("provider", sorted(providers.PROVIDERS))
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_an_event_fits_into_a_message_or_is_quarantined(provider: str, data: st.DataObject) -> None:
    (pair,) = (each for each in pairs() if each.provider.name == provider)
    body = orjson.loads(data.draw(st.sampled_from(sorted(pair.body_of_each_group().values()))))
    most = pair.provider.envelope.max_body_bytes
    growing = GROWING[data.draw(st.sampled_from(sorted(GROWING)))]
    paths = data.draw(st.lists(st.sampled_from(pair.paths()), min_size=1, max_size=3))
    for path in paths:
        put(body, path.steps, growing((most - 20_000) // len(paths)))
    raw = orjson.dumps(body)
    kind, found, *_ = pair.outcome(raw)
    if kind == "normalized":
        assert written(dict(found)) + FRAME <= NORMALIZED.max_message_bytes
        # As JSON, in which a control character takes six bytes, it is what a workflow is started with.
        event = PaymentEvent.model_validate(stamped(dict(found)))
        assert len(event.model_dump_json().encode()) <= 2 * NORMALIZED.max_message_bytes
    elif kind == "rejected":
        assert found
