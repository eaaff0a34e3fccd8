"""What the checks found, for people, for programs and for a pull request on GitHub."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from codegen.diff import Change
    from codegen.findings import Finding


class Form(Enum):
    """How findings are written."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"


class Level(Enum):
    """How grave a finding is, in GitHub's words: an error fails the check, a warning does not."""

    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"


def report(
    form: Form, root: Path, findings: Iterable[Finding], accepted: Iterable[Finding] = (), outcome: str = ""
) -> None:
    """Write findings, whose files are below `root`: text to standard error, all else to standard output.

    `accepted` are findings that do not fail the check; `outcome` ends the sentence that counts the others.
    Raises SystemExit with code 1 where there are any others.
    """
    refused, allowed = tuple(findings), tuple(accepted)
    match form:
        case Form.TEXT:
            _text(root, refused, allowed)
        case Form.JSON:
            levels = [*((each, Level.ERROR) for each in refused), *((each, Level.WARNING) for each in allowed)]
            _print({"findings": [_plain_data(root, each, level) for each, level in levels]})
        case Form.GITHUB:
            for each in refused:
                sys.stdout.write(annotation(root, each, Level.ERROR))
            for each in allowed:
                sys.stdout.write(annotation(root, each, Level.WARNING))
    if refused:
        counted = f"{len(refused)} {'finding' if len(refused) == 1 else 'findings'}"
        fail(f"{counted} {outcome}" if outcome else f"{counted}; nothing was written")


def changes_as(form: Form, root: Path, changes: Iterable[Change], findings: Iterable[Finding], against: str) -> str:
    """Return a difference as JSON, or as GitHub's annotations: notices of what changes, warnings of what breaks."""
    if form is Form.JSON:
        data = {
            "against": against,
            "changes": [
                {"section": each.section.value, "name": each.name, "text": each.text, "rules": each.rules}
                for each in changes
            ],
            "findings": [_plain_data(root, each, Level.WARNING) for each in findings],
        }
        return json.dumps(data, indent=2, ensure_ascii=False) + "\n"
    notices = (
        f"::notice title={_property(each.section.value)}::{_escaped(f'{each.name}: {each.text}')}\n" for each in changes
    )
    return "".join((*notices, *(annotation(root, each, Level.WARNING) for each in findings)))


def refuse(form: Form, message: str, code: int) -> NoReturn:
    """Say in the form asked for why nothing could be looked at, and end the command with an exit code."""
    if form is Form.JSON:
        _print({"findings": [], "error": message})
    elif form is Form.GITHUB:
        sys.stdout.write(f"::{Level.ERROR.value} title=codegen::{_escaped(message)}\n")
    fail(message, code)


def annotation(root: Path, finding: Finding, level: Level) -> str:
    """Return a finding as a workflow command of GitHub Actions.

    Its file is named from the root of the repository, wherever the command runs.
    Source: https://docs.github.com/actions/reference/workflow-commands-for-github-actions
    """
    place = {"file": str(_in_repository(root / finding.file)), "line": finding.line, "col": finding.column}
    named = [f"{key}={_property(str(value))}" for key, value in place.items() if value]
    named.append(f"title={_property(f'codegen: {finding.rule}')}")
    return f"::{level.value} {','.join(named)}::{_escaped(f'{finding.message} → {finding.hint}')}\n"


def near(path: Path) -> Path:
    """Return a path as it is seen from here, where it is below here."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _in_repository(path: Path) -> Path:
    """Return a path as it is seen from the root of its git work tree, or from here where it is in none."""
    whole = path.resolve()
    top = next((each for each in whole.parents if (each / ".git").exists()), None)
    return near(path) if top is None else whole.relative_to(top)


def plain(text: str) -> str:
    """Return a text in which control characters are spelt out: names and values come from files."""
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def fail(message: str, code: int = 1) -> NoReturn:
    """Say why the command failed, and end it with an exit code."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(Text(message, style="bold red"))
    sys.exit(code)


def _text(root: Path, refused: Iterable[Finding], accepted: Iterable[Finding]) -> None:
    out = Console(highlight=False, soft_wrap=True)
    for each in accepted:
        out.print(plain(f"accepted: {_place(root, each)} [{each.rule}] {each.message}"), markup=False)
    err = Console(stderr=True, highlight=False, soft_wrap=True)
    for each in refused:
        head = Text(plain(_place(root, each)), style="bold") + Text(f" [{each.rule}] ", style="red")
        err.print(head + Text(plain(each.message)))
        err.print(Text(f"    → {plain(each.hint)}", style="dim"))


def _place(root: Path, finding: Finding) -> str:
    file = near(root / finding.file)
    return f"{file}:{finding.line}" if finding.line else str(file)


def _plain_data(root: Path, finding: Finding, level: Level) -> dict[str, Any]:
    return {**asdict(finding), "file": str(near(root / finding.file)), "level": level.value}


def _print(data: Any) -> None:
    sys.stdout.write(json.dumps(data, indent=2, ensure_ascii=False) + "\n")


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")
