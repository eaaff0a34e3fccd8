"""Pieces of long streams of events that are worked on together. Pure."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")

MOST_EVENTS = 500
MOST_BYTES = 16 * 1024 * 1024


def portions(
    items: Iterable[Item],
    size_of: Callable[[Item], int],
    *,
    most: int = MOST_EVENTS,
    most_bytes: int = MOST_BYTES,
) -> Iterator[list[Item]]:
    """Yield items in portions of at most `most`, and of `most_bytes` bytes by `size_of`, but of one item at least.

    No more than a portion is taken ahead, so that bodies of any number can be gone through in bounded memory.
    """
    portion: list[Item] = []
    size = 0
    for item in items:
        more = size_of(item)
        if portion and (len(portion) == most or size + more > most_bytes):
            yield portion
            portion, size = [], 0
        portion.append(item)
        size += more
    if portion:
        yield portion
