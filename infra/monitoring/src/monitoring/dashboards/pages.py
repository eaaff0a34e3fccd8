"""All pages, as files."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from monitoring.dashboards.drawing import draw, draw_runbooks
from monitoring.dashboards.intake import GATEWAY, NORMALIZER
from monitoring.dashboards.model import Dashboard
from monitoring.dashboards.overview import OVERVIEW
from monitoring.dashboards.runbooks import runbooks
from monitoring.dashboards.storage import ANALYTICS, LAKE, RECOVERY
from monitoring.dashboards.stream import KAFKA, ORCHESTRATOR

DASHBOARDS: Final[tuple[Dashboard, ...]] = (
    *(OVERVIEW, GATEWAY, NORMALIZER, KAFKA, ORCHESTRATOR),
    *(LAKE, ANALYTICS, RECOVERY),
)


def files(root: Path) -> Iterator[tuple[str, str]]:
    """Yield name and content of each file; `root` is the repository, for the words of its run-book."""
    for dashboard in DASHBOARDS:
        yield f"{dashboard.name}.json", draw(dashboard)
    yield "runbooks.json", draw_runbooks(runbooks(root))
