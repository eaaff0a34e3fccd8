"""Each rule finds what it is for, in its file and line, and nothing else does."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from codegen.compat import RULES, breakages, compat
from codegen.diff import diff
from codegen.findings import ContractError
from codegen.lint import lint

from .rule_cases import IDS, PURPOSES, TESTS, Case, cases, plain

if TYPE_CHECKING:
    from pathlib import Path

    from codegen.model import Catalog


CHANGES = [case for case in cases() if case.rule in {rule.id for rule in RULES}]


@pytest.mark.parametrize("case", cases(), ids=[case.name for case in cases()])
def test_a_case_finds_what_it_expects(case: Case, tmp_path: Path) -> None:
    read = states(case, tmp_path)
    # As the command does: what cannot be read is not linted, and what does not lint is not compared.
    found = read if isinstance(read, ContractError) else ContractError(lint(read[1]) or compat(*read))
    assert [plain(finding) for finding in sorted(found.findings)] == case.expected
    assert all(finding.hint for finding in found.findings)
    for remedy, finding in zip(case.remedies, sorted(found.findings), strict=True):
        assert remedy in {"", finding.hint}


@pytest.mark.parametrize("case", CHANGES, ids=[case.name for case in CHANGES])
def test_the_blast_radius_marks_all_that_breaks_and_nothing_else(case: Case, tmp_path: Path) -> None:
    old, new = case.old(tmp_path), case.new(tmp_path)
    marked = {rule for change in diff(old, new) for rule in change.rules}
    assert marked == {rule for rule, _ in breakages(old, new)}


def states(case: Case, tmp_path: Path) -> tuple[Catalog, Catalog] | ContractError:
    """Return the contracts before and after a case, or why the latter cannot be read."""
    try:
        return case.old(tmp_path), case.new(tmp_path)
    except ContractError as error:
        return error


@pytest.mark.parametrize("rule", IDS)
def test_every_rule_has_a_directory_with_a_case_that_it_finds(rule: str) -> None:
    of_rule = [case for case in cases() if case.rule == rule]
    assert [case.name for case in of_rule if any(each["rule"] == rule for each in case.expected)] != []


def test_every_directory_is_a_rule() -> None:
    assert {folder.name for folder in (TESTS / "rules").iterdir()} <= set(IDS)


def test_every_directory_of_a_case_says_what_it_expects() -> None:
    folders = {folder for rule in (TESTS / "rules").iterdir() for folder in rule.iterdir()}
    assert {folder for folder in folders if not (folder / "expected.yaml").is_file()} == set()


def test_rules_have_ids_of_their_own_and_a_purpose() -> None:
    assert len(set(IDS)) == len(IDS)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)?", rule) for rule in IDS)
    assert all(purpose.endswith(".") for _, purpose in PURPOSES)
