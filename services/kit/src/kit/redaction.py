"""What no line of a log may hold, taken out of it at the last moment: card numbers, secrets, addresses, payloads.

Whoever logs leaves these out by himself. This is for what he does not see: the message of an exception that quotes what
it could not use, the settings that a library repeats in its complaint.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from structlog.typing import EventDict, WrappedLogger

REMOVED: Final = "[removed]"

_KEYS: Final = frozenset(
    {
        *("body", "headers", "message_value", "payload", "raw", "record", "row", "value"),
        *("api_key", "authorization", "cookie", "credential", "password", "secret", "secrets", "signature", "token"),
        *("address", "card", "email", "name_on_card", "phone"),
    }
)
"""Names under which nothing is shown, whatever it is."""
_QUOTING: Final = frozenset({"KeyError", "UnicodeDecodeError", "UnicodeEncodeError", "ValidationError", "ValueError"})
"""Exceptions whose message is, or quotes, what could not be used. Their class and place say what is to be mended."""
_NUMBER: Final = re.compile(r"(?<![\w.-])[2-6](?:[ -]?\d){12,18}(?![\w-])")
"""Beginnings 2 to 6 are those of cards (ISO/IEC 7812); a time in milliseconds begins with 1 until the year 2033."""
_PATTERNS: Final = (
    # Secrets of endpoints, keys of providers' APIs, what an Authorization header holds, what a URL has before its host.
    re.compile(r"\b(?:whsec|(?:sk|rk|pk)_(?:live|test))_[\w+/=-]+"),
    re.compile(r"\b(?:bearer|basic)\s+[\w+/=.~-]{8,}", re.IGNORECASE),
    re.compile(r"(?<=://)[^\s/@:]*:[^\s/@]+(?=@)"),
    re.compile(r"\b(?:password|secret|signature|token)=[^\s,;&]+", re.IGNORECASE),
    re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b"),
    # As Pydantic tells what it was given.
    re.compile(r"(?<=input_value=).*?(?=, input_type=)", re.DOTALL),
)
_DEEPEST: Final = 8


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Return a line's content without what it may not hold; a processor for structlog."""
    cleaned = _mapping(event, 0)
    if isinstance(chain := cleaned.get("exception"), list):
        cleaned["exception"] = [_exception(each) for each in chain]
    return cleaned


def redact_text(text: str) -> str:
    """Return a text without card numbers, secrets and addresses, as far as these can be told by their form."""
    for pattern in _PATTERNS:
        text = pattern.sub(REMOVED, text)
    return _NUMBER.sub(lambda match: REMOVED if _is_card_number(match[0]) else match[0], text)


def _mapping(content: Mapping[Any, Any], depth: int) -> dict[Any, Any]:
    return {
        _clean(key, depth): REMOVED if isinstance(key, str) and key.lower() in _KEYS else _clean(value, depth)
        for key, value in content.items()
    }


def _clean(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return redact_text(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if depth >= _DEEPEST:
        return REMOVED
    if isinstance(value, Mapping):
        return _mapping(value, depth + 1)
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(each, depth + 1) for each in value]
    # The renderer would write its representation, whatever is in it.
    return redact_text(str(value))


def _exception(told: Any) -> Any:
    if isinstance(told, dict) and told.get("exc_type") in _QUOTING:
        return told | {"exc_value": REMOVED}
    return told


def _is_card_number(text: str) -> bool:
    """Tell whether the last digit is the check digit of the others (ISO/IEC 7812-1, annex B)."""
    digits = [int(each) for each in reversed(text) if each.isdigit()]
    doubled = (2 * each - 9 if each > 4 else 2 * each for each in digits[1::2])  # noqa: PLR2004  # two digits from 5 on
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0
