"""The `payments` command."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import stamina
import typer
from confluent_kafka.admin import AdminClient
from kit.connection import kafka_options
from kit.errors import Transient
from kit.kafka.errorlog import ErrorLog
from kit.lake import load_catalog
from kit.settings import KafkaSettings, RegistrySettings, load
from payments_contracts import database as contracts
from payments_contracts.tables import TABLES
from payments_contracts.topics import TOPICS, topics_of
from rich.console import Console

from operations.assembly import open_census
from operations.audit import command as audit
from operations.console.command import console as show_console
from operations.dagster import find_observations, launch, wait
from operations.database import apply_database, plan_database
from operations.erasure.command import erase
from operations.ledger import read_ledger
from operations.maintenance import describe
from operations.merchants import command as merchants
from operations.peek.command import peek
from operations.program import run
from operations.reconciliation import first_loss
from operations.records import Undecodable
from operations.recovery import quarantine
from operations.recovery.replay import replay
from operations.registry import SchemaRegistry
from operations.report import print_undecodable, print_verdict
from operations.schemas import find_drift, register_schemas, subject_of
from operations.settings import DatabaseSettings, OperationsSettings, ProvidersSettings
from operations.sizing.command import sizing
from operations.tables import apply_tables
from operations.topics import Change, apply_topics
from operations.trace.command import trace
from operations.verification import verify_run
from operations.warmup import warm_up
from operations.watch.command import watch

app = typer.Typer(
    rich_markup_mode="markdown", no_args_is_help=True, help="Deploy the contracts, and look into the pipeline."
)
topics_app = typer.Typer(rich_markup_mode="markdown", no_args_is_help=True, help="Topics of the contracts.")
schemas_app = typer.Typer(rich_markup_mode="markdown", no_args_is_help=True, help="Schemas of the contracts.")
tables_app = typer.Typer(rich_markup_mode="markdown", no_args_is_help=True, help="Tables of the contracts.")
database_app = typer.Typer(
    rich_markup_mode="markdown", no_args_is_help=True, help="The operational database of the contracts."
)
app.add_typer(topics_app, name="topics")
app.add_typer(schemas_app, name="schemas")
app.add_typer(tables_app, name="tables")
app.add_typer(database_app, name="database")
app.add_typer(quarantine.app, name="quarantine")
app.command()(replay)
app.command()(erase)
app.command()(trace)
app.command()(sizing)
app.command()(peek)
app.command()(watch)
app.command("console")(show_console)
app.add_typer(audit.app, name="audit")
app.add_typer(merchants.app, name="merchants")
console = Console()

_REFRESH_TIMEOUT_SECONDS = 600.0
_PATIENCE_SECONDS = 90.0


@topics_app.command("apply")
def topics_apply() -> None:
    """Create missing topics and bring settings to the contracts; safe to run again.

    Of topics that are there it sets retention, segments, cleanup policy, the largest message and how many copies have
    to be in sync. Partitions and copies stay as they are; it says where a contract asks for others.
    """
    settings = load(OperationsSettings)
    errors = ErrorLog("payments-operations")
    options: dict[str, Any] = {**kafka_options(settings.kafka), "log_level": 2, "error_cb": errors.note}
    admin = AdminClient(options)
    topics = topics_of(load(ProvidersSettings).gateway_providers)
    _print(apply_topics(admin, topics, settings.topics_most_replicas, errors.explain))


@topics_app.command("warm-up")
def topics_warm_up() -> None:
    """Let brokers that have just started compile their code before the first webhook comes."""
    count = warm_up(load(KafkaSettings).kafka)
    typer.echo(f"{count} records written to a topic of their own and deleted")


@schemas_app.command("register")
def schemas_register() -> None:
    """Set compatibility levels and register every version of every record, in order; safe to run again.

    Exits with 1 and changes nothing when the registry holds something else under a version.
    """
    with SchemaRegistry(load(RegistrySettings).registry) as registry:
        _print(register_schemas(registry, [subject_of(topic) for topic in TOPICS]))


@schemas_app.command("check")
def schemas_check(
    *, as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, for machines.")] = False
) -> None:
    """Tell where the registry and the contracts disagree; changes nothing, exits with 1 when they do."""
    with SchemaRegistry(load(RegistrySettings).registry) as registry:
        subjects = [subject_of(topic) for topic in TOPICS]
        drift = find_drift(registry, subjects)
        if as_json:
            found = [asdict(each) for each in drift]
            typer.echo(json.dumps({"registry": registry.url, "agrees": not drift, "drift": found}, indent=2))
        elif drift:
            for each in drift:
                typer.echo(str(each), err=True)
        else:
            count = sum(len(subject.schemas) for subject in subjects)
            typer.echo(f"the registry and the contracts agree: {len(subjects)} subjects, {count} versions")
    if drift:
        raise typer.Exit(1)


@tables_app.command("apply")
def tables_apply() -> None:
    """Create missing tables and compare the others with the contracts; safe to run again."""
    connect = stamina.retry(on=Transient, attempts=None, timeout=_PATIENCE_SECONDS)(load_catalog)
    _print(apply_tables(connect(load(OperationsSettings)), TABLES))


@database_app.command("apply")
def database_apply(
    *, dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the statements and run none.")] = False
) -> None:
    """Create missing tables of the operational database and add what the others lack; safe to run again."""
    dsn = load(DatabaseSettings).postgres_dsn
    if dry_run:
        for statement in plan_database(dsn, contracts.TABLES):
            typer.echo(f"{statement.text};")
    else:
        _print(apply_database(dsn, contracts.TABLES))


@app.command()
def verify(
    ledger: Annotated[Path, typer.Option(help="Ledger that `simulator send` wrote.")],
    refresh: Annotated[bool, typer.Option(help="Let Dagster build Silver and Gold first.")] = False,  # noqa: FBT002  # an option of a command line
    patience: Annotated[float, typer.Option(help="Seconds that a hop may stand still before it is given up.")] = 60,
) -> None:
    """Follow a run to Gold and balance every hop; exits with 1 and names the hop when a count or an amount differs.

    Amounts are compared by currency: of events at each hop, and of payments (received, given back, disputed, reversed,
    fees, net) in Silver and Gold.
    """
    settings = load(OperationsSettings)
    entries = read_ledger(ledger)
    since = min(entry.sent_at for entry in entries) - timedelta(minutes=1)
    dagster = settings.dagster_url

    def build() -> None:
        wait(dagster, launch(dagster, "refresh"), _REFRESH_TIMEOUT_SECONDS)

    undecodable = Undecodable()
    with open_census(settings, entries, since, undecodable) as census:
        verdict = verify_run(entries, census, build if refresh else None, patience, console)
    print_verdict(verdict, console)
    print_undecodable(undecodable, console)
    if first_loss(verdict.hops):
        raise typer.Exit(1)


@app.command()
def build(
    job: Annotated[
        str, typer.Argument(help="refresh builds all, silver and gold a layer each, rebuild makes all of it anew.")
    ] = "refresh",
    patience: Annotated[float, typer.Option(help="Seconds to wait; the run goes on after them.")] = 900,
) -> None:
    """Let Dagster build Silver and Gold from what Bronze has, now and not at the next hour.

    Exits with 1 and names the step when one failed.
    """
    dagster = load(OperationsSettings).dagster_url
    run_id = launch(dagster, job)
    console.print(f"waiting for the run {dagster}/runs/{run_id}", highlight=False, soft_wrap=True)
    wait(dagster, run_id, patience)
    console.print(f"{job}: done")


@app.command()
def maintain(
    job: Annotated[str, typer.Option(help="One of Dagster's jobs of maintenance; all of it unless said.")] = "maintain",
    patience: Annotated[float, typer.Option(help="Seconds to wait; the run goes on after them.")] = 3600,
) -> None:
    """Merge files and manifests, expire snapshots and remove orphan files of every table of the lake, now.

    Prints each table's figures before and after; exits with 1 and names the step when one failed.
    """
    dagster = load(OperationsSettings).dagster_url
    run_id = launch(dagster, job)
    try:
        wait(dagster, run_id, patience)
    finally:
        for each in find_observations(dagster, run_id):
            console.print(describe(each), highlight=False, soft_wrap=True)


def _print(changes: Iterable[Change]) -> None:
    for change in changes:
        console.print(f"{change.name}: {change.action} {change.detail}".rstrip(), highlight=False)


def main() -> None:
    """Run the command, whichever it is."""
    run(app)


if __name__ == "__main__":
    main()
