"""Makes fresh webhooks of the contracts' examples, without changing what has to become of them."""

import random
import re
import string
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import orjson
from payments_contracts.examples import Example
from payments_contracts.providers import Path, Source

from simulator.places import find, place

# As providers write ids: a short prefix, then letters and digits with at least one digit; or a whole text, no key, of
# twelve or more letters, digits, hyphens and underscores with at least one digit.
_ID = re.compile(
    rb"\b([a-z]{2,6}_)((?=[A-Za-z]*[0-9])[A-Za-z0-9]{8,})"
    rb'|(?<=")(?![a-z]{2,6}_)(?P<whole>(?=[A-Za-z_-]*[0-9])[A-Za-z0-9_-]{12,})(?="(?!\s*:))'
)
_ALPHABET = string.ascii_letters + string.digits
# In a UUID letters stay hexadecimal.
_UUID = re.compile(rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?P<fraction>\.\d+)?(?P<offset>Z|[+-]\d{2}:\d{2})", re.ASCII)
# Seconds since 1970 that are taken for times: 2015 to 2035. What an example puts beyond is wrong on purpose.
_EARLIEST, _LATEST = 1_420_070_400, 2_051_222_400
_LARGEST_VARIED_AMOUNT = 10_000_000
_HUNDRED = 100
_FACTORS = (0.2, 5.0)


def renew_ids(body: bytes, dice: random.Random) -> bytes:
    """Replace every id in a body, JSON or not, by another of the same form; equal ids stay equal."""
    fresh: dict[bytes, bytes] = {}

    def replace(match: re.Match[bytes]) -> bytes:
        whole = match["whole"]
        if whole is not None:
            if whole not in fresh:
                fresh[whole] = _alike(whole, dice)
            return fresh[whole]
        old = match.group(2)
        if old not in fresh:
            # It begins with a digit, so that it is taken for an id again.
            fresh[old] = "".join([dice.choice(string.digits), *dice.choices(_ALPHABET, k=len(old) - 1)]).encode()
        return match.group(1) + fresh[old]

    return _ID.sub(replace, body)


def _alike(token: bytes, dice: random.Random) -> bytes:
    letters = "abcdef" if _UUID.fullmatch(token) else string.ascii_lowercase

    def other(character: str) -> str:
        if character.isdigit():
            return dice.choice(string.digits)
        if character.isalpha():
            letter = dice.choice(letters)
            return letter if character.islower() else letter.upper()
        return character

    return "".join(map(other, token.decode())).encode()


def is_variable(example: Example) -> bool:
    """Tell whether an example can be made into any number of different bodies."""
    # Of a malformed body nothing but its bytes tells it from others.
    headers = b"" if example.kind == "malformed" else orjson.dumps(dict(example.headers))
    return _ID.search(b"%b %b" % (example.body, headers)) is not None or _is_text(example.body)


def vary(
    example: Example, *, created: int, created_at: Source, owner: Path | None, account: str, dice: random.Random
) -> tuple[bytes, Mapping[str, str]]:
    """Return another body of an example and its headers: new ids, amounts, times and merchant.

    Args:
        example: What to start from.
        created: When the event happened, in seconds since 1970; other times keep their distance to it.
        created_at: Where the body says when the event happened.
        owner: Where the body says which merchant's event it is; None where it does not.
        account: That merchant.
        dice: Source of all randomness.
    """
    # Together, so that an id which is in both stays one.
    both = b"%b\x00%b" % (example.body, orjson.dumps(dict(example.headers)))
    body, _, written = renew_ids(both, dice).rpartition(b"\x00")
    headers: dict[str, str] = orjson.loads(written)
    if _is_text(body):
        return orjson.dumps(f"{orjson.loads(body)} {dice.getrandbits(64):016x}"), headers
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body, headers
    if not isinstance(content, dict):
        return body, headers
    factor = dice.uniform(*_FACTORS)
    now = _seconds(find(content, created_at, headers))
    shift = 0 if now is None else created - now

    def change(key: str, value: Any, among: Mapping[str, Any]) -> Any:
        if _is_amount(key, value, among):
            return _scaled(value, factor) if 0 < value <= _LARGEST_VARIED_AMOUNT else value
        return value if _seconds(value) is None else _shifted(value, shift)

    varied = _walk("", content, {}, change)
    if owner is not None:
        place(varied, owner, account)
    return orjson.dumps(varied), headers


def _walk(key: str, value: Any, among: Mapping[str, Any], change: Callable[[str, Any, Mapping[str, Any]], Any]) -> Any:
    if isinstance(value, dict):
        return {name: _walk(name, item, value, change) for name, item in value.items()}
    if isinstance(value, list):
        return [_walk(key, item, among, change) for item in value]
    return change(key, value, among)


def _is_amount(key: str, value: object, among: Mapping[str, Any]) -> bool:
    if not isinstance(value, int) or isinstance(value, bool):
        return False
    return key.startswith("amount") or (key == "value" and "currency" in among)


def _scaled(amount: int, factor: float) -> int:
    # What is divisible by 10 or 100 stays so, and what is not does not become so: some currencies are written with
    # digits that have to be zero, and an example may show one where they are not.
    step = next(step for step in (100, 10, 1) if amount % step == 0)
    steps = max(1, round(amount / step * factor))
    return (steps + (step < _HUNDRED and steps % 10 == 0)) * step


def _is_text(body: bytes) -> bool:
    try:
        return isinstance(orjson.loads(body), str)
    except orjson.JSONDecodeError:
        return False


def _seconds(value: object) -> int | None:
    """Return an instant in seconds since 1970, None where the value is not taken for one."""
    if isinstance(value, str) and _INSTANT.fullmatch(value):
        try:
            seconds = int(datetime.fromisoformat(value).timestamp())
        except ValueError:
            return None
    elif isinstance(value, int) and not isinstance(value, bool):
        seconds = value if value <= _LATEST else value // 1000
    else:
        return None
    return seconds if _EARLIEST <= seconds <= _LATEST else None


def _shifted(value: int | str, seconds: int) -> int | str:
    """Return a time some seconds later, written as it was."""
    if isinstance(value, int):
        return value + (seconds if value <= _LATEST else seconds * 1000)
    later = datetime.fromisoformat(value) + timedelta(seconds=seconds)
    written = later.isoformat(timespec="milliseconds" if "." in value else "seconds")
    return written.removesuffix("+00:00") + "Z" if value.endswith("Z") else written
