"""The last value that each limit lets pass, and the first that it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from codegen.mapping.checks import holds
from codegen.mapping.plan import plan
from codegen.rules import CutCharacters, MaxBytes, MaxCharacters, MaxEntries, MaxEntryCharacters

if TYPE_CHECKING:
    from codegen.model import Catalog
    from codegen.rules import Rule


@pytest.mark.parametrize(
    ("rule", "last", "first"),
    [
        (MaxCharacters(3, "long"), "abc", "abcd"),
        (MaxEntries(2, "many"), {"a": "1", "b": "2"}, {"a": "1", "b": "2", "c": "3"}),
        (MaxEntryCharacters(3, "long"), {"abc": "ä" * 3}, {"abc": "abcd"}),
        (MaxEntryCharacters(3, "long"), {"abc": "abc"}, {"abcd": ""}),
        (MaxBytes(6, "large"), {"ab": "ää"}, {"abc": "ää"}),
    ],
)
def test_a_limit_is_the_last_value_that_passes(acme: Catalog, rule: Rule, last: Any, first: Any) -> None:
    planned = plan(acme, acme.providers[0])
    assert holds(planned, rule, last)
    assert not holds(planned, rule, first)


def test_what_is_cut_is_never_refused(acme: Catalog) -> None:
    assert holds(plan(acme, acme.providers[0]), CutCharacters(1), "words for people")
