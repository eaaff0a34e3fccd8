"""Entry point: reads the settings, runs the command line, and turns failures into sentences."""

import signal
import sys
from collections import deque
from pathlib import Path

from pydantic import ValidationError
from rich.console import Console

from stack.cli import app
from stack.errors import StackError
from stack.session import Session
from stack.settings import Settings

TAIL_LINES = 15


def tail(log: Path) -> list[str]:
    """Return the last lines of a log, or nothing if it cannot be read."""
    try:
        with log.open(errors="replace") as lines:
            return [line.rstrip() for line in deque(lines, TAIL_LINES)]
    except OSError:
        return []


def report(error: StackError, console: Console) -> None:
    """Print a failure: the end of its log if it has one, then its sentence."""
    if error.log is not None and (lines := tail(error.log)):
        console.print(f"The end of {error.log}:", style="dim", markup=False)
        for line in lines:
            console.print(f"  {line}", style="dim", markup=False)
    for line in str(error).splitlines():
        console.print("[bold red]error:[/]", end=" ")
        console.print(line, markup=False)


def variable(setting: str) -> str:
    """Return the environment variable that a setting, as a validation error names it, comes from."""
    return f"PAYMENTS_{setting.upper()}" if setting in Settings.model_fields else setting


def sentences(error: ValidationError) -> str:
    """Return one line per setting that is wrong."""
    return "\n".join(
        f"{variable(str(problem['loc'][0]))} is {problem['input']!r}: {problem['msg']}." for problem in error.errors()
    )


def main() -> None:
    """Run the `stack` command."""
    errors = Console(stderr=True, soft_wrap=True, highlight=False)
    # Whoever ends this command wants it to clean up as after Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        app(obj=Session(Settings(), Console()))
    except ValidationError as error:
        report(StackError(sentences(error)), errors)
        sys.exit(1)
    except StackError as error:
        report(error, errors)
        sys.exit(1)


if __name__ == "__main__":
    main()
