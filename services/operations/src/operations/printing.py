"""Tables in a terminal, or in a pipe, whose columns are all there however narrow it is."""

from collections.abc import Set as AbstractSet

from rich.console import Console
from rich.table import Table

_NARROWEST = 20
"""Characters that a column whose text may fold keeps at least."""


def listing(*names: str, folded: AbstractSet[str]) -> Table:
    """Return a table without lines, one record a row; of the columns of those names some may fold their text."""
    table = Table(box=None, pad_edge=False)
    for name in names:
        may_fold = name in folded
        table.add_column(name, no_wrap=not may_fold, overflow="fold", min_width=_NARROWEST if may_fold else None)
    return table


def print_table(table: Table, console: Console) -> None:
    """Print a table; where the terminal is too narrow for it, its lines are longer than the terminal.

    Rich would leave out whole columns there. A pipe has no width, so that nothing is folded for one.
    """
    natural = console.measure(table, options=console.options.update(max_width=10_000))
    needed = natural.minimum if console.is_terminal else natural.maximum
    width = console.width
    console.width = max(width, needed)
    try:
        console.print(table, soft_wrap=True)
    finally:
        console.width = width
