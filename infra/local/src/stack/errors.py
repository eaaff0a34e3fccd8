"""What can go wrong, said in sentences a user can act on."""

from pathlib import Path


class StackError(Exception):
    """A failure with a sentence for the user and, if there is one, the log that tells more."""

    def __init__(self, message: str, log: Path | None = None) -> None:
        super().__init__(message)
        self.log = log


class CancelledError(Exception):
    """The work was called off, because of an interrupt or because another job failed."""
