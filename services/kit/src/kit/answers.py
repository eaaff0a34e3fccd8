"""What a server answers, taken apart: that it is not what its API promises is one failure, whoever answered."""

import struct
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from kit.errors import PipelineError, Transient

if TYPE_CHECKING:
    import httpx

_OTHER: Final = (
    *(ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, NotImplementedError, RecursionError),
    *(TypeError, ValueError, struct.error, zlib.error),
)
"""What taking something apart raises that is made otherwise."""


@contextmanager
def promised(
    who: str, answer: "httpx.Response | None" = None, failure: type[PipelineError] = Transient
) -> Iterator[None]:
    """Take an answer apart within it, and do nothing else there: a defect of ours would be called the server's.

    Args:
        who: Who answered, for the message.
        answer: The answer, where it came by HTTP; its kind is told, and nothing of its content.
        failure: What to raise.

    Raises:
        PipelineError: It is not what it should be.
    """
    try:
        yield
    except _OTHER as error:
        # The message of an error may quote what was answered; a key that is missing is one of ours.
        found = f"without {error}" if type(error) is KeyError else type(error).__name__
        if answer is not None:
            found = f"{answer.status_code}, {answer.headers.get('content-type', 'no content type')}, {found}"
        raise failure(f"{who} answers otherwise than its API promises ({found})") from error


def object_of(who: str, answer: "httpx.Response", failure: type[PipelineError] = Transient) -> Mapping[str, Any]:
    """Return the JSON object that an answer is.

    Raises:
        PipelineError: It is none.
    """
    with promised(who, answer, failure):
        content = answer.json()
        if not isinstance(content, dict):
            raise TypeError(content)
    return content
