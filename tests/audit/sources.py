"""Who knows weaknesses: pip-audit for Python, govulncheck for what is built from Go."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

from tests.audit.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_SECONDS = 900


class UnreachableError(Exception):
    """A list of weaknesses cannot be asked; the message says which, and what it said."""


def python(requirements: Path, program: Path) -> list[Finding]:
    """Return what PyPI's list knows of pinned requirements.

    Raises:
        UnreachableError: The list does not answer.
    """
    options = ["--format", "json", "--progress-spinner", "off", "--disable-pip", "--require-hashes"]
    answer = _run([str(program), *options, "--requirement", str(requirements)])
    return list(of_pip_audit(_parsed("pip-audit", answer)))


def of_pip_audit(report: Any) -> Iterator[Finding]:
    """Yield the findings of pip-audit's JSON."""
    for package in report["dependencies"]:
        for each in package.get("vulns", ()):
            fixed = each.get("fix_versions") or [""]
            yield Finding(package["name"], package["version"], (each["id"], *each.get("aliases", ())), fixed[0])


def golang(binaries: Sequence[Path], go: Path, directory: Path, version: str) -> tuple[list[Finding], list[str]]:
    """Return what Go's list knows of programs that were built, of functions that are in them.

    Beside the findings, what was said of each program that could not be looked at.

    Raises:
        UnreachableError: The list does not answer, or the program that asks it cannot be built.
    """
    if not binaries:
        raise UnreachableError("nothing is built yet; run `make setup`")
    # By version, so that another one is built and not taken for it.
    place = directory.resolve() / f"govulncheck-{version}"
    program = place / "govulncheck"
    if not program.exists():
        place.mkdir(parents=True, exist_ok=True)
        environment = {"GOBIN": str(place), "GOTOOLCHAIN": "local"}
        built = _run([str(go), "install", f"golang.org/x/vuln/cmd/govulncheck@{version}"], environment)
        if built.returncode:
            raise UnreachableError(f"govulncheck cannot be built: {_last_line(built.stderr)}")
    found: list[Finding] = []
    away: list[str] = []
    for binary in binaries:
        try:
            answer = _run([str(program), "-mode", "binary", "-format", "json", str(binary)])
        except UnreachableError as error:
            away.append(f"govulncheck {binary.name}: {error}")
            continue
        if answer.returncode:
            away.append(f"govulncheck {binary.name}: {_last_line(answer.stderr)}")
        else:
            found += list(of_govulncheck(answer.stdout))
    return found, away


def of_govulncheck(text: str) -> Iterator[Finding]:
    """Yield the findings of govulncheck's stream of JSON objects, each weakness of a module once."""
    decoder, told = json.JSONDecoder(), set()
    rest = text.strip()
    while rest:
        message, end = decoder.raw_decode(rest)
        rest = rest[end:].lstrip()
        finding = message.get("finding")
        # A trace that ends in a module alone says that the weakness is in it, and not that it was built in.
        if finding is None or "function" not in finding["trace"][0]:
            continue
        place = finding["trace"][0]
        each = Finding(place["module"], place.get("version", ""), (finding["osv"],), finding.get("fixed_version", ""))
        if each not in told:
            told.add(each)
            yield each


def _run(command: list[str], environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=_SECONDS,
            env=os.environ | (environment or {}),
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnreachableError(f"{command[0]}: {error}") from error


def _parsed(name: str, answer: subprocess.CompletedProcess[str]) -> Any:
    """Return the report; the exit code is the same for findings and for a list that is away."""
    try:
        return json.loads(answer.stdout)
    except ValueError:
        raise UnreachableError(f"{name}: {_last_line(answer.stderr)}") from None


def _last_line(text: str) -> str:
    return next((line for line in reversed(text.splitlines()) if line.strip()), "no answer")
