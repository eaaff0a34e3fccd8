"""Compares what was sent with what arrived at each hop."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from operations.ledger import Entry, Kind

ANSWERS: Mapping[Kind, int] = {
    Kind.ACCEPTED: 200,
    Kind.REJECTED: 200,
    Kind.UNSUPPORTED: 200,
    Kind.MALFORMED: 422,
    Kind.FORGED: 401,
}
"""The gateway's answer to each kind: design, delivery guarantees."""


@dataclass(frozen=True)
class Arrivals:
    """What was found at each hop, for the event ids of one run.

    Each counter maps an event id to how often it was found. `reasons` maps a quarantined event id to its
    reason codes. `gold` is the number of payments that the Gold metrics count for the run's merchants.
    """

    raw: Counter[str] = field(default_factory=Counter)
    ingestion_dlq: Counter[str] = field(default_factory=Counter)
    normalized: Counter[str] = field(default_factory=Counter)
    validation_dlq: Counter[str] = field(default_factory=Counter)
    reasons: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    bronze: Counter[str] = field(default_factory=Counter)
    silver: Counter[str] = field(default_factory=Counter)
    gold: int = 0


@dataclass(frozen=True)
class Hop:
    """The balance of one hop: numbers of distinct events, and the event ids that do not agree."""

    name: str
    expected: int
    found: int
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    duplicated: tuple[str, ...] = ()

    @property
    def agrees(self) -> bool:
        """Whether the hop lost nothing, invented nothing and doubled nothing."""
        return self.expected == self.found and not (self.missing or self.unexpected or self.duplicated)


@dataclass(frozen=True)
class _Rule:
    """Which kinds arrive at a hop, where they are counted, and how often one event may be there."""

    name: str
    kinds: frozenset[Kind]
    select: Callable[[Arrivals], Counter[str]]
    allow: Callable[[Arrivals, str], float]


def _as_often_as_sent(_found: Arrivals, _event_id: str) -> float:
    # A provider sends a webhook again after a 503, although Kafka may have kept the first.
    return math.inf


def _as_often_as_raw(found: Arrivals, event_id: str) -> float:
    return found.raw[event_id]


def _once(_found: Arrivals, _event_id: str) -> float:
    return 1


_RULES = (
    _Rule(
        "raw",
        frozenset({Kind.ACCEPTED, Kind.REJECTED, Kind.UNSUPPORTED}),
        lambda found: found.raw,
        _as_often_as_sent,
    ),
    _Rule("refused", frozenset({Kind.MALFORMED}), lambda found: found.ingestion_dlq, _as_often_as_sent),
    _Rule("normalized", frozenset({Kind.ACCEPTED}), lambda found: found.normalized, _as_often_as_raw),
    _Rule("quarantined", frozenset({Kind.REJECTED}), lambda found: found.validation_dlq, _as_often_as_raw),
    _Rule("bronze", frozenset({Kind.ACCEPTED}), lambda found: found.bronze, _once),
    _Rule("silver", frozenset({Kind.ACCEPTED}), lambda found: found.silver, _once),
)


def reconcile(entries: Sequence[Entry], found: Arrivals) -> tuple[Hop, ...]:
    """Balance every hop of a run, in the order of the path: all families up to Silver, payments alone in Gold."""
    hops = [_answers(entries)]
    for rule in _RULES:
        hops.append(_balance(rule, _ids(entries, rule.kinds), found))
        if rule.name == "quarantined":
            hops.append(_reasons(entries, found))
    payments = {entry.event_id for entry in entries if entry.is_payment}
    hops.append(Hop("gold", expected=len(payments), found=found.gold))
    return tuple(hops)


def first_loss(hops: Iterable[Hop]) -> Hop | None:
    """Return the first hop that does not agree: what later hops lack follows from it."""
    return next((hop for hop in hops if not hop.agrees), None)


def _ids(entries: Iterable[Entry], kinds: frozenset[Kind]) -> frozenset[str]:
    return frozenset(entry.event_id for entry in entries if entry.kind in kinds)


def _answers(entries: Sequence[Entry]) -> Hop:
    wrong = tuple(entry.event_id for entry in entries if entry.http_status != ANSWERS[entry.kind])
    return Hop("answered", expected=len(entries), found=len(entries) - len(wrong), missing=wrong)


def _balance(rule: _Rule, expected: frozenset[str], arrivals: Arrivals) -> Hop:
    found = rule.select(arrivals)
    doubled = (event_id for event_id, count in found.items() if count > rule.allow(arrivals, event_id))
    return Hop(
        rule.name,
        expected=len(expected),
        found=len(found),
        missing=tuple(sorted(expected - found.keys())),
        unexpected=tuple(sorted(found.keys() - expected)),
        duplicated=tuple(sorted(doubled)),
    )


def _reasons(entries: Sequence[Entry], found: Arrivals) -> Hop:
    rejected = [entry for entry in entries if entry.kind is Kind.REJECTED]
    wrong = tuple(
        entry.event_id
        for entry in rejected
        if set(found.reasons.get(entry.event_id, ())) != set(entry.expected_reason_codes)
    )
    return Hop("reasons", expected=len(rejected), found=len(rejected) - len(wrong), missing=wrong)
