"""The `payments` program: commands that have to answer in a moment load no more than they need."""

import gc
import importlib
import os
import sys

import typer
from kit.errors import PipelineError, Transient
from rich.console import Console
from rich.text import Text

_QUICK = {
    "console": "operations.console.command",
    "peek": "operations.peek.command",
    "trace": "operations.trace.command",
}
"""Commands that are modules of their own. What all others load takes longer than these may take in all."""
_OTHERS = "operations.__main__"


def main() -> None:
    """Run the command that the arguments name."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    # The collector would go through all that is loaded again and again, for a tenth of the time.
    gc.disable()
    module = importlib.import_module(_QUICK.get(name, _OTHERS))
    gc.freeze()
    gc.enable()
    run(module.app)


def run(app: typer.Typer) -> None:
    """Run a command; an operation that fails prints one clear message and exits with 1.

    Where a server does not answer, so that the same command may succeed later, the code is 69 (EX_UNAVAILABLE).
    """
    try:
        app()
    except PipelineError as error:
        Console(stderr=True).print(Text("error: ", style="red") + Text(str(error)), highlight=False, soft_wrap=True)
        sys.exit(os.EX_UNAVAILABLE if isinstance(error, Transient) else 1)
