"""Changes modules in small ways and tells which changes their tests do not notice."""

from __future__ import annotations

import random
import signal
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import track

from tests.conftest import ROOT
from tests.mutation import comparisons, subjects
from tests.mutation.mutants import Mutant, mutants

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.mutation.subjects import Subject

PATIENCE_S = 60
"""A mutant that takes more of the processor runs for ever, which tests would notice."""


class Kind(StrEnum):
    """What is changed."""

    MAPPINGS = "mappings"
    INTERPRETER = "interpreter"
    RULES = "rules"
    EMITTERS = "emitters"
    COMPAT = "compat"
    DIFF = "diff"


class _TooLongError(Exception):
    """A mutant does not come to an end."""


@contextmanager
def _patience() -> Iterator[None]:
    def give_up(*_: object) -> None:
        raise _TooLongError

    # Not by the clock: on a machine that has other things to do, whatever is slow would count as noticed.
    signal.signal(signal.SIGPROF, give_up)
    signal.setitimer(signal.ITIMER_PROF, PATIENCE_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def is_noticed(mutant: Mutant, subject: Subject) -> bool:
    """Return whether some question has another answer, or none, once a module is changed."""
    asked = subject.ask(mutant)
    try:
        with _patience(), mutant.applied(subject.module):
            return any(question() != answer for question, answer in asked)
    except Exception:  # noqa: BLE001 - whatever a changed module raises, a test would see it
        return True


def main(  # noqa: PLR0917 - arguments and options
    kind: Annotated[Kind, typer.Argument(help="What to change.")],
    names: Annotated[
        list[str] | None, typer.Argument(help="Only these: providers, or modules such as lint.sizes.")
    ] = None,
    count: Annotated[int, typer.Option(min=1, help="Most mutants of each, drawn by the seed.")] = 150,
    seed: Annotated[int, typer.Option(help="What is drawn.")] = 1,
    least: Annotated[int, typer.Option(min=0, max=100, help="Of a hundred, how many have to be noticed.")] = 0,
    words: Annotated[bool, typer.Option(help="Change texts for people too: those with a space in them.")] = True,  # noqa: FBT002 - an option
    examples_alone: Annotated[bool, typer.Option(help="Mappings without the cases made from them.")] = False,  # noqa: FBT002 - an option
) -> None:
    """Change modules in small ways, and print each change that no test's case notices.

    Exits with 1 where fewer than `--least` of a hundred are noticed in one of them.
    """
    console, chosen = Console(soft_wrap=True), names or []
    match kind:
        case Kind.MAPPINGS:
            found = subjects.mappings(chosen, examples_alone=examples_alone)
        case Kind.INTERPRETER:
            found = subjects.interpreter(chosen)
        case Kind.RULES:
            found = subjects.rules(chosen)
        case Kind.EMITTERS:
            found = subjects.emitters(chosen)
        case Kind.COMPAT:
            found = comparisons.compatibility(chosen)
        case Kind.DIFF:
            found = comparisons.differences(chosen)
    enough, tried = True, 0
    for subject in found:
        subject.learn()
        file = Path(str(subject.module.__file__))
        every = [each for each in mutants(file.read_text(encoding="utf-8")) if words or not each.is_of_words]
        drawn = random.Random(seed).sample(every, min(count, len(every)))  # noqa: S311 - not for secrets
        shown = track(drawn, subject.name, console=Console(stderr=True), transient=True)
        survivors = [mutant for mutant in shown if not is_noticed(mutant, subject)]
        for mutant in sorted(survivors, key=lambda mutant: mutant.line):
            console.print(f"{file.relative_to(ROOT)}:{mutant.line} {mutant.what}", markup=False, highlight=False)
        noticed = len(drawn) - len(survivors)
        cases = sum(map(len, subject.questions.values()))
        console.print(
            f"{subject.name}: {noticed} of {len(drawn)} mutants noticed, drawn from {len(every)}, by {cases} cases",
            highlight=False,
        )
        enough = enough and noticed * 100 >= least * len(drawn)
        tried += len(drawn)
    if not tried:
        raise typer.BadParameter(f"there is no {' or '.join(chosen)} among the {kind}", param_hint="names")
    raise typer.Exit(0 if enough else 1)


if __name__ == "__main__":
    typer.run(main)
