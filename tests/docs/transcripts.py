"""Transcripts in documents: blocks of `console` whose command is run again, on the contracts as they are here.

A comment before a block says what is edited first, in a copy of the contracts with a commit of its own:

    <!-- transcript
    contracts/topics/payments.normalized.yaml: {retention_days: 7}
    -->

Each file has texts to replace, by what, or is a text: then it is a new file. `<!-- transcript: continued` begins with
the edits of the block before. Commands of a block are run one after the other, and of make what its target runs.
A block that is not run says why: `<!-- transcript: not run, … -->`.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from unittest import mock

import yaml

from codegen import cli

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_BLOCK = re.compile(
    r"(?:^(?P<margin> *)<!-- transcript(?P<said>.*?)-->\n\s*)?^(?P<indent> *)```console\n(?P<body>.*?)^(?P=indent)```$",
    re.DOTALL | re.MULTILINE,
)
# The commit of a copy is another one each time.
_COMMIT = re.compile(r"\b[0-9a-f]{10}(?= \((HEAD|main))")
_CONTINUED = ": continued"
_SHOWN_COMMIT = "1b65ab4c0d"
# What the targets of make run on the contracts.
OF_MAKE = {"make codegen": "codegen generate", "make compat": "codegen compat"}
_GIT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
    "GIT_AUTHOR_NAME": "t",
    "GIT_AUTHOR_EMAIL": "t@example.org",
    "GIT_COMMITTER_NAME": "t",
    "GIT_COMMITTER_EMAIL": "t@example.org",
}


@dataclass(frozen=True)
class Transcript:
    """A block of a document: `said` is None where no comment is before it; `span` is where its text is."""

    said: str | None
    indent: str
    text: str
    line: int
    span: tuple[int, int]
    before: tuple[str, ...] = ()

    @property
    def is_run(self) -> bool:
        return not (self.said or "").startswith(": not run, ")

    @property
    def commands(self) -> list[str]:
        return [line.removeprefix("$ ") for line in self.text.splitlines() if line.startswith("$ ")]

    @property
    def edits(self) -> list[tuple[str, dict[str, str] | str]]:
        """Return each file to edit with what to replace in it, or with all of its text."""
        said = [*self.before, (self.said or "").removeprefix(_CONTINUED)]
        return [edit for each in said for edit in (yaml.safe_load(each) or {}).items()]


def transcripts(document: str) -> Iterator[Transcript]:
    """Yield the transcripts of a document in Markdown."""
    before: tuple[str, ...] = ()
    for found in _BLOCK.finditer(document):
        said = found["said"]
        before = before if (said or "").startswith(_CONTINUED) else ()
        indent = found["indent"]
        text = "".join(line.removeprefix(indent) for line in found["body"].splitlines(keepends=True))
        line = document.count("\n", 0, found.start("body"))
        yield Transcript(said, indent, text, line, found.span("body"), before)
        before = (*before, (said or "").removeprefix(_CONTINUED))


def run(transcript: Transcript, repository: Path) -> str:
    """Return what a transcript has to be; the repository is as it was afterwards."""
    for file, replacements in transcript.edits:
        path = repository / file
        if isinstance(replacements, str):
            path.write_text(replacements, encoding="utf-8")
            continue
        text = path.read_text(encoding="utf-8")
        for old, new in replacements.items():
            if str(old) not in text:
                raise LookupError(f"{file} has no {old!r}: the transcript of line {transcript.line} is out of date")
            text = text.replace(str(old), str(new), 1)
        path.write_text(text, encoding="utf-8")
    try:
        printed = "".join(f"$ {command}\n{_printed(command, repository)}" for command in transcript.commands)
    finally:
        git(repository, "checkout", "--quiet", "--", ".")
        git(repository, "clean", "--quiet", "--force")
    return _COMMIT.sub(_SHOWN_COMMIT, printed)


def _printed(command: str, repository: Path) -> str:
    output = io.StringIO()
    arguments = mock.patch.object(sys, "argv", OF_MAKE.get(command, command).split())
    environment = mock.patch.dict(os.environ, {"COLUMNS": "140", "NO_COLOR": "1"})
    kept = redirect_stdout(output), redirect_stderr(output)
    with chdir(repository), kept[0], kept[1], arguments, environment, suppress(SystemExit):
        cli.main()
    return "".join(f"{line.rstrip()}\n" for line in output.getvalue().splitlines())


def rewritten(document: str, transcript: Transcript, text: str) -> str:
    """Return a document with another text in a transcript's place."""
    lines = (f"{transcript.indent}{line}\n" if line else "\n" for line in text.splitlines())
    return document[: transcript.span[0]] + "".join(lines) + document[transcript.span[1] :]


def git(repository: Path, *arguments: str) -> None:
    """Run git in a repository, with no settings of the machine."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    subprocess.run(["git", "-C", str(repository), *arguments], check=True, capture_output=True, env=kept | _GIT)
