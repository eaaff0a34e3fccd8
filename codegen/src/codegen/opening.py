"""Opens the contracts for a command, which ends with their findings where they are wrong."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from codegen.findings import ContractError
from codegen.lint import lint
from codegen.loader import load
from codegen.report import Form, fail, report
from codegen.suggestion import meant

if TYPE_CHECKING:
    from codegen.model import Catalog, Provider

Contracts = Annotated[Path, typer.Option("--contracts", help="Folder of the contracts.", show_default=True)]
CONTRACTS = Path("contracts")


def loaded(contracts: Path, form: Form = Form.TEXT) -> Catalog:
    """Return the contracts, which may break rules of lint."""
    try:
        return load(contracts)
    except ContractError as error:
        report(form, contracts, error.findings)
        raise


def checked(contracts: Path, form: Form = Form.TEXT) -> Catalog:
    """Return the contracts, which keep all rules."""
    catalog = loaded(contracts, form)
    if findings := lint(catalog):
        report(form, contracts, findings)
    return catalog


def provider_of(catalog: Catalog, name: str) -> Provider:
    """Return a provider by its name."""
    known = {each.name: each for each in catalog.providers}
    if name not in known:
        others = ", ".join(sorted(known)) or "none"
        fail(f"there is no provider {name!r}{meant(name, known)}; the contracts have {others}")
    return known[name]
