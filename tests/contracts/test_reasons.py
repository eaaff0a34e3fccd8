"""Reasons are sentences about places of a payload, for every field of every provider."""

from __future__ import annotations

import pytest
from codegen.language.read import read_expression
from codegen.language.reasons import place
from codegen.loader import load
from codegen.mapping.plan import plan

from tests.conftest import ROOT

# Three places and what is wrong with the value there: more is not read.
LONGEST = 260


def test_a_reason_names_places_and_never_how_one_of_them_is_chosen() -> None:
    catalog = load(ROOT / "contracts")
    told = {
        refusal.message
        for provider in catalog.providers
        for group in plan(catalog, provider).groups
        for target in group.targets
        for refusal in (target.refusal("type_invalid", "must be text"), *([target.missing] if target.required else []))
    }
    assert len(told) > 300
    assert [each for each in told if len(each) > LONGEST] == []
    # What only decides between two places is not one of them. A field of constants has none, and is never wrong.
    looked = [each for each in told if not each.startswith(("the constant", "null"))]
    assert [each for each in looked if " says" in each or "the constant" in each or " or null" in each] == []


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"path": "a.b"}, "a.b"),
        ({"coalesce": [{"path": "a"}, {"path": "a"}, {"const": "x"}]}, "a"),
        ({"coalesce": [{"path": "a"}, {"path": "b"}]}, "a or b"),
        ({"when": {"value": "kind", "in": ["x"], "then": {"path": "a"}, "else": {"const": None}}}, "a"),
        ({"coalesce": [{"path": each} for each in "abcde"]}, "a, b, c or 2 more"),
        ({"concat": [{"path": "a"}, {"path": "b"}]}, "a with b"),
        ({"difference": [{"path": "a"}, {"path": "b"}]}, "a less b"),
        ({"coalesce": [{"sole": "a"}, {"path": "b"}]}, "the only element of a or b"),
        ({"const": "x"}, "the constant x"),
    ],
)
def test_a_place_is_where_the_value_comes_from(data: dict[str, object], words: str) -> None:
    assert place(read_expression(data)) == words
