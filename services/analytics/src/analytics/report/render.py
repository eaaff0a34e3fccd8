"""The page: one HTML file that needs nothing else, on a screen or on paper."""

from datetime import datetime

from jinja2 import Environment, PackageLoader, StrictUndefined

from analytics.report.queries import QUERIES
from analytics.report.read import Answers
from analytics.report.sections import build_sections


def render(answers: Answers, made_at: datetime) -> str:
    """Return the page as HTML; all values in it are escaped."""
    environment = Environment(
        loader=PackageLoader("analytics.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    sections = build_sections(answers)
    asked = {
        answer.query.name: answer.statement
        for answer in (
            answers.volume,
            answers.success,
            answers.declines,
            answers.recovery,
            answers.health,
            answers.bands,
            answers.quarantine,
        )
    }
    return environment.get_template("page.html.jinja").render(
        period=answers.period,
        made_at=f"{made_at:%Y-%m-%d %H:%M} UTC",
        sections=sections,
        headlines=[each for section in sections for each in section.headlines],
        queries=[(query, asked[query.name].rstrip()) for query in QUERIES],
    )
