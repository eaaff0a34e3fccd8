"""Different things have different names in compiled mappings: paths of every spelling, parts of fields, groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from codegen.emit.normalize import module
from codegen.language.model import Concat, Const, Path
from codegen.lint import lint
from codegen.loader import load
from codegen.mapping.evaluate import Normalized
from codegen.mapping.plan import Kind
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.contracts.equivalence import put

from .forms import both, planned, target

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path as File

# Names that are easily taken for each other once they are part of a variable.
ODD = ["a", "b", "a_b", "a__b", "_a", "a_", "_", "a.b", "a-b", "a b", "0", "1a", "class", "None", "é", "e\u0301",
       "\ufb01", "fi", "_61", "root", "value", 'quote"', "back\\slash", "new\nline", "{x}", ""]  # fmt: skip
STEPS = st.sampled_from(ODD) | st.text(max_size=3) | st.integers(0, 2)
PATHS = st.lists(STEPS, max_size=4).flatmap(lambda below: st.sampled_from(ODD).map(lambda first: Path((first, *below))))


@settings(max_examples=300, deadline=None)
@given(paths=st.lists(PATHS, min_size=1, max_size=6), event_type=PATHS)
@example(paths=[Path(("data", "source_card", "x")), Path(("data", "source", "card", "x"))], event_type=Path(("kind",)))
@example(paths=[Path(("a", 0, "x")), Path(("a", "0", "x")), Path(("a", "b", "x"))], event_type=Path(("kind", "of")))
def test_paths_of_any_spelling_are_read_alike_in_both_forms(paths: list[Path], event_type: Path) -> None:
    plan = planned(*(target(f"f{n}", path) for n, path in enumerate(paths)), event_type=event_type)
    body: dict[str, Any] = {}
    for number, path in enumerate([*paths, event_type]):
        put(body, path.steps, "e" if path == event_type else f"value {number}")
    both(plan, body)
    # Each value by itself: what is taken from elsewhere shows where the other places are empty.
    for path in paths:
        alone: dict[str, Any] = {}
        put(alone, path.steps, "here")
        put(alone, event_type.steps, "e")
        both(plan, alone)


@given(paths=st.sets(PATHS, min_size=2, max_size=2))
def test_two_paths_never_share_a_variable(paths: set[Path]) -> None:
    one, other = (module(planned(target("f", Path((*path.steps, "x")))), "x").content for path in paths)
    assert one != other


def test_parts_of_a_field_do_not_hide_another_field() -> None:
    parts = Concat((Path(("x",)), Const("-"), Path(("y",))))
    result = both(planned(target("a_0", Path(("z",))), target("a", parts)), {"kind": "e", "x": "x", "y": "y", "z": "z"})
    assert result == Normalized({"a_0": "z", "a": "x-y"})


@pytest.mark.parametrize("body", [{"a": [{"x": 1}]}, {"a": {"x": "y"}}, {"a": "x"}, {}])
def test_what_may_be_a_list_or_an_object_is_read_as_either(body: dict[str, Any]) -> None:
    both(planned(target("f", Path(("a", "x"))), target("g", Path(("a", 0)), Kind.TEXT)), {"kind": "e", **body})


def test_two_groups_of_one_name_are_found(contracts: File, edit: Callable[[str, str, str], None]) -> None:
    mapping = contracts / "providers/acme/mapping.yaml"
    text = mapping.read_text(encoding="utf-8")
    group = text[text.index("  - name: payment") :].replace("[paid, failed]", "[voided]")
    mapping.write_text(text + group, encoding="utf-8")
    found = [each for each in lint(load(contracts)) if each.rule == "provider"]
    assert [each.message for each in found] == ["a second group is called payment"]
