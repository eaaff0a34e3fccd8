"""The `codegen` command."""

from __future__ import annotations

import os
import sys
import time
import traceback
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from codegen.amend import declare, examples, scaffold_provider
from codegen.compat import RULES as COMPAT_RULES
from codegen.compat import compat
from codegen.diff import diff, markdown, nothing, text
from codegen.emit import EmissionError, emit
from codegen.findings import ContractError, Finding
from codegen.lint import RULES, lint
from codegen.loader import READING, load
from codegen.opening import CONTRACTS, Contracts, checked, loaded, provider_of
from codegen.released import edited
from codegen.report import Form, changes_as, fail, near, refuse, report
from codegen.revision import Revision, RevisionError, UntoldError, chosen, load_at, named
from codegen.suggestion import meant
from codegen.trial import as_example, example_in, explain, owner_of
from codegen.write import changes, write

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from codegen.model import Catalog

app = typer.Typer(
    rich_markup_mode="markdown", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)

Generated = Annotated[Path, typer.Option("--generated", help="Folder of what is generated.", show_default=True)]
Against = Annotated[
    str,
    typer.Option(
        "--against", "--base", metavar="REF", help="A branch, tag or commit.  [default: main as it is pushed]"
    ),
]
Written = Annotated[
    Form,
    typer.Option("--format", help="As text, as JSON, or as annotations of GitHub Actions (the latter two to stdout)."),
]
_GENERATED = Path("generated")


@app.command()
def generate(contracts: Contracts = CONTRACTS, generated: Generated = _GENERATED) -> None:
    """Derive everything from the contracts: all files, or none where a contract is wrong."""
    done = write(generated, emit(checked(contracts)))
    out = Console(highlight=False, soft_wrap=True)
    for change in done:
        out.print(f"{_PAST[change.what]} {near(generated / change.path)}", markup=False)
    out.print(f"{len(done)} files changed" if done else "nothing changed")


@app.command()
def drift(contracts: Contracts = CONTRACTS, generated: Generated = _GENERATED, form: Written = Form.TEXT) -> None:
    """Fail where a generated file is not what the contracts say."""
    found = changes(generated, emit(checked(contracts, form)))
    if form is Form.TEXT:
        err = Console(stderr=True, highlight=False, soft_wrap=True)
        for change in found:
            err.print(f"{near(generated / change.path)}: {change.what}", markup=False)
    else:
        hint = "run `make codegen` and commit the result"
        report(form, generated, [Finding(each.path, 0, "drift", f"the file is {each.what}", hint) for each in found])
    if found:
        fail("the generated files and the contracts differ: run `make codegen` and commit the result")
    if form is Form.TEXT:
        Console().print("generated files and contracts agree")


@app.command(name="lint")
def lint_(
    contracts: Contracts = CONTRACTS,
    *,
    form: Written = Form.TEXT,
    rules: Annotated[bool, typer.Option("--rules", help="List the rules instead.")] = False,
) -> None:
    """Check the contracts: names, docs, closed folders, paths, types, lookups, examples; all findings at once."""
    if rules:
        _list({**READING, **{rule.id: rule.purpose for rule in RULES}})
        return
    checked(contracts, form)
    if form is Form.TEXT:
        Console(highlight=False).print(f"the contracts keep all {len(READING) + len(RULES)} rules")
    else:
        report(form, contracts, ())


class Format(Enum):
    """How a report is written."""

    TEXT = "text"
    MARKDOWN = "markdown"
    JSON = "json"
    GITHUB = "github"


