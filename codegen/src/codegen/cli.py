"""The `codegen` command."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console
from rich.text import Text

from codegen.emit import EmissionError, emit
from codegen.findings import ContractError, Finding
from codegen.lint import RULES, lint
from codegen.loader import READING, load
from codegen.scaffold import ScaffoldError, scaffold
from codegen.trial import body_of, explain
from codegen.write import add, changes, write

if TYPE_CHECKING:
    from codegen.model import Catalog

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

Contracts = Annotated[Path, typer.Option("--contracts", help="Folder of the contracts.", show_default=True)]
Generated = Annotated[Path, typer.Option("--generated", help="Folder of what is generated.", show_default=True)]
_CONTRACTS = Path("contracts")
_GENERATED = Path("generated")


@app.command()
def generate(contracts: Contracts = _CONTRACTS, generated: Generated = _GENERATED) -> None:
    """Derive everything from the contracts: all files, or none where a contract is wrong."""
    done = write(generated, emit(_checked(contracts)))
    out = Console(highlight=False, soft_wrap=True)
    for change in done:
        out.print(f"{_PAST[change.what]} {_near(generated / change.path)}", markup=False)
    out.print(f"{len(done)} files changed" if done else "nothing changed")


@app.command()
def drift(contracts: Contracts = _CONTRACTS, generated: Generated = _GENERATED) -> None:
    """Fail where a generated file is not what the contracts say."""
    found = changes(generated, emit(_checked(contracts)))
    err = Console(stderr=True, highlight=False, soft_wrap=True)
    for change in found:
        err.print(f"{_near(generated / change.path)}: {change.what}", markup=False)
    if found:
        err.print("the generated files and the contracts differ: run `make codegen` and commit the result")
        raise typer.Exit(1)
    Console().print("generated files and contracts agree")


@app.command(name="lint")
def lint_(
    contracts: Contracts = _CONTRACTS,
    *,
    rules: Annotated[bool, typer.Option("--rules", help="List the rules instead.")] = False,
) -> None:
    """Check the contracts: names, docs, closed folders, paths, lookups, examples; all findings at once."""
    out = Console(highlight=False)
    if rules:
        for name, purpose in (*READING.items(), *((rule.id, rule.purpose) for rule in RULES)):
            out.print(Text(f"{name:14}", style="bold") + Text(purpose), soft_wrap=True)
        return
    _checked(contracts)
    out.print(f"the contracts keep all {len(READING) + len(RULES)} rules")


@app.command(name="try")
def try_(
    provider: Annotated[str, typer.Argument(help="A folder of contracts/providers.")],
    file: Annotated[
        Path, typer.Argument(help="A webhook's body, or an example of the contracts.", exists=True, dir_okay=False)
    ],
    contracts: Contracts = _CONTRACTS,
    merchant_id: Annotated[str, typer.Option(help="Merchant of the endpoint's secret.")] = "merch_local",
) -> None:
    """Say what would become of a webhook, and which line of the contracts decides it."""
    catalog = _loaded(contracts)
    known = {each.name: each for each in catalog.providers}
    if provider not in known:
        _fail(f"there is no provider {provider!r}; the contracts have {', '.join(sorted(known)) or 'none'}")
    Console(highlight=False, soft_wrap=True).print(
        explain(catalog, known[provider], body_of(known[provider], file), merchant_id)
    )


@app.command(name="scaffold-provider")
def scaffold_provider(
    name: Annotated[str, typer.Argument(help="Name of the new provider: letters from a to z.", metavar="NAME")],
    contracts: Contracts = _CONTRACTS,
) -> None:
    """Begin a new provider: its folder, raw topic and gateway API, with a TODO for each fact that is still missing.

    `codegen lint` then lists every TODO, with file, line and where to find the fact. Replace them one by one; when the
    last is gone it checks the rest. All files are written or none; nothing that is there is touched.
    """
    try:
        files = scaffold(_checked(contracts), name)
    except ScaffoldError as error:
        _fail(f"{error}; nothing was written")
    add(contracts, files)
    out = Console(highlight=False, soft_wrap=True)
    for file in files:
        out.print(f"wrote {_near(contracts / file.path)}", markup=False)
    out.print("next: `codegen lint` lists what is still to be written")


def main() -> None:
    """Run the command; every expected error is one clear message and exit code 1."""
    try:
        app()
    except OSError as error:
        _fail(f"{_near(Path(error.filename)) if error.filename else 'a file'}: {error.strerror or error}")
    except EmissionError as error:
        # The cause is for whoever mends codegen; the sentence after it for everybody.
        traceback.print_exception(error.__cause__ or error)
        _fail(f"codegen itself failed; nothing was written. Mend the emitter, not generated/. {error}")


_PAST = {"missing": "wrote", "different": "updated", "stale": "removed"}


def _checked(contracts: Path) -> Catalog:
    catalog = _loaded(contracts)
    findings = lint(catalog)
    if findings:
        _report(contracts, findings)
    return catalog


def _loaded(contracts: Path) -> Catalog:
    try:
        return load(contracts)
    except ContractError as error:
        _report(contracts, error.findings)


def _report(contracts: Path, findings: tuple[Finding, ...]) -> NoReturn:
    err = Console(stderr=True, highlight=False, soft_wrap=True)
    for finding in findings:
        file = _near(contracts / finding.file)
        place = f"{file}:{finding.line}" if finding.line else str(file)
        err.print(
            Text(_plain(place), style="bold") + Text(f" [{finding.rule}] ", style="red") + Text(_plain(finding.message))
        )
        err.print(Text(f"    → {_plain(finding.hint)}", style="dim"))
    count = len(findings)
    _fail(f"{count} {'finding' if count == 1 else 'findings'}; nothing was written")


def _near(path: Path) -> Path:
    """Return a path as it is seen from here, where it is below here."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _plain(text: str) -> str:
    """Return a text in which control characters are spelt out: names and values come from files."""
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def _fail(message: str) -> NoReturn:
    Console(stderr=True, highlight=False, soft_wrap=True).print(Text(message, style="bold red"))
    sys.exit(1)
