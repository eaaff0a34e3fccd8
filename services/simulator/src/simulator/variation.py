"""Makes fresh webhooks of the contracts' examples, without changing what has to become of them."""

import random
import re
import string
from collections.abc import Callable
from typing import Any

import orjson
from payments_contracts.examples import Example
from payments_contracts.providers import Path

# As providers write ids: a short prefix, then letters and digits with at least one digit.
_ID = re.compile(rb"\b([a-z]{2,6}_)((?=[A-Za-z]*[0-9])[A-Za-z0-9]{8,})")
_ALPHABET = string.ascii_letters + string.digits
# Seconds since 1970 that are taken for times: 2015 to 2035. What an example puts beyond is wrong on purpose.
_EARLIEST, _LATEST = 1_420_070_400, 2_051_222_400
_LARGEST_VARIED_AMOUNT = 10_000_000
_FACTORS = (0.2, 3.0)


def renew_ids(body: bytes, dice: random.Random) -> bytes:
    """Replace every id in a body, JSON or not, by another of the same form; equal ids stay equal."""
    fresh: dict[bytes, bytes] = {}

    def replace(match: re.Match[bytes]) -> bytes:
        old = match.group(2)
        if old not in fresh:
            # It begins with a digit, so that it is taken for an id again.
            fresh[old] = "".join([dice.choice(string.digits), *dice.choices(_ALPHABET, k=len(old) - 1)]).encode()
        return match.group(1) + fresh[old]

    return _ID.sub(replace, body)


def is_variable(example: Example) -> bool:
    """Tell whether an example can be made into any number of different bodies."""
    return _ID.search(example.body) is not None or _is_text(example.body)


def vary(example: Example, *, created: int, created_at: Path, owner: Path, account: str, dice: random.Random) -> bytes:
    """Return another body of an example: new ids, amounts, times and merchant.

    Args:
        example: What to start from.
        created: When the event happened, in seconds since 1970; other times keep their distance to it.
        created_at: Where the body says when the event happened.
        owner: Where the body says which merchant's event it is.
        account: That merchant.
        dice: Source of all randomness.
    """
    body = renew_ids(example.body, dice)
    if _is_text(body):
        return orjson.dumps(f"{orjson.loads(body)} {dice.getrandbits(64):016x}")
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body
    if not isinstance(content, dict):
        return body
    factor = dice.uniform(*_FACTORS)
    now = find(content, created_at)
    shift = created - now if _is_time(now) else 0

    def change(key: str, value: Any) -> Any:
        if not isinstance(value, int) or isinstance(value, bool):
            return value
        if key.startswith("amount"):
            return max(1, round(value * factor)) if 0 < value <= _LARGEST_VARIED_AMOUNT else value
        return value + shift if _is_time(value) else value

    varied = _walk("", content, change)
    _place(varied, owner, account)
    return orjson.dumps(varied)


def find(content: Any, path: Path) -> Any:
    """Return what stands at a path of a JSON document, None where nothing does."""
    for key in path:
        if not isinstance(content, dict):
            return None
        content = content.get(key)
    return content


def _walk(key: str, value: Any, change: Callable[[str, Any], Any]) -> Any:
    if isinstance(value, dict):
        return {name: _walk(name, item, change) for name, item in value.items()}
    if isinstance(value, list):
        return [_walk(key, item, change) for item in value]
    return change(key, value)


def _place(content: dict[str, Any], path: Path, value: str) -> None:
    for key in path[:-1]:
        content = content.setdefault(key, {})
    content[path[-1]] = value


def _is_text(body: bytes) -> bool:
    try:
        return isinstance(orjson.loads(body), str)
    except orjson.JSONDecodeError:
        return False


def _is_time(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and _EARLIEST <= value <= _LATEST
