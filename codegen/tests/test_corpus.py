"""Changes to contracts as engineers make them, each with the verdict that it must get: corpus/*.yaml.

corpus/*.txt beside them holds what people are told of each change, by diff and by compat; services.md what a pull
request shows of some.
To accept other words: UPDATE_GOLDEN=1 python -m pytest codegen/tests/test_corpus.py, then read the diff.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from codegen.compat import RULES as COMPAT_RULES
from codegen.compat import compat
from codegen.diff import diff, markdown, text
from codegen.lint import lint
from codegen.loader import load

from .accepted import accepted, held
from .rule_cases import IDS, TESTS, base, base_contracts, remove

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from codegen.model import Catalog

Entry = dict[str, Any]
Change = tuple[Entry, "Catalog", "Catalog"]


@cache
def corpus() -> tuple[Entry, ...]:
    files = sorted((TESTS / "corpus").glob("*.yaml"))
    return tuple(
        {"area": file.stem, **entry} for file in files for entry in yaml.safe_load(file.read_text(encoding="utf-8"))
    )


def named(entry: Entry) -> str:
    return f"{entry['area']}: {entry['name']}"


def apply(root: Path, patches: Sequence[Entry]) -> None:
    """Change a folder: a patch removes `file`, or writes it from `like` or itself with each text replaced once."""
    for patch in patches:
        if patch.get("remove"):
            remove(root, patch["file"])
            continue
        text = (root / str(patch.get("like") or patch["file"])).read_text(encoding="utf-8")
        for old, new in patch.get("replace", ()):
            assert old in text, f"{patch['file']} has no {old!r}"
            text = text.replace(old, new, 1)
        target = root / patch["file"]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


def states(entry: Entry, tmp_path: Path) -> tuple[Catalog, Catalog]:
    """Return the contracts before and after a change."""
    root = base_contracts(tmp_path / "contracts")
    before = entry.get("before", ())
    apply(root, before)
    old = load(root) if before else base()
    apply(root, entry["change"])
    return old, load(root)


def told(old: Catalog, new: Catalog) -> str:
    """Return what people are told of a change."""
    return text(diff(old, new), compat(old, new), "before")


def words(area: str, suffix: str = "txt") -> Path:
    return TESTS / "corpus" / f"{area}.{suffix}"


def names(area: str) -> list[str]:
    return [entry["name"] for entry in corpus() if entry["area"] == area]


# The tests of one entry follow each other, so that its contracts are read once.
@pytest.fixture(scope="module", params=corpus(), ids=named)
def change(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Change:
    return (request.param, *states(request.param, tmp_path_factory.mktemp("entry")))


def test_a_change_gets_its_verdict(change: Change) -> None:
    entry, old, new = change
    # Before the change all is well, so that what is found is found because of it.
    assert lint(old) == ()
    found = {finding.rule for finding in (*lint(new), *compat(old, new))}
    assert found == set(entry.get("rules", ()))
    assert entry["verdict"] == ("breaking" if found else "compatible")
    marked = {rule for each in diff(old, new) for rule in each.rules}
    assert marked == found & {rule.id for rule in COMPAT_RULES}


def test_a_change_is_told_in_the_words_that_were_accepted(change: Change) -> None:
    entry, old, new = change
    said = told(old, new)
    assert said == held(words(entry["area"]), entry["name"], said, names(entry["area"]))


@pytest.mark.parametrize("entry", [entry for entry in corpus() if entry["area"] == "services"], ids=named)
def test_a_pull_request_is_told_it_in_markdown(entry: Entry, tmp_path: Path) -> None:
    old, new = states(entry, tmp_path)
    said = markdown(diff(old, new), compat(old, new), "before")
    assert said == held(words("services", "md"), entry["name"], said, names("services"))


@pytest.mark.parametrize("area", sorted({entry["area"] for entry in corpus()}))
def test_nothing_is_accepted_of_a_change_that_is_not_there(area: str) -> None:
    assert list(accepted(words(area))) == names(area)


def test_the_corpus_is_large_and_balanced() -> None:
    verdicts = [entry["verdict"] for entry in corpus()]
    breaking = verdicts.count("breaking")
    assert len(verdicts) >= 60
    assert 1 / 3 <= breaking / len(verdicts) <= 2 / 3
    assert len({named(entry) for entry in corpus()}) == len(verdicts)


def test_the_corpus_names_rules_that_exist() -> None:
    assert {rule for entry in corpus() for rule in entry.get("rules", ())} <= set(IDS)
