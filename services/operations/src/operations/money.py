"""Sums of money by currency, and what differs between two of them."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from payments_contracts.pins.operations import ExpectedPayment

from operations.ledger import Entry, PaymentKey, is_accepted

MEASURES = ("asked", "captured", "refunded", "disputed", "reversed", "fee", "net")
"""What a payment comes to, as the ledger, Silver and Gold call it before `_minor`."""


@dataclass(frozen=True, slots=True)
class Fact:
    """What an event says of money: an amount in the currency's minor unit, and the state of what it is about."""

    currency: str | None
    amount: int | None
    status: str | None
    livemode: bool | None


Facts = Mapping[str, Counter[Fact]]
"""By event id, what is said at a hop and how often."""


@dataclass(frozen=True, slots=True)
class Sum:
    """One sum at a hop, in the currency's minor unit: `measure` says of what."""

    measure: str
    currency: str
    expected: int
    found: int

    @property
    def agrees(self) -> bool:
        """Whether it is what it has to be."""
        return self.expected == self.found


@dataclass(frozen=True, slots=True)
class State:
    """What is known of a payment: amounts by measure in the currency's minor unit."""

    currency: str
    livemode: bool
    status: str
    amounts: Mapping[str, int]


States = Mapping[PaymentKey, list[State]]
"""By payment, the rows of it."""

Totals = Mapping[str, Counter[str]]
"""By currency, sums by measure; `count` is how many payments there are."""


def expected_facts(entries: Iterable[Entry]) -> dict[str, Fact]:
    """Return what each accepted event has to say, by its id."""
    return {
        entry.event_id: Fact(
            entry.expected_currency, entry.expected_amount_cents, entry.expected_status, entry.expected_livemode
        )
        for entry in entries
        if is_accepted(entry) and entry.expected_amount_cents is not None
    }


def differing_facts(expected: Mapping[str, Fact], found: Facts) -> tuple[str, ...]:
    """Return the events that are there, and say something else than they have to."""
    return tuple(
        sorted(
            event_id
            for event_id, fact in expected.items()
            if any(not _agrees(fact, each) for each in found.get(event_id, ()))
        )
    )


def sums_of_facts(expected: Mapping[str, Fact], found: Facts) -> tuple[Sum, ...]:
    """Return the sums of amounts by currency of what has to be there, and of what is, as often as it is there."""
    wanted: Counter[str] = Counter()
    for fact in expected.values():
        wanted[fact.currency or ""] += fact.amount or 0
    there: Counter[str] = Counter()
    for event_id, facts in found.items():
        if event_id in expected:
            for fact, count in facts.items():
                there[fact.currency or ""] += (fact.amount or 0) * count
    return _sums("amount", wanted, there)


def differing_states(expected: Mapping[PaymentKey, State], found: States) -> tuple[str, ...]:
    """Return the payments that are there, and are in another state than they have to be."""
    return tuple(
        sorted(
            f"{provider} {payment_id}"
            for (provider, payment_id), state in expected.items()
            if any(each != state for each in found.get((provider, payment_id), ()))
        )
    )


def sums_of_states(expected: Iterable[State], found: Iterable[State]) -> tuple[Sum, ...]:
    """Return the sums of each measure by currency, of what has to be known and of what is."""
    return sums_of_totals(total(expected), total(found))


def total(states: Iterable[State]) -> Totals:
    """Return what payments come to by currency."""
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for state in states:
        found[state.currency].update({"count": 1, **state.amounts})
    return found


def sums_of_totals(expected: Totals, found: Totals, measures: Iterable[str] = MEASURES) -> tuple[Sum, ...]:
    """Return the sums of some measures by currency, one after the other."""
    return tuple(
        each
        for measure in measures
        for each in _sums(
            measure,
            Counter({currency: sums[measure] for currency, sums in expected.items()}),
            Counter({currency: sums[measure] for currency, sums in found.items()}),
        )
    )


def _sums(measure: str, expected: Mapping[str, int], found: Mapping[str, int]) -> tuple[Sum, ...]:
    currencies = sorted(expected.keys() | found.keys())
    return tuple(Sum(measure, each, expected.get(each, 0), found.get(each, 0)) for each in currencies)


def _agrees(expected: Fact, found: Fact) -> bool:
    if expected.livemode is not None and expected.livemode != found.livemode:
        return False
    return (expected.currency, expected.amount, expected.status) == (found.currency, found.amount, found.status)


def state_of(payment: ExpectedPayment) -> State:
    """Return the state in which a payment has to be."""
    amounts = {measure: int(getattr(payment, f"{measure}_minor")) for measure in MEASURES}
    return State(payment.currency, payment.livemode, payment.status, amounts)
