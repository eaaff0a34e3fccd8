"""The `codegen` command."""

from __future__ import annotations

import sys
import traceback
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console
from rich.text import Text

from codegen.compat import RULES as COMPAT_RULES
from codegen.compat import compat
from codegen.diff import diff, markdown, nothing, text
from codegen.emit import EmissionError, emit
from codegen.findings import ContractError, Finding
from codegen.lint import RULES, lint
from codegen.loader import READING, load
from codegen.revision import Revision, RevisionError, chosen, load_at, named
from codegen.scaffold import ScaffoldError, scaffold
from codegen.trial import body_of, explain, headers_of
from codegen.write import add, changes, write

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codegen.model import Catalog

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

Contracts = Annotated[Path, typer.Option("--contracts", help="Folder of the contracts.", show_default=True)]
Generated = Annotated[Path, typer.Option("--generated", help="Folder of what is generated.", show_default=True)]
Against = Annotated[
    str,
    typer.Option("--against", metavar="REF", help="A branch, tag or commit.  [default: where this branch left main]"),
]
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
        _list({**READING, **{rule.id: rule.purpose for rule in RULES}})
        return
    _checked(contracts)
    out.print(f"the contracts keep all {len(READING) + len(RULES)} rules")


class Format(Enum):
    """How a report is written."""

    TEXT = "text"
    MARKDOWN = "markdown"


@app.command(name="compat")
def compat_(
    against: Against = "",
    contracts: Contracts = _CONTRACTS,
    *,
    accept: Annotated[
        list[str] | None, typer.Option(metavar="RULE", help="Say what breaks this rule, and do not fail for it.")
    ] = None,
    rules: Annotated[bool, typer.Option("--rules", help="List the rules instead.")] = False,
) -> None:
    """Fail where the contracts break somebody who relies on them as they were at a commit."""
    if rules:
        _list({rule.id: rule.purpose for rule in COMPAT_RULES})
        return
    accepted = frozenset(accept or ())
    unknown = accepted - {rule.id for rule in COMPAT_RULES}
    if unknown:
        _fail(f"there is no rule {', '.join(sorted(unknown))}: `codegen compat --rules` lists them")
    new = _checked(contracts)
    out = Console(highlight=False, soft_wrap=True)
    old, revision = _earlier(contracts, against)
    if old is None:
        why = f"there are no contracts at {revision}" if revision else _NOTHING
        out.print(f"compat: {why}; all is new, and only a record's versions are compared", markup=False)
        old = nothing(new)
    found = compat(old, new)
    allowed = [finding for finding in found if finding.rule in accepted]
    for finding in allowed:
        place = f"{_near(contracts / finding.file)}:{finding.line}"
        out.print(_plain(f"accepted: {place} [{finding.rule}] {finding.message}"), markup=False)
    if len(found) > len(allowed):
        refused = tuple(each for each in found if each.rule not in accepted)
        _report(contracts, refused, f"against {revision}" if revision else "among the versions of records")
    if revision is not None:
        out.print(f"compat: the contracts keep what they promised at {revision}", markup=False)


@app.command(name="diff")
def diff_(
    against: Against = "",
    contracts: Contracts = _CONTRACTS,
    *,
    form: Annotated[Format, typer.Option("--format", help="As text, or as Markdown for a pull request.")] = Format.TEXT,
    output: Annotated[Path | None, typer.Option(help="Write it to this file instead.", dir_okay=False)] = None,
) -> None:
    """Say what has changed since a commit, and all that it touches: topics, tables, columns, models, readers."""
    new = _checked(contracts)
    old, revision = _earlier(contracts, against)
    words = str(revision)
    if old is None:
        old = nothing(new)
        words = f"{revision}, where there were no contracts" if revision else f"nothing ({_NOTHING})"
    write_out = markdown if form is Format.MARKDOWN else text
    report = write_out(diff(old, new), compat(old, new), words)
    if output is None:
        sys.stdout.write(report)
    else:
        output.write_text(report, encoding="utf-8")


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
    found = known[provider]
    said = explain(catalog, found, body_of(found, file), merchant_id, headers_of(found, file))
    Console(highlight=False, soft_wrap=True).print(said)


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
    except Exception as error:  # noqa: BLE001 - the last net: what nobody foresaw still ends in a sentence
        traceback.print_exception(error)
        _fail(
            f"codegen itself failed; nothing was written. {type(error).__name__}: {error}. "
            "It is a defect of codegen, or of a meta schema that lets too much through."
        )


_PAST = {"missing": "wrote", "different": "updated", "stale": "removed"}


_NOTHING = "there is no git here, or no earlier commit, to compare with"


def _list(rules: Mapping[str, str]) -> None:
    """Print ids of rules with their purposes."""
    width = max(map(len, rules)) + 2
    for name, purpose in rules.items():
        Console(highlight=False, soft_wrap=True).print(Text(f"{name:{width}}", style="bold") + Text(purpose))


def _earlier(contracts: Path, against: str) -> tuple[Catalog | None, Revision | None]:
    try:
        revision = named(contracts, against) if against else chosen(contracts)
        return (load_at(contracts, revision) if revision else None), revision
    except RevisionError as error:
        _fail(str(error))


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


def _report(contracts: Path, findings: tuple[Finding, ...], outcome: str = "") -> NoReturn:
    err = Console(stderr=True, highlight=False, soft_wrap=True)
    for finding in findings:
        file = _near(contracts / finding.file)
        place = f"{file}:{finding.line}" if finding.line else str(file)
        err.print(
            Text(_plain(place), style="bold") + Text(f" [{finding.rule}] ", style="red") + Text(_plain(finding.message))
        )
        err.print(Text(f"    → {_plain(finding.hint)}", style="dim"))
    count = len(findings)
    counted = f"{count} {'finding' if count == 1 else 'findings'}"
    _fail(f"{counted} {outcome}" if outcome else f"{counted}; nothing was written")


def _near(path: Path) -> Path:
    """Return a path as it is seen from here, where it is below here."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _plain(text: str) -> str:
    """Return a text in which control characters are spelt out: names and values come from files."""
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def _fail(message: str) -> NoReturn:
    Console(stderr=True, highlight=False, soft_wrap=True).print(Text(message, style="bold red"))
    sys.exit(1)
