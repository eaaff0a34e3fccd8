"""Compares what was sent with what arrived at each hop: events by their ids, and money by its currency."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from operations.ledger import Entry, final_payments, told_merchants
from operations.money import (
    MEASURES,
    Facts,
    State,
    States,
    Sum,
    Totals,
    differing_facts,
    differing_states,
    expected_facts,
    state_of,
    sums_of_facts,
    sums_of_states,
    sums_of_totals,
    total,
)

ANSWERS: Mapping[str, int] = {
    "accepted": 200,
    "rejected": 200,
    "unsupported": 200,
    "malformed": 422,
    "forged": 401,
}
"""The gateway's answer to each kind: design, delivery guarantees."""

_GOLD_MEASURES = tuple(measure for measure in MEASURES if measure != "asked")


@dataclass(frozen=True)
class Metrics:
    """What Gold counts, and what Silver's payments of the same merchants come to, by currency.

    `told` is Gold's part that is about the merchants of whose payments the ledger knows all.
    """

    gold: Totals = field(default_factory=dict)
    silver: Totals = field(default_factory=dict)
    told: Totals = field(default_factory=dict)


@dataclass(frozen=True)
class Arrivals:
    """What was found at each hop, for the event ids of one run.

    Each counter maps an event id to how often it was found. `altered` are the events whose raw body is not the one
    that was sent. `validation_dlq` is what the normalizer quarantined, with `reasons`, and `dead_letters` what the
    orchestrator could make no row of. `facts` is what is said of money at a hop, by the hop's name. `database` is
    None where it was not looked at. `metrics` is what Gold counts, of live data and of test data.
    """

    raw: Counter[str] = field(default_factory=Counter)
    altered: frozenset[str] = frozenset()
    ingestion_dlq: Counter[str] = field(default_factory=Counter)
    normalized: Counter[str] = field(default_factory=Counter)
    validation_dlq: Counter[str] = field(default_factory=Counter)
    dead_letters: Counter[str] = field(default_factory=Counter)
    reasons: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    bronze: Counter[str] = field(default_factory=Counter)
    database: Counter[str] | None = None
    silver: Counter[str] = field(default_factory=Counter)
    facts: Mapping[str, Facts] = field(default_factory=dict)
    payments: States = field(default_factory=dict)
    metrics: Mapping[str, Metrics] = field(default_factory=dict)


@dataclass(frozen=True)
class Hop:
    """The balance of one hop: numbers of distinct events, the ids that do not agree, and sums of money."""

    name: str
    expected: int
    found: int
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    duplicated: tuple[str, ...] = ()
    differing: tuple[str, ...] = ()
    sums: tuple[Sum, ...] = ()

    @property
    def agrees(self) -> bool:
        """Whether the hop lost nothing, invented nothing, doubled nothing, and changed no amount."""
        wrong = self.missing or self.unexpected or self.duplicated or self.differing
        return self.expected == self.found and not wrong and all(each.agrees for each in self.sums)


@dataclass(frozen=True)
class _Rule:
    """Which kinds arrive at a hop, where they are counted, and how often one event may be there."""

    name: str
    kinds: frozenset[str]
    select: Callable[[Arrivals], Counter[str] | None]
    allow: Callable[[Arrivals, str], float]


def _as_often_as_sent(_found: Arrivals, _event_id: str) -> float:
    # A provider sends a webhook again after a 503, although Kafka may have kept the first.
    return math.inf


def _as_often_as_raw(found: Arrivals, event_id: str) -> float:
    return found.raw[event_id]


def _once(_found: Arrivals, _event_id: str) -> float:
    return 1


_RULES = (
    _Rule("raw", frozenset({"accepted", "rejected", "unsupported"}), lambda found: found.raw, _as_often_as_sent),
    _Rule("refused", frozenset({"malformed"}), lambda found: found.ingestion_dlq, _as_often_as_sent),
    _Rule("normalized", frozenset({"accepted"}), lambda found: found.normalized, _as_often_as_raw),
    _Rule("quarantined", frozenset({"rejected"}), lambda found: found.validation_dlq, _as_often_as_raw),
    _Rule("dead_letters", frozenset(), lambda found: found.dead_letters, _once),
    _Rule("bronze", frozenset({"accepted"}), lambda found: found.bronze, _once),
    _Rule("database", frozenset({"accepted"}), lambda found: found.database, _once),
    _Rule("silver", frozenset({"accepted"}), lambda found: found.silver, _once),
)


