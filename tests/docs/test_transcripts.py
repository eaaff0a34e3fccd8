"""What documents show of a command is what it prints. UPDATE_TRANSCRIPTS=1 writes it into them: read the difference."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.docs.transcripts import OF_MAKE, Transcript, git, rewritten, run, transcripts

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted(ROOT.glob("co*/README.md"))]
SHOWN = [(path, each) for path in DOCUMENTS for each in transcripts(path.read_text(encoding="utf-8"))]
IDS = [f"{path.name}:{each.line}" for path, each in SHOWN]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("repository")
    for folder in ("contracts", "generated"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__", "target"))
    # What is generated is formatted as the project says.
    shutil.copy(ROOT / "pyproject.toml", root)
    git(root, "init", "--quiet", "--initial-branch", "main")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "the contracts")
    return root


@pytest.mark.parametrize(("path", "transcript"), SHOWN, ids=IDS)
def test_a_transcript_is_what_the_command_prints(path: Path, transcript: Transcript, repository: Path) -> None:
    assert transcript.said is not None, "write a comment `<!-- transcript` with its edits before the block"
    if transcript.is_run:
        printed = run(transcript, repository)
        if os.environ.get("UPDATE_TRANSCRIPTS"):
            # From the document as it is by now: another transcript of it may have another length.
            document = path.read_text(encoding="utf-8")
            now = [
                each for each in transcripts(document) if each.said == transcript.said and each.text == transcript.text
            ]
            path.write_text(rewritten(document, now[0], printed), encoding="utf-8")
        else:
            assert transcript.text == printed


def test_all_transcripts_are_run() -> None:
    # That of the audit is run by the tests of the audit, from rows in memory.
    assert [(path.name, each.commands) for path, each in SHOWN if not each.is_run] == [
        ("operations.md", ["payments audit"])
    ]


@pytest.mark.parametrize(("target", "command"), OF_MAKE.items())
def test_what_is_run_of_make_is_what_its_target_runs(target: str, command: str) -> None:
    recipes = (ROOT / "Makefile").read_text(encoding="utf-8").split("\n\n")
    (recipe,) = (each for each in recipes if f"\n{target.removeprefix('make ')}" in f"\n{each}" and "\t@" in each)
    assert f"\t@.venv/bin/{command}" in recipe


def test_a_transcript_that_is_out_of_date_is_found(repository: Path) -> None:
    block = "```console\n$ codegen lint\nall is well\n```\n"
    (found,) = transcripts(f"<!-- transcript -->\n{block}")
    assert run(found, repository) != found.text
    assert "the contracts keep all" in run(found, repository)
