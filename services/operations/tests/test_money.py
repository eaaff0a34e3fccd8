"""Money is balanced by currency at every hop, and each kind of wrong sum is told with what to do."""

from collections import Counter
from dataclasses import replace

import pytest
from operations.money import Fact, State, state_of, total
from operations.reconciliation import Arrivals, Hop, Metrics, first_loss, reconcile
from operations.report import explain

from .entries import payment, step

HOPS = ("normalized", "bronze", "database", "silver")
FINAL = payment(refunded=1200)
ENTRIES = (step("a", 0, payment()), step("b", 1, FINAL, amount=1200), step("b", 1, FINAL, amount=1200))
A = Fact("USD", 5000, "succeeded", livemode=True)
B = Fact("USD", 1200, "succeeded", livemode=True)
STATE = state_of(FINAL)
SAID = {"a": Counter({A: 1}), "b": Counter({B: 1})}
TOTALS = total([STATE])
COMPLETE = Arrivals(
    raw=Counter({"a": 1, "b": 2}),
    normalized=Counter({"a": 1, "b": 2}),
    bronze=Counter("ab"),
    database=Counter("ab"),
    silver=Counter("ab"),
    facts=dict.fromkeys(HOPS, SAID),
    payments={("stripe", "pi_1"): [STATE]},
    metrics={"gold": Metrics(TOTALS, TOTALS, TOTALS), "gold_test": Metrics()},
)


def loss(found: Arrivals) -> Hop:
    hop = first_loss(reconcile(ENTRIES, found))
    assert hop is not None
    return hop


def at(hop: str, **said: Fact) -> Arrivals:
    facts = {**SAID, **{event_id: Counter({fact: 1}) for event_id, fact in said.items()}}
    return replace(COMPLETE, facts={**COMPLETE.facts, hop: facts})


def test_a_run_of_which_no_amount_changed_agrees() -> None:
    hops = reconcile(ENTRIES, COMPLETE)
    assert first_loss(hops) is None
    assert [hop.name for hop in hops if hop.sums] == [*HOPS, "payments", "gold"]
    assert {each.currency: each.found for each in hops[3].sums} == {"USD": 6200}


@pytest.mark.parametrize("hop", HOPS)
def test_a_changed_amount_is_a_wrong_sum_at_its_hop(hop: str) -> None:
    found = loss(at(hop, b=replace(B, amount=1201)))
    assert (found.name, found.differing) == (hop, ("b",))
    assert "amount in USD: 6,200 expected, 6,201 found" in explain(found)


@pytest.mark.parametrize("hop", HOPS)
def test_a_swapped_currency_is_wrong_in_both(hop: str) -> None:
    found = loss(at(hop, a=replace(A, currency="JPY")))
    assert found.name == hop
    assert [(each.currency, each.expected, each.found) for each in found.sums] == [
        ("JPY", 0, 5000),
        ("USD", 6200, 1200),
    ]


def test_amounts_that_are_wrong_and_add_up_all_the_same_differ() -> None:
    found = loss(at("bronze", a=replace(A, amount=1200), b=replace(B, amount=5000)))
    assert (found.name, found.differing) == ("bronze", ("a", "b"))


@pytest.mark.parametrize("wrong", [replace(A, status="failed"), replace(A, livemode=False)])
def test_another_state_or_test_data_differs(wrong: Fact) -> None:
    found = loss(at("database", a=wrong))
    assert (found.name, found.differing) == ("database", ("a",))


def test_a_row_that_is_doubled_in_bronze_is_counted_with_its_amount() -> None:
    facts = {**COMPLETE.facts, "bronze": {**SAID, "b": Counter({B: 2})}}
    found = loss(replace(COMPLETE, bronze=Counter("abb"), facts=facts))
    assert (found.name, found.duplicated) == ("bronze", ("b",))
    assert "6,200 expected, 7,400 found" in explain(found)


def test_a_database_that_is_not_looked_at_is_no_hop() -> None:
    facts = {name: said for name, said in COMPLETE.facts.items() if name != "database"}
    hops = reconcile(ENTRIES, replace(COMPLETE, database=None, facts=facts))
    assert first_loss(hops) is None
    assert "database" not in {hop.name for hop in hops}


def test_a_refund_that_silver_does_not_fold_in_is_named_with_its_payment() -> None:
    found = loss(replace(COMPLETE, payments={("stripe", "pi_1"): [state_of(payment())]}))
    assert (found.name, found.differing) == ("payments", ("stripe pi_1",))
    assert "refunded in USD: 1,200 expected, 0 found" in explain(found)
    assert "net in USD: 3,770 expected, 4,970 found" in explain(found)


def test_a_payment_that_is_not_in_silver_is_missing() -> None:
    found = loss(replace(COMPLETE, payments={}))
    assert (found.name, found.missing) == ("payments", ("stripe pi_1",))


def test_a_payment_with_two_rows_is_doubled() -> None:
    found = loss(replace(COMPLETE, payments={("stripe", "pi_1"): [STATE, STATE]}))
    assert found.duplicated == ("stripe pi_1",)


def gold(*states: State, silver: tuple[State, ...] = (STATE,)) -> Arrivals:
    metrics = Metrics(total(states), total(silver), total(states))
    return replace(COMPLETE, metrics={**COMPLETE.metrics, "gold": metrics})


def test_gold_that_counts_a_payment_for_each_event_is_wrong() -> None:
    found = loss(gold(STATE, STATE))
    assert (found.name, found.expected, found.found) == ("gold", 1, 2)
    assert "captured in USD: 5,000 expected, 10,000 found" in explain(found)


def test_gold_that_adds_up_something_else_than_silver_is_wrong() -> None:
    other = replace(STATE, currency="EUR")
    found = loss(gold(STATE, silver=(STATE, other)))
    assert found.name == "gold"
    assert "count, as in Silver in EUR: 1 expected, 0 found" in explain(found)


def test_test_data_in_gold_is_wrong() -> None:
    entries = [step("a", 0, payment(livemode=False))]
    state = state_of(payment(livemode=False))
    found = Arrivals(
        raw=Counter("a"),
        normalized=Counter("a"),
        bronze=Counter("a"),
        silver=Counter("a"),
        payments={("stripe", "pi_1"): [state]},
        metrics={"gold": Metrics(), "gold_test": Metrics(*[total([state])] * 3)},
    )
    assert first_loss(reconcile(entries, found)) is None
    swapped = {"gold": found.metrics["gold_test"], "gold_test": found.metrics["gold"]}
    hop = first_loss(reconcile(entries, replace(found, metrics=swapped)))
    assert hop is not None
    assert (hop.name, hop.expected, hop.found) == ("gold", 0, 1)
