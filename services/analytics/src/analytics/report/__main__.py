"""Writes the page: `python -m analytics.report`, with the environment of the stack (`make report`)."""

import os
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from kit.errors import PipelineError, Transient
from kit.settings import load

from analytics.maintenance.lake import Lake
from analytics.report.queries import Period
from analytics.report.read import read
from analytics.report.render import render
from analytics.settings import ReportSettings

_STATEMENT_SECONDS = 300
_DAY = ["%Y-%m-%d"]

app = typer.Typer(rich_markup_mode="markdown", add_completion=False, pretty_exceptions_enable=False)


@app.command()
def report(
    output: Annotated[Path, typer.Option(help="The file to write.")] = Path("build/report/index.html"),
    since: Annotated[datetime | None, typer.Option(formats=_DAY, help="First day, in UTC; 90 days unless set.")] = None,
    until: Annotated[datetime | None, typer.Option(formats=_DAY, help="Last day, in UTC; today unless set.")] = None,
) -> None:
    """Write a page of Gold: volume, success, declines, recovery, health and quarantine, with their queries."""
    settings = load(ReportSettings)
    now = datetime.now(UTC)
    try:
        period = Period.until_day((until or now).date(), since.date() if since else None)
        with closing(Lake(settings, statement_seconds=_STATEMENT_SECONDS, source="report")) as lake:
            page = render(read(lake, settings.dbt_project_dir, period, settings.dbt_schema_suffix), now)
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(page, encoding="utf-8")
    except PipelineError as error:
        typer.echo(f"the report was not written: {error}", err=True)
        sys.exit(os.EX_UNAVAILABLE if isinstance(error, Transient) else 1)
    except OSError as error:
        typer.echo(f"the report was not written: {error.filename}: {error.strerror}", err=True)
        sys.exit(1)
    typer.echo(f"{output}: {period.since} to {period.until}, {len(page.encode()) // 1000} kB; open it in a browser")


if __name__ == "__main__":
    app()
