"""Which changes are made of a module, and that they are taken back."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from tests.mutation.__main__ import is_noticed
from tests.mutation.mutants import mutants
from tests.mutation.subjects import EVERYWHERE, Subject

SOURCE = '''
"""What is sold."""
__all__ = ["price"]
PRICES = {"tea": 3, "milk": 2}


def price(name: str, known: bool = True) -> int:
    """Return a price."""
    if name in PRICES and known:
        return PRICES[name]
    return 0
'''


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = ModuleType("shop")
    exec(SOURCE, vars(module))  # noqa: S102 - above
    monkeypatch.setitem(sys.modules, "shop", module)
    return module


def test_constants_comparisons_and_connectives_are_changed_and_words_for_readers_are_not() -> None:
    assert sorted(each.what for each in mutants(SOURCE)) == [
        "'milk' → 'milk~'",
        "'tea' → 'tea~'",
        "0 → 1",
        "2 → 3",
        "3 → 4",
        "True → False",
        "name in PRICES and known → name in PRICES or known",
        "name in PRICES → name not in PRICES",
    ]


def test_a_change_is_seen_by_those_who_have_imported_what_is_changed_and_taken_back(
    shop: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter = ModuleType("counter")
    vars(counter)["price"] = shop.price
    monkeypatch.setitem(sys.modules, "counter", counter)
    (mutant,) = (each for each in mutants(SOURCE) if each.what == "0 → 1")
    with mutant.applied(shop):
        assert (shop.price("ink"), counter.price("ink")) == (1, 1)
    assert (shop.price("ink"), counter.price("ink")) == (0, 0)


def test_a_constant_is_seen_in_the_functions_that_read_it() -> None:
    assert {each.functions for each in mutants(SOURCE)} == {frozenset({"price"})}


def test_what_no_question_tells_apart_survives(shop: ModuleType) -> None:
    subject = Subject("shop", shop)
    subject.questions["price"] = [lambda: shop.price("tea"), lambda: shop.price("ink")]
    subject.questions[EVERYWHERE] = []
    subject.learn()
    survivors = {each.what for each in mutants(SOURCE) if not is_noticed(each, subject)}
    assert survivors == {"'milk' → 'milk~'", "2 → 3"}
