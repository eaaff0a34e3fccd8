"""The saved queries of the page: files of Trino's SQL that run as they are, over the last 90 days."""

from dataclasses import dataclass
from datetime import date, timedelta
from importlib.resources import files
from typing import Final, Generic, TypeVar

from analytics.errors import AnalyticsError
from analytics.report import rows

R = TypeVar("R", bound=rows.Row)

# How the files name the first and the last day of the period.
_SINCE: Final = "current_date - interval '89' day"
_UNTIL: Final = "current_date"
_LAYERS: Final = ("gold.", "silver.")
_FILES = files("analytics.report") / "queries"


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

    @property
    def text(self) -> str:
        """The file as it is."""
        return (_FILES / f"{self.name}.sql").read_text(encoding="utf-8")

    def bound(self, period: Period, suffix: str = "") -> str:
        """The text over a period, of the schemas with a suffix (`DBT_SCHEMA_SUFFIX`)."""
        text = self.text.replace(_SINCE, f"date '{period.since}'").replace(_UNTIL, f"date '{period.until}'")
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


def document() -> str:
    """Return docs/queries.md: every saved query, as it runs in Trino."""
    parts = [
        "# Saved queries\n",
        "What `make report` shows, and a start for questions of your own. Each query runs as it is in Trino, with the",
        "catalog `lake`, over the last 90 days; the page has them with the days of its own period. Amounts are in the",
        "major unit of their row's currency, and two currencies are never added. What a column means is in the",
        "contract catalogue (`make catalogue`).\n",
        "The files are in `services/analytics/src/analytics/report/queries`; this page is written from them:",
        "`UPDATE_QUERIES=1 .venv/bin/python -m pytest services/analytics/tests/test_report_queries.py`.\n",
    ]
    for query in QUERIES:
        parts += [f"## {query.title}\n", "```sql", query.text.rstrip(), "```\n"]
    return "\n".join(parts).rstrip() + "\n"
