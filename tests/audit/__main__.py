"""Prints what is known against the dependencies, and writes the list of all of them."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from stack.places import Places
from stack.settings import ObjectStore, Settings
from stack.tools.catalogue import toolbox
from stack.tools.golang import find_go
from stack.tools.wheels import WheelTool

from tests.audit import sources
from tests.audit.bill import bill
from tests.audit.findings import Finding, judge, read_accepted

ROOT = Path(__file__).parents[2]
GOVULNCHECK = "v1.1.4"
FOUND = 1
NOT_CHECKED = 75
"""EX_TEMPFAIL of sysexits.h."""


def main(
    uv: Annotated[Path, typer.Argument(help="The uv that made the environments.", exists=True)],
    *,
    output: Annotated[Path, typer.Option(help="Folder of what is written.")] = ROOT / "build",
    accepted: Annotated[Path, typer.Option(help="What is accepted for now.", exists=True)] = ROOT
    / "tests"
    / "audit"
    / "accepted.toml",
) -> None:
    """Write build/sbom.cdx.json, and tell what lists of weaknesses know of what is in it.

    Exit code 1: something has to be mended, or an acceptance is over. 75: no finding, but a list could not be asked; it
    says which. The bill is written in any case.
    """
    output.mkdir(parents=True, exist_ok=True)
    known = read_accepted(accepted)
    target = output / "sbom.cdx.json"
    document = bill(json.loads(_export(uv, "cyclonedx1.5")), ROOT / "infra" / "local")
    target.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    typer.echo(f"{target}: {len(document['components'])} components")
    typer.echo("Java: no list is asked; the bill names each archive with its checksum, for a scanner of your own")
    requirements = output / "audit-requirements.txt"
    requirements.write_text(_export(uv, "requirements.txt", "--no-emit-workspace"), encoding="utf-8")
    findings, away = _ask(uv, requirements, output)
    wrong, tolerated = judge(findings, known, datetime.now(UTC).date())
    for line in tolerated:
        typer.echo(f"accepted: {line}")
    for line in wrong:
        typer.echo(f"mend: {line}", err=True)
    for line in away:
        typer.echo(f"could not check: {line}", err=True)
    if wrong:
        raise typer.Exit(FOUND)
    if away:
        raise typer.Exit(NOT_CHECKED)
    typer.echo("nothing is known against any of them that is not accepted")


def _ask(uv: Path, requirements: Path, output: Path) -> tuple[list[Finding], list[str]]:
    findings: list[Finding] = []
    away = []
    environment = output / "audit-venv"
    places = Places(ROOT, Settings().places().cache, output)
    tools = toolbox(places, Path(), ObjectStore.SEAWEEDFS)
    programs = [
        program
        for program in sorted(tools.servers.target().glob("*"))
        if program.is_file() and os.access(program, os.X_OK)
    ]
    go = find_go() or WheelTool(places, "go").target() / "go" / "bin" / "go"
    try:
        _prepare(uv, environment)
        findings += sources.python(requirements, environment / "bin" / "pip-audit")
    except sources.UnreachableError as error:
        away.append(f"Python: {error}")
    try:
        found, unseen = sources.golang(programs, go, output, GOVULNCHECK)
        findings += found
        away += [f"Go: {each}" for each in unseen]
    except sources.UnreachableError as error:
        away.append(f"Go: {error}")
    return findings, away


def _export(uv: Path, form: str, *options: str) -> str:
    command = [str(uv), "export", "--frozen", "--all-packages", "--quiet", "--no-header", "--format", form, *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def _prepare(uv: Path, environment: Path) -> None:
    command = [str(uv), "sync", "--frozen", "--only-group", "audit", "--quiet"]
    settings = os.environ | {"UV_PROJECT_ENVIRONMENT": str(environment)}
    made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=settings)
    if made.returncode:
        raise sources.UnreachableError(f"pip-audit cannot be installed: {made.stderr.strip()[-300:]}")


if __name__ == "__main__":
    try:
        typer.run(main)
    except ValueError as error:
        sys.exit(str(error))
