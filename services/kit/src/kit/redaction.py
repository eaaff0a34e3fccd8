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
_QUOTING: Final = frozenset({"DataError", "IntegrityError", "KeyError", "ValidationError", "ValueError"})
"""Exceptions whose message is, or quotes, what could not be used, with those made from them. Their class and place say
what is to be mended."""
_QUOTING_LIBRARIES: Final = frozenset({"fastavro", "jsonschema", "pyarrow", "pydantic", "pydantic_core"})
"""Libraries of which all exceptions do."""
_BETWEEN: Final = "[ .\\-\u00a0\u2007\u2009-\u2015\u202f\u2212]"
"""What stands between groups of digits: spaces, dashes and dots of all kinds."""
_NUMBER: Final = re.compile(rf"[2-6](?<![^\W_].)(?<![.-].)(?:[ -]?\d){{3}}(?:{_BETWEEN}?\d){{9,15}}(?![^\W_]|-)")
"""Beginnings 2 to 6 are those of cards (ISO/IEC 7812); a time in milliseconds begins with 1 until the year 2033.

A dot comes after four digits at the earliest, so that most fractions stay.
"""
_GROUP: Final = re.compile(r"\d+")
_LENGTHS: Final = range(13, 20)
_SECRETS: Final = ("api-key", "api_key", "apikey", "credential", "passwd", "password", "secret", "signature", "token")
_SECRET: Final = re.compile(
    rf"""((?:{"|".join(_SECRETS)})s?\\?["']?[ \t]*[:=][ \t]*)"""
    r"""(?:\\?(["'])(?:(?!\2).)*\2?|[^\s,;&]+)""",
    re.IGNORECASE | re.DOTALL,
)
"""A name and its value, as settings, requests, objects and JSON are written; the name stays."""
_PATTERNS: Final = (
    # Secrets of endpoints, keys of providers' APIs, what an Authorization header holds, what a URL has before its host.
    (("whsec_", "_live_", "_test_"), re.compile(r"\b(?:whsec|(?:sk|rk|pk)_(?:live|test))_[\w+/=-]+"), REMOVED),
    (("bearer", "basic"), re.compile(r"\b(?:bearer|basic)\s+[\w+/=.~-]{8,}", re.IGNORECASE), REMOVED),
    (("://",), re.compile(r"(?<=://)[^\s/@:]*:[^\s/@]+(?=@)"), REMOVED),
    (("@",), re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b"), REMOVED),
    # As Pydantic tells what it was given.
    (("input_value=",), re.compile(r"(?<=input_value=).*?(?=, input_type=)", re.DOTALL), REMOVED),
    (_SECRETS, _SECRET, rf"\1{REMOVED}"),
)
"""What is replaced, and by what; to look for words that it has to hold, in small letters, is by far the cheapest."""
_DEEPEST: Final = 16


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Return a line's content without what it may not hold; a processor for structlog."""
    return _mapping(event, 0)


def quoting(error: BaseException | None) -> set[str]:
    """Return the names of those classes of an exception, its causes and the members of groups that quote data."""
    names: set[str] = set()
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        each = waiting.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        if _quotes(type(each)):
            names.add(type(each).__name__)
        waiting += [each.__cause__, each.__context__]
        if isinstance(each, BaseExceptionGroup):
            waiting += each.exceptions
    return names


def without_quotes(chain: list[dict[str, Any]], names: set[str]) -> list[dict[str, Any]]:
    """Return exceptions, as structlog tells them, without what those of some classes say."""
    hidden = {"exc_value": REMOVED, "exc_notes": []}
    return [
        told
        | (hidden if told["exc_type"] in names else {})
        | {"exceptions": [without_quotes(each, names) for each in told.get("exceptions", [])]}
        for told in chain
    ]


def redact_text(text: str) -> str:
    """Return a text without card numbers, secrets and addresses, as far as these can be told by their form."""
    small = text.lower()
    for words, pattern, instead in _PATTERNS:
        if any(word in small for word in words):
            text = pattern.sub(instead, text)
    return _NUMBER.sub(_without_card, text)


def _mapping(content: Mapping[Any, Any], depth: int) -> dict[Any, Any]:
    return {
        _clean(key, depth): REMOVED if isinstance(key, str) and key.lower() in _KEYS else _clean(value, depth)
        for key, value in content.items()
    }


def _clean(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return redact_text(value)
    if value is None or isinstance(value, bool | int | float):
        return REMOVED if isinstance(value, int) and _is_card_number(str(value)) else value
    if depth >= _DEEPEST:
        return REMOVED
    if isinstance(value, Mapping):
        return _mapping(value, depth + 1)
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(each, depth + 1) for each in value]
    # The renderer would write its representation, whatever is in it.
    return redact_text(str(value))


def _without_card(match: re.Match[str]) -> str:
    # Other numbers may stand beside a card's, as the month and year after it.
    text = match[0]
    groups = [group.span() for group in _GROUP.finditer(text)]
    for begin, _ in groups:
        for _, end in reversed(groups):
            if _is_card_number("".join(filter(str.isdigit, text[begin:end]))):
                return f"{text[:begin]}{REMOVED}{text[end:]}"
    return text


def _quotes(kind: type[BaseException]) -> bool:
    # What the system says of files, addresses and certificates is what has to be known; some are ValueErrors, too.
    return not issubclass(kind, OSError) and any(
        each.__name__ in _QUOTING or each.__module__.partition(".")[0] in _QUOTING_LIBRARIES for each in kind.__mro__
    )


def _is_card_number(text: str) -> bool:
    """Tell whether the last of so many digits is the check digit of the others (ISO/IEC 7812-1, annex B)."""
    if len(text) not in _LENGTHS or text[0] not in "23456":
        return False
    digits = [int(each) for each in reversed(text)]
    doubled = (2 * each - 9 if each > 4 else 2 * each for each in digits[1::2])  # noqa: PLR2004  # two digits from 5 on
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0
