"""Draws pages: every value in them is escaped, whoever wrote it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from operations.console.metrics import SHARES, quoted
from operations.console.money import SHOWN, STEPS, major
from operations.console.runs import MOST
from operations.recovery.report import words_of

_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86_400
_MOST_CHARACTERS: Final = 200


class Pages:
    """The templates beside this module."""

    def __init__(self) -> None:
        self._environment = Environment(
            loader=PackageLoader("operations.console"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters |= {
            "age": age,
            "at": at,
            "lasting": lasting,
            "major": major,
            "query": query,
            "short": short,
            "words": words,
        }
        self._environment.globals |= {
            "measures": SHOWN,
            "most": MOST,
            "quoted": quoted(),
            "shares": SHARES,
            "steps": STEPS,
            "words_of": words_of,
        }

    def render(self, template: str, shown: Mapping[str, Any]) -> str:
        """Return a page as HTML."""
        return self._environment.get_template(f"{template}.jinja").render(shown)


def at(moment: datetime, now: datetime) -> Markup:
    """Write a moment in UTC, with its day where that is not today's."""
    form = "%H:%M:%S" if moment.astimezone(UTC).date() == now.astimezone(UTC).date() else "%Y-%m-%d %H:%M:%S"
    text = f"{moment.astimezone(UTC):{form}}"
    return Markup('<time datetime="{}">{}</time>').format(moment.isoformat(timespec="seconds"), text)


def age(moment: datetime, now: datetime) -> str:
    """Write how long ago a moment was."""
    seconds = max(0.0, (now - moment).total_seconds())
    for unit, size in (("d", _DAY), ("h", _HOUR), ("min", _MINUTE)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def lasting(seconds: float) -> str:
    """Write how long something takes, with two or three digits."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < _MINUTE else f"{seconds / _MINUTE:.1f} min"


def query(named: Mapping[str, Any]) -> str:
    """Return the part of an address behind the question mark, without what is empty."""
    return urlencode({name: value for name, value in named.items() if value})


def short(text: str, most: int = _MOST_CHARACTERS) -> str:
    """Return the beginning of what others wrote, of whatever length it is."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def words(value: Any) -> str:
    """Write what a hop tells."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return short(str(value))
