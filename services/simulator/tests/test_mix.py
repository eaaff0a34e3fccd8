"""How many webhooks of which kind a run has."""

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulator.mix import DEFAULT, Kind, allot, parse_mix


def dice(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311  # not for secrets


def test_default_mix_of_200_has_every_kind() -> None:
    counts = Counter(allot(200, parse_mix(DEFAULT), dice(1)))
    assert counts == {
        Kind.ACCEPTED: 176,
        Kind.REJECTED: 10,
        Kind.MALFORMED: 6,
        Kind.UNSUPPORTED: 4,
        Kind.FORGED: 4,
    }


@settings(deadline=None)
@given(st.integers(1, 500), st.dictionaries(st.sampled_from(list(Kind)), st.floats(0.01, 100), min_size=1))
def test_every_kind_gets_its_share_to_within_one(count: int, weights: dict[Kind, float]) -> None:
    counts = Counter(allot(count, weights, dice(1)))
    assert counts.total() == count
    for kind, weight in weights.items():
        assert abs(counts[kind] - count * weight / sum(weights.values())) < 1 + 1e-6


def test_equal_seeds_give_equal_orders() -> None:
    weights = parse_mix(DEFAULT)
    assert allot(50, weights, dice(4)) == allot(50, weights, dice(4))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "'' is not a kind"),
        ("good=1", "'good' is not a kind"),
        ("accepted", "weight of accepted is ''"),
        ("accepted=many", "weight of accepted is 'many'"),
        ("accepted=-1", "zero or more"),
        ("accepted=nan", "zero or more"),
        ("accepted=inf", "zero or more"),
        ("accepted=0", "above zero"),
    ],
)
def test_refuses_a_mix_and_says_why(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse_mix(text)
