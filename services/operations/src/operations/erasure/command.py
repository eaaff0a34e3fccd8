"""`payments erase`."""

import getpass
from typing import Annotated

import typer
from kit.clock import utc_now
from kit.lake import load_catalog
from kit.settings import load
from payments_contracts.maintenance import MAINTAINED
from payments_contracts.providers import PROVIDERS
from rich.console import Console
from rich.table import Table

from operations.erasure.lake import LakeErasure, TrinoStatements
from operations.erasure.remains import remains
from operations.erasure.run import Plan
from operations.erasure.store import DatabaseErasure
from operations.erasure.subject import Counts, Kind, Subject
from operations.errors import ErasureError
from operations.settings import OperationsSettings, ProvidersSettings

_console = Console()


def erase(
    merchant: Annotated[str | None, typer.Option(help="Erase everything of this merchant.")] = None,
    customer: Annotated[
        str | None, typer.Option(help="Erase everything of this customer, by the provider's id.")
    ] = None,
    provider: Annotated[str | None, typer.Option(help="Only where this provider uses the id.")] = None,
    *,
    execute: Annotated[bool, typer.Option("--execute", help="Erase. Without it, rows are counted only.")] = False,
    requested_by: Annotated[
        str | None, typer.Option("--as", help="Who asks for it; the system's user unless told.")
    ] = None,
) -> None:
    """Erase what is stored of a merchant or of a customer, raw bytes included; counts only unless told --execute.

    Looked at are every table of the lake and payment_events of the operational database. What holds data of theirs
    beside these, and until when, is told at the end.
    """
    subject = _subject(merchant, customer, provider)
    settings = load(OperationsSettings)
    if settings.postgres_dsn is None:
        raise ErasureError("POSTGRES_DSN is not set: what is erased has to be recorded in the operational database.")
    statements = TrinoStatements(settings.trino, settings.trino_catalog)
    lake = LakeErasure(statements, load_catalog(settings))
    database = DatabaseErasure(settings.postgres_dsn)
    plan = Plan(subject, lake, database, [table.identifier for table in MAINTAINED])
    counts = plan.counts()
    _print(subject, counts)
    if not execute:
        if any(counts.values()):
            _console.print("Nothing was erased: this was a dry run. To erase it, add --execute.", soft_wrap=True)
        return
    plan.execute(requested_by or getpass.getuser(), tell=_tell)
    _console.print("Erased and recorded. What still holds data of theirs, and until when:", soft_wrap=True)
    providers = load(ProvidersSettings).gateway_providers
    for where, until in remains(subject, utc_now(), providers, unreclaimed=database.unreclaimed):
        _console.print(f"  {where}: {until}", highlight=False, soft_wrap=True)


def _subject(merchant: str | None, customer: str | None, provider: str | None) -> Subject:
    if (merchant is None) == (customer is None):
        raise typer.BadParameter("name either --merchant or --customer")
    if provider is not None and provider not in PROVIDERS:
        raise typer.BadParameter(f"there is no provider {provider!r}; there are {', '.join(PROVIDERS)}")
    found = merchant if merchant is not None else customer
    if not found:
        raise typer.BadParameter("the id is empty")
    return Subject(Kind.CUSTOMER if merchant is None else Kind.MERCHANT, found, provider)


def _print(subject: Subject, counts: Counts) -> None:
    if not any(counts.values()):
        _console.print(f"Nothing is stored of {subject.kind} {subject.id}.", highlight=False, soft_wrap=True)
        return
    table = Table("table", "rows")
    for name, count in counts.items():
        table.add_row(name, str(count))
    _console.print(table)


def _tell(table: str, rows: int) -> None:
    _console.print(f"{table}: {rows} rows erased", highlight=False)
