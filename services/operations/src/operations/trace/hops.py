"""What is concluded of an event: its hops in order, and where it stopped if it did. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from payments_contracts.database import PAYMENT_EVENTS
from payments_contracts.topics import NORMALIZED, VALIDATION_DLQ

from operations.audit.hops import Place
from operations.trace.facts import DATABASE, KAFKA, LAKE, TEMPORAL, Facts, Letter, Row, Stored, Workflow

State = Literal["passed", "under way", "stopped", "missing", "unknown", "none"]
"""Whether an event has come past a hop; `unknown` where its part is away, `none` where nothing was due."""

# Longer than any hop takes when nothing is wrong.
_PATIENCE: Final = timedelta(seconds=60)
_BUILT: Final = timedelta(hours=2)
_RUNNING: Final = "RUNNING"
_RESULTS: Final = frozenset({NORMALIZED.name, VALIDATION_DLQ.name})
_READ: Final = "read"
_OF_THE_EVENT: Final = frozenset({"provider", "merchant_id", "livemode", "event_date", "is_told"})
"""What a payment's row tells that is told of its events already, or in Gold's row."""
_TIMED: Final = frozenset({"gateway", "raw topic", "normalizer", "workflow", "scores"})


@dataclass(frozen=True, slots=True)
class Hop:
    """A hop of an event: when (UTC), where, and what is to be said of it, by name."""

    name: str
    state: State
    at: datetime | None = None
    place: str | None = None
    said: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Trace:
    """An event, its hops in the order of the path, and where it is.

    Attributes:
        event: What it is, by the names of its contract.
        payment_id: The payment that it is about, as Silver calls it.
        hops: See Hop.
        ended: Where it is, in a sentence.
        arrived: Whether it has come as far as it should by now.
        notes: What was done by hand, or found by the audit.
    """

    event: Mapping[str, Any]
    payment_id: str | None
    hops: tuple[Hop, ...]
    ended: str
    arrived: bool
    notes: tuple[str, ...] = ()


def follow(facts: Facts, now: datetime) -> Trace:
    """Conclude where an event is from what was found of it."""
    event = {"event_id": facts.event_id} | {
        name: facts.known(name)
        for name in ("provider", "provider_event_id", "event_type", "provider_event_type", "merchant_id")
        if facts.known(name) is not None
    }
    hops = tuple(_hops(facts, now))
    ended, arrived = _end(facts, hops, now)
    return Trace(event, facts.payment_id, hops, ended, arrived, tuple(facts.notes))


def _hops(facts: Facts, now: datetime) -> Iterator[Hop]:
    letters = facts.dead_letters
    if not (facts.raw or facts.archived or facts.normalized or facts.scored or facts.workflow) and letters:
        yield from map(_letter, letters)
        return
    yield _gateway(facts)
    yield from _raw(facts)
    yield from _archive(facts)
    yield from (_letter(each) for each in letters if each.stage != "orchestrator")
    is_normal = bool(facts.normalized or facts.workflow or facts.scored)
    if letters and not is_normal:
        return
    if facts.trial is not None and facts.trial.verdict == "unsupported" and not is_normal:
        yield Hop("normalizer", "none", said={"verdict": "; ".join(facts.trial.reasons)})
        return
    yield from _normalized(facts)
    yield _workflow(facts, now)
    yield from (_letter(each) for each in letters if each.stage == "orchestrator")
    if facts.scored is not None:
        yield _scores(facts.scored)
    yield from _bronze(facts)
    yield _row(facts)
    yield from _built(facts, now)


def _gateway(facts: Facts) -> Hop:
    said = {name: facts.known(name) for name in ("api_version", "livemode")}
    if facts.raw and (trace_id := _trace_id(facts.raw[0].headers)):
        said["trace_id"] = trace_id
    return Hop("gateway", "passed", facts.known("received_at"), None, _told(said))


def _raw(facts: Facts) -> Iterator[Hop]:
    for seen in facts.raw:
        said = {"record": _version("provider_event", seen.record), "redrive": _text(seen.headers.get("redrive"))}
        yield Hop("raw topic", "passed", seen.at, _words(seen.place), _told(said))
    held = {each.place for each in facts.raw}
    for stored in facts.archived:
        place = _kafka_place(stored.row)
        if place not in held:
            state: State = "unknown" if KAFKA in facts.away else "passed"
            words = "Kafka is away" if state == "unknown" else "no longer in the topic"
            yield Hop("raw topic", state, stored.row["kafka_timestamp"], _words(place), {"held": words})
    if not facts.raw and not facts.archived:
        is_cut = bool(facts.cut - _RESULTS)
        yield _lacking("raw topic", is_cut=is_cut, state="unknown" if KAFKA in facts.away else "missing")


def _archive(facts: Facts) -> Iterator[Hop]:
    for stored in facts.archived:
        said = {"record": _version("provider_event", stored.row), "from": _words(_kafka_place(stored.row))}
        yield _in_lake("archive", stored, said)
    if not facts.archived and LAKE in facts.away:
        yield Hop("archive", "unknown")
    elif not facts.archived:
        yield Hop("archive", "under way", said={"writes": "within seconds"})


def _letter(letter: Letter) -> Hop:
    name = "normalizer" if letter.stage == "normalizer" else letter.stage
    reasons = [
        f"{code}: {reason}" if reason else code
        for code, reason in zip(letter.reason_codes, letter.reasons or [""] * len(letter.reason_codes), strict=False)
    ]
    snapshot = None if letter.snapshot_id is None else str(letter.snapshot_id)
    said = {"verdict": "quarantined", "reasons": "; ".join(reasons), "archive snapshot": snapshot}
    return Hop(name, "stopped", letter.at, _words(letter.place), _told(said))


def _normalized(facts: Facts) -> Iterator[Hop]:
    for seen in facts.normalized:
        said = {"verdict": "normalized", "record": _version("payment_event", seen.record)}
        yield Hop("normalizer", "passed", seen.at, _words(seen.place), said)
    if facts.normalized:
        return
    workflow = facts.workflow
    if workflow is not None and workflow.place is not None:
        held = "Kafka is away" if KAFKA in facts.away else "no longer in the topic"
        said = {"verdict": "normalized", "held": held}
        yield Hop("normalizer", "passed", workflow.written_at, _words(workflow.place), said)
    elif workflow is not None or facts.scored is not None:
        words = "Kafka is away" if KAFKA in facts.away else "not found in the topic near its time"
        yield Hop("normalizer", "passed", said={"verdict": "normalized", "held": words})
    elif KAFKA in facts.away:
        yield Hop("normalizer", "unknown")
    else:
        behind = facts.behind.get("normalizer")
        said = {} if behind is None else {"reader": _behind(behind)}
        if facts.trial is not None:
            said["today's contract"] = facts.trial.verdict
        state: State = "under way" if behind is None or behind > 0 else "missing"
        # What the normalizer makes of it may be in either topic.
        yield _lacking("normalizer", is_cut=not facts.cut.isdisjoint(_RESULTS), state=state, said=said)


def _workflow(facts: Facts, now: datetime) -> Hop:
    workflow = facts.workflow
    if workflow is not None:
        took = (
            None
            if workflow.closed_at is None
            else f"{(workflow.closed_at - workflow.started_at).total_seconds():.3f} s"
        )
        said = {
            "status": workflow.status.lower(),
            "run": workflow.run_id,
            "took": took,
            "is at": workflow.step,
            "waits for": "; ".join(workflow.pending) or None,
            "failure": workflow.failure,
        }
        return Hop("workflow", _state_of(workflow, now), workflow.started_at, facts.event_id, _told(said))
    if facts.scored is not None:
        words = "Temporal is away" if TEMPORAL in facts.away else "no longer known to Temporal"
        return Hop("workflow", "passed", place=facts.event_id, said={"status": words})
    if TEMPORAL in facts.away:
        return Hop("workflow", "unknown")
    behind = facts.behind.get("orchestrator")
    said = {} if behind is None else {"reader": _behind(behind)}
    state: State = "missing" if behind is not None and behind <= 0 else "under way"
    return _lacking("workflow", is_cut=VALIDATION_DLQ.name in facts.cut, state=state, said=said)


def _lacking(name: str, *, is_cut: bool, state: State, said: Mapping[str, Any] | None = None) -> Hop:
    """Return a hop of which nothing was found: where not all was looked at, it may be there for all that."""
    if is_cut and state == "missing":
        return Hop(name, "unknown", said={**(said or {}), _READ: "not every record of its time"})
    return Hop(name, state, said=said or {})


def _state_of(workflow: Workflow, now: datetime) -> State:
    if workflow.status == _RUNNING:
        return "under way" if now - workflow.started_at < _PATIENCE else "stopped"
    return "passed" if workflow.status == "COMPLETED" else "stopped"


def _scores(row: Row) -> Hop:
    advice = row.get("retry_strategy") or {}
    score = f"{row['fraud_score']} {row['fraud_risk_level']} ({row['fraud_score_source']})"
    said = {
        "fraud": "not scored" if row["fraud_score_source"] == "not_scored" else score,
        "broken rules": ", ".join(row["rule_violations"]) or None,
        "undecided rules": ", ".join(row.get("rules_undecided") or ()) or None,
        "retry": row.get("retry_action"),
        "retry in": f"{advice['delay_seconds']} s" if advice.get("should_retry") else None,
        "advice by": row.get("retry_strategy_source"),
        "attempt": row.get("attempt"),
    }
    return Hop("scores", "passed", row["scored_at"], None, _told(said))


def _bronze(facts: Facts) -> Iterator[Hop]:
    for stored in facts.bronze:
        yield _in_lake("Bronze", stored, {"record": _version("scored_payment", stored.row)})
    if not facts.bronze:
        yield Hop("Bronze", "unknown" if LAKE in facts.away else "missing")


def _row(facts: Facts) -> Hop:
    if facts.row is not None:
        return Hop("database", "passed", None, PAYMENT_EVENTS.name, {"record": _version("scored_payment", facts.row)})
    return Hop("database", "unknown" if DATABASE in facts.away else "missing")


def _built(facts: Facts, now: datetime) -> Iterator[Hop]:
    if facts.scored is None:
        return
    waits: State = "under way" if now - facts.scored["scored_at"] < _BUILT else "missing"
    lacks: State = "unknown" if LAKE in facts.away else waits
    if facts.silver is None:
        yield Hop("Silver", lacks, said={} if lacks == "unknown" else {"waits for": "the next build"})
    else:
        said = {name: facts.silver.row.get(name) for name in ("status", "amount_major", "currency", "bronze_rows")}
        yield _in_lake("Silver", facts.silver, _told(said))
    if facts.payment_id is None:
        yield Hop("Gold", "none", said={"counts": "no money: it is about no payment"})
        return
    if facts.payment is not None:
        said = {name: value for name, value in facts.payment.row.items() if name not in _OF_THE_EVENT}
        yield _in_lake("payment", facts.payment, _told(said))
    if facts.gold is not None:
        yield _in_lake("Gold", facts.gold, _told(dict(facts.gold.row)))
    elif facts.payment is not None and not facts.payment.row.get("is_told", True):
        yield Hop("Gold", "none", said={"counts": "no payment: only a refund, dispute or reversal of it was told"})
    else:
        yield Hop("Gold", lacks, said={} if lacks == "unknown" else {"waits for": "the next build"})


def _end(facts: Facts, hops: tuple[Hop, ...], now: datetime) -> tuple[str, bool]:
    """Return where the event is, and whether that is where it should be by now."""
    gold = hops[-1]
    stopped = [hop for hop in hops if hop.state == "stopped"]
    if gold.name == "Gold" and gold.state == "passed":
        return "arrived: it is in Gold's number", True
    if gold.name == "Gold" and gold.state == "none" and facts.silver is not None:
        return "arrived: it is in Silver, and Gold counts no money for it", True
    if stopped and facts.scored is None:
        hop = stopped[-1]
        words = hop.said.get("reasons") or hop.said.get("failure") or hop.said.get("waits for") or ""
        return f"stopped at {hop.name}{f': {words}' if words else ''}", False
    if any(hop.name == "normalizer" and hop.state == "none" for hop in hops):
        return "ends in the raw topic and the archive: its type has no mapping", True
    return _underway(hops, now)


def _underway(hops: tuple[Hop, ...], now: datetime) -> tuple[str, bool]:
    """Return where an event is that has not arrived, and that nobody gave up."""
    waiting = (hop for hop in hops if hop.state in {"missing", "under way", "unknown"} and hop.name != "archive")
    first = next(waiting, None)
    if first is None:
        return f"it has come past {hops[-1].name}", True
    # Not by commits to the lake: a compaction is one, too.
    waited = now - max((hop.at for hop in hops if hop.at is not None and hop.name in _TIMED), default=now)
    if first.state == "unknown":
        why = "Kafka has more records of its time than are read" if _READ in first.said else f"{_part(first)} is away"
        return f"not known beyond {_before(hops, first)}: {why}", False
    if first.name in {"Silver", "Gold"} and waited < _BUILT:
        return f"in Bronze and the operational database; {first.name} waits for its next build", True
    if first.state == "under way" and (waited < _PATIENCE or "reader" in first.said):
        return f"under way to {first.name}", waited < _PATIENCE
    return f"stopped before {first.name}, {_age(waited)} ago", False


def _before(hops: tuple[Hop, ...], hop: Hop) -> str:
    passed = [each.name for each in hops[: hops.index(hop)] if each.state == "passed"]
    return passed[-1] if passed else "the beginning"


def _part(hop: Hop) -> str:
    known = {"workflow": TEMPORAL, "database": f"the {DATABASE}", "raw topic": KAFKA, "normalizer": KAFKA}
    return known.get(hop.name, f"the {LAKE}")


def _in_lake(name: str, stored: Stored, said: Mapping[str, Any]) -> Hop:
    # As a text: a JSON number of 64 bits is rounded by many that read it.
    snapshot = {"snapshot": str(stored.snapshot_id)}
    if stored.committed_at is None:
        snapshot["committed"] = "earlier than the snapshots that are kept"
    return Hop(name, "passed", stored.committed_at, stored.table, snapshot | dict(said))


def _kafka_place(row: Row) -> Place:
    return Place(row["kafka_topic"], row["kafka_partition"], row["kafka_offset"])


def _words(place: Place) -> str:
    return f"{place.topic}[{place.partition}]@{place.offset}"


def _version(record: str, row: Row) -> str | None:
    number = row.get("schema_version")
    return None if number is None else f"{record} v{number}" if number else f"{record}, unreadable"


def _behind(count: int) -> str:
    return f"{count} records before it" if count > 0 else "has passed it"


def _age(waited: timedelta) -> str:
    seconds = int(waited.total_seconds())
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _trace_id(headers: Mapping[str, bytes]) -> str | None:
    """Return the trace's id of a W3C traceparent: https://www.w3.org/TR/trace-context/#traceparent-header."""
    parts = (_text(headers.get("traceparent")) or "").split("-")
    return parts[1] if len(parts) > 3 else None  # noqa: PLR2004  # version, trace, parent, flags


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("utf-8", "replace")


def _told(said: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in said.items() if value is not None}
