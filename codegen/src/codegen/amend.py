"""The commands that write into contracts: what follows from what stands there already."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from codegen.declaration import DeclarationError
from codegen.declaration import declare as declaration_of
from codegen.lint import RULES, lint
from codegen.opening import CONTRACTS, Contracts, checked, loaded, provider_of
from codegen.report import Form, fail, near, report
from codegen.scaffold import ScaffoldError, scaffold
from codegen.trial import outdated
from codegen.write import add

if TYPE_CHECKING:
    from collections.abc import Sequence


def examples(
    provider: Annotated[str, typer.Argument(help="Only this provider's.")] = "",
    contracts: Contracts = CONTRACTS,
    *,
    update: Annotated[bool, typer.Option("--update", help="Write what each example has to expect.")] = False,
) -> None:
    """Say which examples expect something else than becomes of them, or write into them what does.

    Comments and order stay. An example of which something else becomes than its `outcome` says is left as it is.
    """
    catalog = loaded(contracts)
    chosen_ones = (provider_of(catalog, provider),) if provider else catalog.providers
    needs = next(rule.needs for rule in RULES if rule.id == "example")
    findings = tuple(each for each in lint(catalog) if each.rule in needs)
    if findings:
        report(Form.TEXT, contracts, findings)
    out = Console(highlight=False, soft_wrap=True)
    stale, others = outdated(catalog, chosen_ones)
    for example, content in stale:
        if update:
            (contracts / example.source.path).write_text(content, encoding="utf-8")
        out.print(f"{'updated' if update else 'differs:'} {near(contracts / example.source.path)}", markup=False)
    for example, outcome in others:
        path = near(contracts / example.source.path)
        out.print(f"{path}: it says {example.kind}, and would be {outcome}; correct it by hand", markup=False)
    unwritten = [] if update else [f"{_counted(stale)} to be updated: `codegen examples --update` does it"]
    told = [*(unwritten if stale else ()), *([f"{_counted(others)} to be corrected by hand"] if others else ())]
    if told:
        fail("; ".join(told))
    if not stale:
        out.print("every example expects what becomes of it")


def scaffold_provider(
    name: Annotated[str, typer.Argument(help="Name of the new provider: letters from a to z.", metavar="NAME")],
    contracts: Contracts = CONTRACTS,
) -> None:
    """Begin a new provider: its folder and raw topic, with a TODO for each fact that is still missing.

    `codegen lint` then lists every TODO, with file, line and where to find the fact. Replace them one by one; when the
    last is gone it checks the rest. All files are written or none; nothing that is there is touched.
    """
    try:
        files = scaffold(checked(contracts), name)
    except ScaffoldError as error:
        fail(f"{error}; nothing was written")
    add(contracts, files)
    out = Console(highlight=False, soft_wrap=True)
    for file in files:
        out.print(f"wrote {near(contracts / file.path)}", markup=False)
    out.print("next: `codegen lint` lists what is still to be written")


def declare(
    provider: Annotated[str, typer.Argument(help="A folder of contracts/providers.")],
    path: Annotated[str, typer.Argument(help="A path that its mapping takes, as the finding of lint names it.")],
    contracts: Contracts = CONTRACTS,
) -> None:
    """Declare a path that a mapping takes in the provider's payload contract.

    Its type is that of the examples that have it, else what the mapping takes; its description is that of the field
    that it fills. Look at both: the provider's documentation may say more.
    """
    catalog = loaded(contracts)
    chosen = provider_of(catalog, provider)
    try:
        content, done = declaration_of(catalog, chosen, path)
    except DeclarationError as error:
        fail(f"{error}; nothing was written")
    file = contracts / chosen.payload.source.path
    file.write_text(content, encoding="utf-8")
    out = Console(highlight=False, soft_wrap=True)
    for each in done:
        out.print(f"updated {near(file)}, for {each.schema}: {each.line}", markup=False)
    out.print("next: look whether the provider says more of it, and whether it is personal data", markup=False)


def _counted(examples: Sequence[object]) -> str:
    return f"{len(examples)} {'example' if len(examples) == 1 else 'examples'}"