@app.command(name="compat")
def compat_(
    against: Against = "",
    contracts: Contracts = CONTRACTS,
    *,
    form: Written = Form.TEXT,
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
        known = [rule.id for rule in COMPAT_RULES]
        named = ", ".join(f"{each}{meant(each, known)}" for each in sorted(unknown))
        fail(f"there is no rule {named}: `codegen compat --rules` lists them")
    old, revision = _earlier(contracts, against, form)
    new = _compared(contracts, old, form)
    out = Console(highlight=False, soft_wrap=True)
    if old is None:
        why = f"there are no contracts at {revision}" if revision else _NOTHING
        if form is Form.TEXT:
            out.print(f"compat: {why}; all is new, and only a record's versions are compared", markup=False)
        old = nothing(new)
    found = compat(old, new)
    refused = [each for each in found if each.rule not in accepted]
    allowed = [each for each in found if each.rule in accepted]
    report(form, contracts, refused, allowed, f"against {revision}" if revision else "among the versions of records")
    if revision is not None and form is Form.TEXT:
        out.print(f"compat: the contracts keep what they promised at {revision}", markup=False)


@app.command(name="diff")
def diff_(
    against: Against = "",
    contracts: Contracts = CONTRACTS,
    *,
    form: Annotated[
        Format, typer.Option("--format", help="For a terminal, a pull request, a program, or GitHub Actions.")
    ] = Format.TEXT,
    output: Annotated[Path | None, typer.Option(help="Write it to this file instead.", dir_okay=False)] = None,
) -> None:
    """Say what has changed since a commit, and all that it touches: topics, tables, columns, models, readers."""
    plain_form = Form(form.value) if form in {Format.JSON, Format.GITHUB} else Form.TEXT
    old, revision = _earlier(contracts, against, plain_form)
    new = _compared(contracts, old, plain_form)
    words = str(revision)
    if old is None:
        old = nothing(new)
        words = f"{revision}, where there were no contracts" if revision else f"nothing ({_NOTHING})"
    changed, broken = diff(old, new), compat(old, new)
    match form:
        case Format.TEXT:
            written = text(changed, broken, words)
        case Format.MARKDOWN:
            written = markdown(changed, broken, words)
        case Format.JSON | Format.GITHUB:
            written = changes_as(plain_form, contracts, changed, broken, words)
    if output is None:
        sys.stdout.write(written)
    else:
        output.write_text(written, encoding="utf-8")


class Shown(Enum):
    """How `try` shows what becomes of a webhook."""

    TEXT = "text"
    YAML = "yaml"


@app.command(name="try")
def try_(  # noqa: PLR0917 - arguments and options
    provider: Annotated[str, typer.Argument(help="A folder of contracts/providers.")],
    file: Annotated[
        Path, typer.Argument(help="A webhook's body, or an example of the contracts.", exists=True, dir_okay=False)
    ],
    contracts: Contracts = CONTRACTS,
    merchant_id: Annotated[str, typer.Option(help="Merchant of the endpoint's secret.")] = "merch_local",
    form: Annotated[Shown, typer.Option("--format", help="In words, or as an example has it.")] = Shown.TEXT,
    header: Annotated[
        list[str] | None, typer.Option(metavar="NAME:VALUE", help="A header that comes with the body.")
    ] = None,
) -> None:
    """Say what would become of a webhook, and which line of the contracts decides it.

    An example of the contracts has its headers with it.
    """
    catalog = loaded(contracts)
    chosen_one = provider_of(catalog, provider)
    owner = owner_of(catalog, file)
    if owner not in {None, provider}:
        fail(f"{near(file)} is an example of {owner}, not of {provider}: `codegen try {owner} {near(file)}`")
    example = example_in(chosen_one, file) if file.suffix == ".yaml" else None
    body = file.read_bytes() if example is None else example.body
    headers = {**(example.headers if example else {}), **_headers(header or ())}
    if form is Shown.YAML:
        received_at = example.received_at if example else None
        sys.stdout.write(as_example(catalog, chosen_one, body, merchant_id, headers, received_at))
        return
    # An example of the contracts is of any age; a body is asked about as if it were sent now.
    now = None if file.suffix == ".yaml" else time.time_ns() // 1_000_000
    Console(highlight=False, soft_wrap=True).print(explain(catalog, chosen_one, body, merchant_id, headers, now=now))


def _headers(given: Sequence[str]) -> dict[str, str]:
    """Return headers by their names in small letters, which is how an envelope looks for them."""
    found = dict(each.partition(":")[::2] for each in given)
    wrong = next((name for name, value in found.items() if not name.strip() or not value.strip()), None)
    if wrong is not None:
        fail(f"{wrong!r} is not a header: write NAME:VALUE")
    return {name.strip().lower(): value.strip() for name, value in found.items()}


app.command()(examples)
app.command()(declare)
app.command(name="scaffold-provider")(scaffold_provider)


def main() -> None:
    """Run the command; every expected error is one clear message and exit code 1."""
    try:
        app()
    except SystemExit as left:
        folder = next((each for each in sys.argv[2:] if Path(each).is_dir()), None)
        if left.code == _USAGE and folder is not None and "--contracts" not in sys.argv:
            fail(f"the folder of the contracts is an option: did you mean --contracts {folder}?")
        raise
    except OSError as error:
        fail(f"{near(Path(error.filename)) if error.filename else 'a file'}: {error.strerror or error}")
    except EmissionError as error:
        # The cause is for whoever mends codegen; the sentence after it for everybody.
        traceback.print_exception(error.__cause__ or error)
        fail(f"codegen itself failed; nothing was written. Mend the emitter, not generated/. {error}")
    except Exception as error:  # noqa: BLE001 - the last net: what nobody foresaw still ends in a sentence
        traceback.print_exception(error)
        fail(
            f"codegen itself failed; nothing was written. {type(error).__name__}: {error}. "
            "It is a defect of codegen, or of a meta schema that lets too much through."
        )


# What typer ends with where it does not know an argument.
_USAGE = 2
_PAST = {"missing": "wrote", "different": "updated", "stale": "removed"}


# The code of a comparison that could not be made, since nothing tells what to compare with.
_UNTOLD = 2
_NOTHING = "there is no git here, or no earlier commit, to compare with"


def _list(rules: Mapping[str, str]) -> None:
    """Print ids of rules with their purposes."""
    width = max(map(len, rules)) + 2
    for name, purpose in rules.items():
        Console(highlight=False, soft_wrap=True).print(Text(f"{name:{width}}", style="bold") + Text(purpose))


def _earlier(contracts: Path, against: str, form: Form) -> tuple[Catalog | None, Revision | None]:
    try:
        event = os.environ.get("GITHUB_EVENT_PATH")
        revision = named(contracts, against) if against else chosen(contracts, Path(event) if event else None)
        return (load_at(contracts, revision) if revision else None), revision
    except UntoldError as error:
        refuse(form, str(error), _UNTOLD)
    except RevisionError as error:
        refuse(form, str(error), 1)


def _compared(contracts: Path, old: Catalog | None, form: Form) -> Catalog:
    """Return the contracts as they are; where they are wrong, edits of released versions are told first."""
    try:
        catalog = load(contracts)
    except ContractError as error:
        report(form, contracts, (*(edited(old, None, contracts) if old else ()), *error.findings))
        raise
    if findings := lint(catalog):
        report(form, contracts, (*(edited(old, catalog, contracts) if old else ()), *findings))
    return catalog
