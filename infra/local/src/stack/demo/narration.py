"""What the demo says: headings, commands as a person would type them, and what it waits for."""

import shlex
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from stack.errors import StackError

_STEP_SECONDS = 1.0


@dataclass(slots=True)
class Narrator:
    """Tells a story of so many steps, on a terminal or as plain lines.

    Args:
        console: Where it is told.
        steps: How many steps there are.
        monotonic: A clock in seconds.
        sleep: Waits for so many seconds.
    """

    console: Console
    steps: int
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _step: int = field(default=0, init=False)

    def begin(self, title: str, text: str) -> None:
        """Begin a step: its title, and what there is to see in it."""
        self._step += 1
        heading = f"{self._step} of {self.steps}: {title}"
        if self.console.is_terminal:
            self.console.print()
            self.console.print(Panel(Text(text), title=heading, title_align="left", border_style="cyan"))
        else:
            self.say(f"\n{heading}\n{text}")

    def say(self, text: str) -> None:
        """Print a sentence."""
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)

    def show(self, command: Sequence[str]) -> None:
        """Print a command before it is run."""
        self.console.print(Text(f"$ {shlex.join(command)}", style="bold"), soft_wrap=True)

    def wait(self, what: str, condition: Callable[[], bool], seconds: float, look: str) -> None:
        """Wait until a condition holds, and say for what.

        Args:
            what: What is waited for, in a few words.
            condition: Tells whether it is so.
            seconds: How long it may take.
            look: Where to look if it does not become so.

        Raises:
            StackError: Time is over.
        """
        began = self.monotonic()
        if not self.console.is_terminal:
            self.say(f"waiting for {what}")
        with self.console.status(f"waiting for {what}"):
            while not condition():
                if self.monotonic() - began > seconds:
                    raise StackError(f"Waited {seconds:.0f} s for {what}, in vain: {look}.")
                self.sleep(_STEP_SECONDS)
        self.say(f"{what}: after {self.monotonic() - began:.0f} s")
