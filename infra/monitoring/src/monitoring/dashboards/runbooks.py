"""The sections of the run-book, for the page that panels link to: whoever is called reads them where they look."""

import re
from dataclasses import dataclass
from pathlib import Path

from monitoring.alert import RUNBOOK
from monitoring.alerts import ALERTS

_NAMES = [alert.name for alert in ALERTS]


@dataclass(frozen=True, slots=True)
class Runbook:
    """What to do about an alert: its name, the id of its panel, and its section as Markdown."""

    alert: str
    number: int
    text: str


def runbooks(root: Path) -> tuple[Runbook, ...]:
    """Return the section of each alert of the run-book of a repository.

    Raises:
        KeyError: An alert has none.
    """
    content = (root / RUNBOOK).read_text(encoding="utf-8")
    sections = dict(section.split("\n", 1) for section in re.split(r"^## ", content, flags=re.MULTILINE)[1:])
    return tuple(Runbook(name, _number(name), _unlinked(sections[name].strip())) for name in _NAMES)


def link(page: str, alert: str) -> str:
    """Return where the section of an alert is shown alone, on the page of run-books with this uid.

    Raises:
        ValueError: There is no such alert.
    """
    return f"/d/{page}?viewPanel={_number(alert)}"


def _number(alert: str) -> int:
    return _NAMES.index(alert) + 1


def _unlinked(text: str) -> str:
    # Links lead to other documents, which Grafana does not have; their words name them well enough.
    return re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", text)
