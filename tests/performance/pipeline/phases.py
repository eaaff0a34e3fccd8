"""What the pipeline's bench does one after the other, and what it takes down of each."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from payments_contracts.topics import raw_topic

from tests.performance.chain.arrival import await_rows
from tests.performance.chain.figures import milliseconds_per_event, per_second, spread
from tests.performance.chain.sender import NO_ANSWER
from tests.performance.chain.stream import TopicReader
from tests.performance.chain.webhooks import Sending, prepare

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from tests.performance.chain.progress import Progress
    from tests.performance.chain.rest import Idle
    from tests.performance.chain.sender import Outcome
    from tests.performance.chain.watch import Span, Watch

_STEP_SECONDS = 0.5
ACKNOWLEDGED, NORMALIZED, LAKE = "gateway acknowledgement", "raw → normalized", "normalized → Iceberg"
WHOLE = "raw → Iceberg"
HOPS = (ACKNOWLEDGED, NORMALIZED, LAKE, WHOLE)


@dataclass(frozen=True)
class Settings:
    """What all phases have in common. `patience` is for how many seconds nothing may arrive before it is given up."""

    stack: Mapping[str, str]
    providers: Sequence[str]
    connections: int
    patience: float
    directory: Path


@dataclass(frozen=True)
class Load:
    """Webhooks to send; `name` is part of the events' identity: no two loads may have the same."""

    name: str
    rate: float
    count: int


@dataclass(frozen=True)
class Phase:
    """What came out of a load, and for each hop the events that it lost."""

    result: Mapping[str, Any]
    missing: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class _Course:
    """What was seen of a load: times by event id, looks and memory before and after."""

    event_ids: Sequence[str]
    outcome: Outcome
    received: Mapping[str, float]
    arrived: Mapping[str, float]
    visible: Mapping[str, float]
    memory: tuple[Mapping[str, float], Mapping[str, float]]
    span: Span


def carry(watch: Watch, settings: Settings, idle: Idle, load: Load, progress: Progress) -> Phase:
    """Send webhooks at a rate, and follow each of them to the lake."""
    webhooks = prepare(settings.stack, settings.providers, load.count, load.name, settings.directory)
    with ExitStack() as open_:
        raw = []
        for provider in settings.providers:
            reader = TopicReader(settings.stack["KAFKA_BOOTSTRAP_SERVERS"], watch.registry, raw_topic(provider))
            open_.callback(reader.close)
            raw.append(reader)
        memory, restarts = watch.memory(), watch.restarts
        rows, records = watch.lake.new_rows, watch.stream.records
        hops = ("sent", ACKNOWLEDGED, NORMALIZED, LAKE)
        progress.phase(f"{load.rate:g} a second", load.count / load.rate, dict.fromkeys(hops, load.count))
        first = watch.look()
        sending = Sending(webhooks, load.rate, settings.connections)
        open_.callback(sending.end)

        def tell() -> tuple[int, int]:
            reached = watch.stream.records - records, watch.lake.new_rows - rows
            progress.passed(time.time() - first.at)
            progress.reached(dict(zip(hops, (sending.sent, sending.answered, *reached), strict=True)))
            return reached

        while not sending.is_over:
            tell()
            time.sleep(_STEP_SECONDS)
        outcome = sending.outcome()
        last, visible = await_rows(watch, outcome.accepted(webhooks.event_ids), settings.patience, tell)
        received = {event: at for reader in raw for event, at, _ in reader.rest()}
    course = _Course(
        webhooks.event_ids,
        outcome,
        received,
        watch.stream.arrivals(),
        visible,
        (memory, watch.memory()),
        watch.between(first, last),
    )
    result = _result(course, idle) | {
        "repeated": {
            "normalized": len(watch.stream.repeated().keys() & set(webhooks.event_ids)),
            "Iceberg": len(watch.lake.repeated().keys() & set(webhooks.event_ids)),
        },
        "restarts": {name: number - restarts.get(name, 0) for name, number in watch.restarts.items()},
    }
    taken = outcome.accepted(webhooks.event_ids)
    missing = {
        "raw": _absent(taken, course.received),
        "normalized": _absent(taken, course.arrived),
        "Iceberg": _absent(taken, course.visible),
    }
    return Phase(result, missing)


def _result(course: _Course, idle: Idle) -> dict[str, Any]:
    outcome, span = course.outcome, course.span
    taken = outcome.accepted(course.event_ids)
    received, arrived, visible = course.received, course.arrived, course.visible
    found = [event for event in taken if event in received and event in arrived and event in visible]
    answered = zip(outcome.latencies, outcome.statuses, strict=True)
    times = {
        ACKNOWLEDGED: [seconds for seconds, status in answered if status != NO_ANSWER],
        NORMALIZED: [arrived[event] - received[event] for event in found],
        LAKE: [visible[event] - arrived[event] for event in found],
        WHOLE: [visible[event] - received[event] for event in found],
    }
    refused = Counter(str(status) for status in outcome.statuses if status != HTTPStatus.OK)
    costs = milliseconds_per_event(span.usage, idle.cores, span.seconds, max(1, len(taken)))
    last_row = max((visible[event] for event in found), default=outcome.began_at) - outcome.began_at
    before, after = course.memory
    return {
        "events": len(course.event_ids),
        "accepted": len(taken),
        "refused": {"all": refused.total(), **refused},
        "seconds": span.seconds,
        "seconds_to_last_row": last_row,
        "drained_per_second": len(found) / last_row if last_row else 0.0,
        "latency_ms": {name: _milliseconds(values) for name, values in times.items()},
        "cpu_ms_per_event": {"all": sum(costs.values()), **costs},
        "cores_used": sum(span.usage.values()) / span.seconds,
        "cores": per_second(span.usage, span.seconds),
        "own_cores": {"observers": span.own / span.seconds, "sender": outcome.cpu_seconds / span.seconds},
        "sender_late_ms": outcome.late * 1000,
        "memory_mib": after,
        "memory_growth_mib": {name: after[name] - before.get(name, 0.0) for name in after},
        **span.conditions(),
    }


def _absent(wanted: Iterable[str], found: Mapping[str, float]) -> list[str]:
    return [event for event in wanted if event not in found]


def _milliseconds(values: Sequence[float]) -> dict[str, float]:
    found = spread(values)
    return {} if found is None else {name: value * 1000 for name, value in asdict(found).items()}
