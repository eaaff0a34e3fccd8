"""`payments trace`: where an event is, or the events of a payment."""

import json
import sys
from datetime import UTC, datetime
from typing import Annotated

import typer
from kit.clock import utc_now
from kit.lake import load_catalog
from kit.settings import KafkaSettings, LakeSettings, RegistrySettings, TemporalSecuritySettings, load
from payments_contracts.providers import PROVIDERS
from payments_contracts.topics import raw_topic, topics_of
from pydantic import Field, SecretStr
from rich.console import Console

from operations.recovery.filters import instant
from operations.settings import ProvidersSettings
from operations.trace.hops import follow
from operations.trace.ids import checked
from operations.trace.look import Tracer
from operations.trace.ports import Servers
from operations.trace.records import open_records
from operations.trace.report import as_object, print_away, print_trace
from operations.trace.rows import open_rows
from operations.trace.tables import EventTables
from operations.trace.workflows import EventWorkflows

app = typer.Typer(rich_markup_mode="markdown", no_args_is_help=True)
_UNAVAILABLE = 69
"""EX_UNAVAILABLE of sysexits.h."""


class TraceSettings(KafkaSettings, RegistrySettings, LakeSettings, TemporalSecuritySettings):
    """Addresses of the servers; the operational database and Temporal count as away where theirs are not set."""

    postgres_dsn: SecretStr | None = Field(default=None, description="Of a role that may read.")
    temporal_http_url: str | None = Field(default=None, pattern=r"^https?://")
    temporal_namespace: str = "payments"
    dbt_schema_suffix: str = Field(default="", pattern=r"^\w*$", description="As dbt has it.")
    normalizer_group_id: str = Field(default="normalizer", min_length=1)
    consumer_group: str = Field(default="orchestrator", min_length=1)


@app.callback()
def _commands() -> None:
    """Show where an event is."""


@app.command()
def trace(
    wanted: Annotated[str, typer.Argument(metavar="ID", help="An event id, a provider's event id, or a payment id.")],
    *,
    since: Annotated[
        str | None,
        typer.Option(help="How far back to search for an id that is only in the archive: 2026-11-24, or 36h, 7d ago."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="Most events of a payment to follow: the newest.")] = 10,
    patience: Annotated[float, typer.Option(min=0.1, help="Seconds that a part may take to answer.")] = 5.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, for machines.")] = False,
) -> None:
    """Show each hop of an event, or of the events of a payment, and where it stopped if it did.

    A part that does not answer is shown as away, and all others still tell what they know. Exit code 1: the id was
    not found; it says where it was looked for. 69: it was not found, and a part was away.
    """
    try:
        wanted = checked(wanted)
        earliest = None if since is None else instant(since, datetime.now(UTC))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    settings = load(TraceSettings)
    look = Tracer(servers(settings), utc_now, patience).look(wanted, limit=limit, since=earliest)
    traces = [follow(facts, utc_now()) for facts in look.found]
    if as_json:
        sys.stdout.write(json.dumps(as_object(traces, look.away, look.looked), indent=2) + "\n")
    else:
        console = Console()
        for index, each in enumerate(traces):
            if index:
                console.print()
            print_trace(each, console)
        if look.more:
            console.print(f"the newest {limit} events; there may be more: see --limit", highlight=False)
        print_away(look.away, console)
        if not traces:
            console.print(f"{wanted} was not found. Looked for it in", highlight=False, markup=False, soft_wrap=True)
            for place in look.looked:
                console.print(f"  {place}", highlight=False, markup=False, soft_wrap=True)
            if since is None:
                console.print("--since looks further back, as with --since 7d", highlight=False)
    if not traces:
        raise typer.Exit(_UNAVAILABLE if look.away else 1)


def servers(settings: TraceSettings) -> Servers:
    """Return how each part is opened."""
    dsn, url = settings.postgres_dsn, settings.temporal_http_url

    present = {topic.name for topic in topics_of(ProvidersSettings().gateway_providers)}
    return Servers(
        rows=None if dsn is None else lambda: open_rows(dsn),
        workflows=None
        if url is None
        else lambda: EventWorkflows(settings.temporal_http(url), settings.temporal_namespace),
        records=lambda: open_records(settings.kafka, settings.registry),
        tables=EventTables(lambda: load_catalog(settings), settings.dbt_schema_suffix),
        providers=[name for name in sorted(PROVIDERS) if raw_topic(name).name in present],
        normalizer_group=settings.normalizer_group_id,
        consumer_group=settings.consumer_group,
    )
