"""`payments merchants`: what is agreed with each merchant, who changed it, and when."""

import json
from collections.abc import Sequence
from typing import Annotated, Literal

import typer
from kit.clock import utc_now
from kit.settings import load
from payments_contracts.pins.operations import Merchant
from rich.console import Console

from operations.errors import MerchantError
from operations.merchants.register import Register
from operations.merchants.terms import next_version, read_limits
from operations.printing import listing, print_table
from operations.recovery.options import Actor, Json, actor_of
from operations.settings import DatabaseSettings

app = typer.Typer(
    rich_markup_mode="markdown",
    no_args_is_help=True,
    help="What is agreed with merchants: status, currencies, limits. A change is a version, and none is ever changed. "
    "Exit code 1: there is no such merchant, or the change is refused; 69: the database does not answer.",
)
console = Console()


@app.command("list")
def list_merchants(*, as_json: Json = False) -> None:
    """Show the version of each merchant that holds."""
    _tell(_register().current(), as_json=as_json)


@app.command()
def show(merchant_id: Annotated[str, typer.Argument(help="Id of the merchant.")], *, as_json: Json = False) -> None:
    """Show all versions of a merchant, the newest last."""
    found = _register().versions(merchant_id)
    if not found:
        raise MerchantError(f"No merchant {merchant_id!r} is registered: `payments merchants set` registers one.")
    _tell(found, as_json=as_json)


@app.command("set")
def set_merchant(
    merchant_id: Annotated[str, typer.Argument(help="Id of the merchant, as events name it.")],
    *,
    status: Annotated[
        Literal["active", "suspended", "closed"] | None,
        typer.Option(help="Whether it may take payments; a new merchant is active."),
    ] = None,
    currency: Annotated[
        list[str] | None, typer.Option(help="Allow these ISO 4217 codes alone; may be repeated.")
    ] = None,
    any_currency: Annotated[bool, typer.Option("--any-currency", help="Allow any currency.")] = False,
    limit: Annotated[
        list[str] | None,
        typer.Option(help="Most of one payment in the minor unit: EUR=50000; EUR= takes it away; may be repeated."),
    ] = None,
    note: Annotated[str | None, typer.Option(help="Why, for the record.")] = None,
    actor: Actor = None,
) -> None:
    """Register a merchant, or change what is agreed with it; what is not named stays as it is."""
    if currency and any_currency:
        raise typer.BadParameter("give --currency or --any-currency, not both")
    register = _register()
    versions = register.versions(merchant_id)
    merchant = next_version(
        versions[-1] if versions else None,
        merchant_id,
        status=status,
        currencies=[] if any_currency else currency or None,
        limits=read_limits(limit or ()),
        at=utc_now(),
        by=actor_of(actor),
        note=note,
    )
    if merchant is None:
        console.print(f"{merchant_id}: nothing to change, version {versions[-1].version} says so", highlight=False)
        return
    if not register.add(merchant):
        raise MerchantError(f"Somebody else has just changed {merchant_id}: look at it, and say again what to change.")
    console.print(f"{merchant_id}: version {merchant.version}, {merchant.status}", highlight=False)


def _register() -> Register:
    return Register(load(DatabaseSettings).postgres_dsn)


def _tell(merchants: Sequence[Merchant], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"merchants": [each.model_dump(mode="json") for each in merchants]}, indent=2))
        return
    names = ("merchant", "version", "status", "currencies", "limits (minor unit)", "since", "by", "note")
    table = listing(*names, folded={"currencies", "limits (minor unit)", "note"})
    for each in merchants:
        table.add_row(
            each.merchant_id,
            str(each.version),
            each.status,
            ", ".join(each.allowed_currencies) or "any",
            ", ".join(f"{limit} {code}" for code, limit in each.payment_limits.items()) or "none",
            f"{each.changed_at:%Y-%m-%d %H:%M:%S}",
            each.changed_by,
            each.note or "",
        )
    print_table(table, console)
