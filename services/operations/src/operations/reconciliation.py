"""Compares what was sent with what arrived at each hop."""

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
    """The balance of one hop: counts of events, and the event ids that do not agree."""

    name: str
    expected: int
    found: int
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    duplicated: tuple[str, ...] = ()
    note: str = ""

    @property
    def agrees(self) -> bool:
        """Whether the hop lost nothing, invented nothing and doubled nothing."""
        return self.expected == self.found and not (self.missing or self.unexpected or self.duplicated)


Selector = Callable[[Arrivals], Counter[str]]

_HOPS: tuple[tuple[str, frozenset[Kind], Selector], ...] = (
    ("raw", frozenset({Kind.ACCEPTED, Kind.REJECTED, Kind.UNSUPPORTED}), lambda found: found.raw),
    ("refused", frozenset({Kind.MALFORMED}), lambda found: found.ingestion_dlq),
    ("normalized", frozenset({Kind.ACCEPTED}), lambda found: found.normalized),
    ("quarantined", frozenset({Kind.REJECTED}), lambda found: found.validation_dlq),
    ("bronze", frozenset({Kind.ACCEPTED}), lambda found: found.bronze),
    ("silver", frozenset({Kind.ACCEPTED}), lambda found: found.silver),
)


def reconcile(entries: Sequence[Entry], found: Arrivals) -> tuple[Hop, ...]:
    """Balance every hop of a run, in the order of the path."""
    hops = [_answers(entries)]
    hops += [_balance(name, _ids(entries, kinds), select(found)) for name, kinds, select in _HOPS]
    hops.append(_reasons(entries, found))
    payments = len(_ids(entries, frozenset({Kind.ACCEPTED})))
    hops.append(Hop("gold", expected=payments, found=found.gold))
    return tuple(hops)


def first_loss(hops: Iterable[Hop]) -> Hop | None:
    """Return the first hop that does not agree: what later hops lack follows from it."""
    return next((hop for hop in hops if not hop.agrees), None)


def _ids(entries: Iterable[Entry], kinds: frozenset[Kind]) -> frozenset[str]:
    return frozenset(entry.event_id for entry in entries if entry.kind in kinds)


def _answers(entries: Sequence[Entry]) -> Hop:
    wrong = tuple(entry.event_id for entry in entries if entry.http_status != ANSWERS[entry.kind])
    return Hop("answered", expected=len(entries), found=len(entries) - len(wrong), missing=wrong)


def _balance(name: str, expected: frozenset[str], found: Counter[str]) -> Hop:
    return Hop(
        name,
        expected=len(expected),
        found=found.total(),
        missing=tuple(sorted(expected - found.keys())),
        unexpected=tuple(sorted(found.keys() - expected)),
        duplicated=tuple(sorted(event_id for event_id, count in found.items() if count > 1)),
    )


def _reasons(entries: Sequence[Entry], found: Arrivals) -> Hop:
    rejected = [entry for entry in entries if entry.kind is Kind.REJECTED]
    wrong = tuple(
        entry.event_id
        for entry in rejected
        if set(found.reasons.get(entry.event_id, ())) != set(entry.expected_reason_codes)
    )
    return Hop("reasons", expected=len(rejected), found=len(rejected) - len(wrong), missing=wrong)
