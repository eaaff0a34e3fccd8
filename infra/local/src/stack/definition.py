"""The whole stack as one tuple of processes and steps, and the choice of a part of it."""

from collections.abc import Iterable, Sequence

from stack.applications import applications, deployment
from stack.context import Context
from stack.errors import StackError
from stack.processes import Group, Item, Process
from stack.servers import catalog, flink, kafka, object_store, postgres, prometheus, registry, temporal, trino

SERVERS = (postgres, object_store, kafka, registry, catalog, flink, trino, temporal, prometheus)


def items(context: Context) -> tuple[Item, ...]:
    """Return everything that `up` starts and does."""
    infrastructure = tuple(item for server in SERVERS for item in server.items(context))
    return (*infrastructure, *deployment(context), *applications(context))


def processes(everything: Iterable[Item]) -> tuple[Process, ...]:
    """Return the processes among the items."""
    return tuple(item for item in everything if isinstance(item, Process))


def select(everything: Sequence[Item], names: Sequence[str], only: Group | None) -> tuple[Item, ...]:
    """Return the items to be brought up: all, those of one group, or the named processes with all they need.

    A step whose name completes a process (`temporal-namespace`) belongs to it, so that the process is of use.
    Raise StackError for an unknown name.
    """
    if names:
        return _with_needs(everything, names)
    if only is None:
        return tuple(everything)
    return tuple(item for item in everything if item.group is only)


def _with_needs(everything: Sequence[Item], names: Sequence[str]) -> tuple[Item, ...]:
    by_name = {item.name: item for item in everything}
    known = [process.name for process in processes(everything)]
    if unknown := sorted(set(names) - set(known)):
        raise StackError(f"No service is called {', '.join(unknown)}; there are: {', '.join(known)}.")
    wanted: set[str] = set()
    open_ = list(names)
    while open_:
        name = open_.pop()
        if name not in wanted:
            wanted.add(name)
            item = by_name[name]
            open_.extend(item.after)
            if isinstance(item, Process):
                open_.extend(item.beside)
                open_.extend(_completions(everything, name))
    return tuple(item for item in everything if item.name in wanted)


def _completions(everything: Iterable[Item], name: str) -> list[str]:
    return [
        item.name
        for item in everything
        if not isinstance(item, Process) and item.group is Group.INFRASTRUCTURE and set(item.after) == {name}
    ]
