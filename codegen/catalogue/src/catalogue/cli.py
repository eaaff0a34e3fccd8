"""The `catalogue` command."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from codegen.findings import ContractError
from codegen.lint import lint
from codegen.loader import load
from codegen.write import write

from catalogue.links import dead_links
from catalogue.pages import pages

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def build(
    contracts: Annotated[Path, typer.Option(help="Folder of the contracts.")] = Path("contracts"),
    output: Annotated[Path, typer.Option(help="Folder of the site; what else is in it goes.")] = Path("generated/docs"),
) -> None:
    """Build the contract catalogue; nothing is written where a contract is wrong or a link is dead."""
    try:
        catalog = load(contracts)
    except ContractError as error:
        _fail(*map(str, error.findings), f"the catalogue was not built: `codegen lint` says more of {contracts}")
    findings = lint(catalog)
    if findings:
        _fail(*map(str, findings), f"the catalogue was not built: `codegen lint` says more of {contracts}")
    files = tuple(pages(catalog))
    dead = dead_links(files)
    if dead:
        _fail(
            *(f"{path}: the link {target!r} leads nowhere" for path, target in dead),
            "the catalogue was not built: mend the page's template in codegen/catalogue",
        )
    changed = write(output, files)
    typer.echo(f"{output / 'index.html'}: {len(files)} files, {len(changed) or 'none'} of them new or changed")


def main() -> None:
    """Run the command; a file that cannot be read or written is one clear message and exit code 1."""
    try:
        app()
    except OSError as error:
        _fail(f"{error.filename or 'a file'}: {error.strerror or error}")


def _fail(*lines: str) -> NoReturn:
    for line in lines:
        typer.echo(line, err=True)
    sys.exit(1)
