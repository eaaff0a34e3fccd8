"""The page of Gold, made by its command, and the saved queries behind it, of a build of dbt."""

import re
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from datetime import date
from pathlib import Path

from analytics.maintenance.lake import Lake
from analytics.report.queries import QUERIES, Period
from analytics.report.read import Answers, read
from analytics.settings import ReportSettings

from tests.integration.analytics import within


def make_page(environment: Mapping[str, str], file: Path, since: date, until: date) -> str:
    """Run the command, and return the page."""
    command = [sys.executable, "-m", "analytics.report", "--output", str(file), "--since", str(since)]
    said = subprocess.run(
        [*command, "--until", str(until)], env=environment, check=True, capture_output=True, text=True
    )
    assert said.stdout.startswith(f"{file}: {since} to {until}, ")
    return file.read_text(encoding="utf-8")


def first_numbers(page: str) -> dict[str, str]:
    """Return the numbers that stand above all."""
    return dict(re.findall(r"<dt>(.+)</dt>\s*<dd class=\"value\"><a href=\"#query-\w+\">(.+)</a>", page))


def ask_queries(environment: Mapping[str, str], since: date, until: date) -> Answers:
    """Ask all queries over a period, and before that as they are in the documents."""
    with within(environment):
        settings = ReportSettings()
    suffix = settings.dbt_schema_suffix
    with closing(Lake(settings, statement_seconds=60)) as lake:
        for each in QUERIES:
            text = each.text(settings.dbt_project_dir)
            lake.records(text.replace("gold.", f"gold{suffix}.").replace("silver.", f"silver{suffix}."))
        return read(lake, settings.dbt_project_dir, Period(since, until), suffix)
