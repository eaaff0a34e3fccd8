"""The saved queries of the page: files of Trino's SQL that run as they are, over the last 90 days."""

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final, Generic, TypeVar

from analytics.errors import AnalyticsError
from analytics.report import rows

R = TypeVar("R", bound=rows.Row)

# How the files name the first and the last day of the period.
_SINCE: Final = "current_date - interval '89' day"
_UNTIL: Final = "current_date"
_LAYERS: Final = ("gold.", "silver.")
QUERIES_FOLDER: Final = "queries"
"""In the dbt project, where names of tables belong."""


@dataclass(frozen=True)
class Period:
    """Days in UTC, the first and the last of them included.

    Raises:
        AnalyticsError: It ends before it begins.
    """

    since: date
    until: date

    def __post_init__(self) -> None:
        if self.since > self.until:
            raise AnalyticsError(f"The period ends before it begins: {self.since} is after {self.until}.")

    @classmethod
    def until_day(cls, until: date, since: date | None = None) -> "Period":
        """The period from a day on, or the 90 days that end with `until`."""
        return cls(since or until - timedelta(days=89), until)


@dataclass(frozen=True)
class Query(Generic[R]):
    """A saved query, and the class of its rows."""

    name: str
    title: str
    row: type[R]

    def text(self, project: Path) -> str:
        """The file as it is, in a dbt project.

        Raises:
            AnalyticsError: There is no such file.
        """
        file = project / QUERIES_FOLDER / f"{self.name}.sql"
        try:
            return file.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise AnalyticsError(f"There is no {file}: set DBT_PROJECT_DIR to the folder of dbt_project.yml.") from None

    def bound(self, project: Path, period: Period, suffix: str = "") -> str:
        """The text over a period, of the schemas with a suffix (`DBT_SCHEMA_SUFFIX`)."""
        text = self.text(project).replace(_SINCE, f"date '{period.since}'").replace(_UNTIL, f"date '{period.until}'")
        for layer in _LAYERS:
            text = text.replace(f" {layer}", f" {layer[:-1]}{suffix}.")
        return text


VOLUME: Final = Query("volume", "Volume", rows.Volume)
SUCCESS: Final = Query("success", "Success rate", rows.Success)
DECLINES: Final = Query("declines", "Declines by category", rows.Decline)
RECOVERY: Final = Query("recovery", "Recovery funnel", rows.Recovery)
HEALTH: Final = Query("health", "Merchants with the lowest scores", rows.Health)
BANDS: Final = Query("bands", "Merchants by month and band", rows.Bands)
QUARANTINE: Final = Query("quarantine", "Quarantine", rows.Quarantine)
QUERIES: Final[tuple[Query[rows.Row], ...]] = (VOLUME, SUCCESS, DECLINES, RECOVERY, HEALTH, BANDS, QUARANTINE)  # type: ignore[assignment]  # a query of more special rows only ever yields them


def document(project: Path) -> str:
    """Return docs/queries.md: every saved query, as it runs in Trino."""
    parts = [
        "# Saved queries\n",
        "What `make report` shows, and a start for questions of your own. Each query runs as it is in Trino, with the",
        "catalog `lake`, over the last 90 days; the page has them with the days of its own period. Amounts are in the",
        "major unit of their row's currency, and two currencies are never added. What a column means is in the",
        "contract catalogue (`make catalogue`).\n",
        "The files are in `dbt/queries`; this page is written from them:",
        "`UPDATE_QUERIES=1 .venv/bin/python -m pytest services/analytics/tests/test_report_queries.py`.\n",
    ]
    for query in QUERIES:
        parts += [f"## {query.title}\n", "```sql", query.text(project).rstrip(), "```\n"]
    return "\n".join(parts).rstrip() + "\n"
