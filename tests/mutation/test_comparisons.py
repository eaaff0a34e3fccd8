"""What is asked of compat and of diff, and what of it tests hold."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.mutation import comparisons
from tests.mutation.__main__ import is_noticed
from tests.mutation.comparisons import Changed, compatibility, differences
from tests.mutation.mutants import mutants
from tests.mutation.subjects import codegen_tests

if TYPE_CHECKING:
    from tests.mutation.subjects import Subject


@pytest.fixture
def change(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Changed:
    corpus = codegen_tests("test_corpus")
    (entry,) = (each for each in corpus.corpus() if each["name"] == "a topic holds another record")
    changed = Changed(*corpus.states(entry, tmp_path))
    monkeypatch.setattr(comparisons, "changes", lambda: (changed,))
    return changed


def survivors(subject: Subject, function: str) -> set[str]:
    subject.learn()
    source = Path(str(subject.module.__file__)).read_text(encoding="utf-8")
    return {each.what for each in mutants(source) if each.functions == {function} and not is_noticed(each, subject)}


@pytest.mark.usefixtures("change")
def test_a_rule_of_compat_is_asked_of_a_change_and_held_to_its_words() -> None:
    (subject,) = compatibility(["compat.topics"])
    assert survivors(subject, "record_changed") == set()
    assert "' goes back from v' → ' goes back from v~'" in survivors(subject, "version_lowered")


def test_diff_is_held_to_its_words_and_to_what_it_marks_alone_where_a_rule_has_a_case(
    change: Changed, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = "' → ' → ' → ~'"
    (subject,) = differences(["diff.flows"])
    assert words not in survivors(subject, "topics")
    monkeypatch.setattr(comparisons, "changes", lambda: (replace(change, rule="topic-record"),))
    (subject,) = differences(["diff.flows"])
    assert words in survivors(subject, "topics")


@pytest.mark.usefixtures("change")
def test_every_module_of_compat_and_diff_is_asked() -> None:
    for subjects in (compatibility(()), differences(())):
        unasked = {each.name for each in subjects if not any(each.questions.values())}
        assert unasked == set()