def reconcile(entries: Sequence[Entry], found: Arrivals) -> tuple[Hop, ...]:
    """Balance every hop of a run, in the order of the path: events up to Silver, then payments there and in Gold."""
    facts = expected_facts(entries)
    hops = [_answers(entries)]
    for rule in _RULES:
        counted = rule.select(found)
        if counted is None:
            continue
        hop = _balance(rule, _ids(entries, rule.kinds), counted, found)
        if rule.name == "raw":
            hop = replace(hop, differing=tuple(sorted(found.altered)))
        if rule.name in found.facts:
            there = found.facts[rule.name]
            hop = replace(hop, differing=differing_facts(facts, there), sums=sums_of_facts(facts, there))
        hops.append(hop)
        if rule.name == "quarantined":
            hops.append(_reasons(entries, found))
    payments = {key: state_of(payment) for key, payment in final_payments(entries).items()}
    hops.append(_payments(payments, found.payments))
    told = told_merchants(entries)
    owners = {
        (entry.provider, entry.payment.payment_id): entry.merchant_id for entry in entries if entry.payment is not None
    }
    for name, metrics in found.metrics.items():
        live = name == "gold"
        whole = [state for key, state in payments.items() if owners[key] in told and state.livemode is live]
        hops.append(_gold(name, whole, metrics))
    return tuple(hops)


def first_loss(hops: Iterable[Hop]) -> Hop | None:
    """Return the first hop that does not agree: what later hops lack follows from it."""
    return next((hop for hop in hops if not hop.agrees), None)


def _ids(entries: Iterable[Entry], kinds: frozenset[str]) -> frozenset[str]:
    return frozenset(entry.event_id for entry in entries if entry.kind in kinds)


def _answers(entries: Sequence[Entry]) -> Hop:
    wrong = tuple(entry.event_id for entry in entries if entry.http_status != ANSWERS[entry.kind])
    return Hop("answered", expected=len(entries), found=len(entries) - len(wrong), missing=wrong)


def _balance(rule: _Rule, expected: frozenset[str], found: Counter[str], arrivals: Arrivals) -> Hop:
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
    rejected = {entry.event_id: entry for entry in entries if entry.kind == "rejected"}
    wrong = tuple(
        event_id
        for event_id, entry in rejected.items()
        if set(found.reasons.get(event_id, ())) != set(entry.expected_reason_codes)
    )
    return Hop("reasons", expected=len(rejected), found=len(rejected) - len(wrong), missing=wrong)


def _payments(expected: Mapping[tuple[str, str], State], found: States) -> Hop:
    names = {key: " ".join(key) for key in expected.keys() | found.keys()}
    return Hop(
        "payments",
        expected=len(expected),
        found=len(found),
        missing=tuple(sorted(names[key] for key in expected.keys() - found.keys())),
        duplicated=tuple(sorted(names[key] for key, rows in found.items() if len(rows) > 1)),
        differing=differing_states(expected, found),
        sums=sums_of_states(expected.values(), (row for rows in found.values() for row in rows)),
    )


def _gold(name: str, told: Iterable[State], metrics: Metrics) -> Hop:
    """Balance Gold with the ledger where that knows all, and with Silver's payments of every merchant of the run."""
    expected = total(told)
    sums = sums_of_totals(expected, metrics.told, _GOLD_MEASURES)
    # By another name, so that it is seen which of the two it is.
    against_silver = tuple(
        replace(each, measure=f"{each.measure}, as in Silver")
        for each in sums_of_totals(metrics.silver, metrics.gold, ("count", *_GOLD_MEASURES))
        if not each.agrees
    )
    return Hop(
        name,
        expected=sum(sums["count"] for sums in expected.values()),
        found=sum(sums["count"] for sums in metrics.told.values()),
        sums=(*sums, *against_silver),
    )
