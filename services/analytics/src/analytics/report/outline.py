"""What a section of the page is made of."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from analytics.report.draw import Drawing
from analytics.report.read import Answer
from analytics.report.text import amount, number, percentage

# More small plots than these say less; the table has all.
PLOTTED: Final = 6

_EMPTY = "There is nothing to show for these days."
_ABSENT = (
    "Its table is not there yet: build Silver and Gold in Dagster (the job `refresh`), then make the report again."
)


@dataclass(frozen=True)
class Cell:
    """Text of a table; a number leads to its query."""

    text: str
    is_number: bool = False


@dataclass(frozen=True)
class Table:
    """A table beside plots. Heads are as many as each row has cells."""

    caption: str
    query: str
    heads: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    @property
    def numbers(self) -> frozenset[int]:
        """Which columns have numbers."""
        return frozenset(place for row in self.rows for place, cell in enumerate(row) if cell.is_number)


@dataclass(frozen=True)
class Headline:
    """A number that stands above all: the query it comes from, and what it is of."""

    name: str
    values: tuple[str, ...]
    note: str
    query: str


@dataclass(frozen=True)
class Section:
    """A subject. Where there are no rows `empty` says why, and nothing else is there."""

    name: str
    title: str
    said: str
    tables: tuple[Table, ...] = ()
    drawings: tuple[Drawing, ...] = ()
    left_out: str = ""
    empty: str = ""
    headlines: tuple[Headline, ...] = field(default=(), compare=False)


def amount_cell(value: Decimal | None, currency: str) -> Cell:
    """Return a cell with an amount, or with nothing."""
    return Cell(amount(value, currency), is_number=value is not None)


def rate_cell(part: int, whole: int) -> Cell:
    """Return a cell with a part of a whole, or with nothing."""
    return Cell(percentage(part, whole), is_number=whole > 0)


def begin(answer: Answer[Any], said: str) -> Callable[..., Section]:
    """Return what makes a section of an answer: of its parts, or without any, one that says why it is empty."""

    def section(**parts: Any) -> Section:
        empty = "" if parts else _EMPTY if answer.is_built else _ABSENT
        title = "Merchant health" if answer.query.name == "health" else answer.query.title
        return Section(answer.query.name, title, said, empty=empty, **parts)

    return section


def table(
    caption: str, answer: Answer[Any], heads: tuple[str, ...], lines: Sequence[Sequence[str | int | Cell]]
) -> Table:
    """Return a table of texts and counts."""
    cells = tuple(tuple(_cell(each) for each in line) for line in lines)
    return Table(caption, answer.query.name, heads, cells)


def _cell(value: str | int | Cell) -> Cell:
    if isinstance(value, Cell):
        return value
    return Cell(number(value), is_number=True) if isinstance(value, int) else Cell(value)


def left_out(many: int, noun: str) -> str:
    """Return which of many are plotted, where not all are."""
    if many <= PLOTTED:
        return ""
    return f"Of {many} {noun}, those {PLOTTED} with the most are plotted; the first table has all of them."
