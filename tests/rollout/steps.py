"""The steps of a rollout, as docs/rollout.md has them; a test holds the two against each other."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

_ROW = re.compile(r"^\| (?P<title>\d+\. [^|]*[^| ]) +\| (?P<command>[^|]*[^| ]) +\|", re.MULTILINE)
_TAKEN = re.compile(r"`([^`]+)`")


class Programs(Protocol):
    """A running pipeline, and the new release of it."""

    def run(self, command: str) -> None:
        """Run a command of the new release to its end."""

    def replace(self, program: str) -> None:
        """Stop a program of the former release and start the new one, wherever it runs."""


@dataclass(frozen=True)
class Step:
    """A step: its number and name, and what is done, in the words of the page.

    What stands between backticks there is what is taken: a command where it has several words, else a program.
    """

    title: str
    command: str

    @property
    def taken(self) -> tuple[str, ...]:
        return tuple(_TAKEN.findall(self.command))


STEPS = (
    Step("1. registry", "`payments topics apply`, `payments schemas register`"),
    Step("2. lake", "`payments tables apply`"),
    Step("3. database", "`payments database apply`"),
    Step("4. consumers", "`orchestrator` (workers before consumers, where they are apart), `payments`"),
    Step("5. producers", "the `normalizer` of one provider after the other, or of all at once"),
    Step("6. models", "`analytics` (Dagster's code server), then a run of Silver: `payments build`"),
)


def of_page(text: str) -> tuple[Step, ...]:
    """Return the steps of the page's table."""
    return tuple(Step(row["title"], row["command"]) for row in _ROW.finditer(text))


def roll_out(programs: Programs, after: Callable[[Step], None]) -> None:
    """Take each step in its order; `after` is told of each that is done, and returns when the next may begin."""
    for step in STEPS:
        for each in step.taken:
            if " " in each:
                programs.run(each)
            else:
                programs.replace(each)
        after(step)
