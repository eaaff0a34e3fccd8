"""Makes fresh webhooks of the contracts' examples, without changing what has to become of them."""

import random
import re
import string
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from payments_contracts.examples import Example
from payments_contracts.forms import Form, body_of, content_of
from payments_contracts.providers import Path, Source

from simulator.places import find, place

# As providers write ids: a short prefix, then letters and digits with at least one digit; or a whole text, no key, of
# twelve or more letters, digits, hyphens and underscores with at least one digit; or as much as one segment of an
# address.
_ID = re.compile(
    rb"\b([a-z]{2,6}_(?:test_)?)((?=[A-Za-z]*[0-9])[A-Za-z0-9]{8,})"
    rb'|(?<=")(?![a-z]{2,6}_)(?P<whole>(?=[A-Za-z_-]*[0-9])[A-Za-z0-9_-]{12,})(?="(?!\s*:))'
    rb'|(?<=/)(?P<segment>(?=[A-Za-z_-]*[0-9])[A-Za-z0-9_-]{12,})(?=["/?#])'
)
_ALPHABET = string.ascii_letters + string.digits
# In a UUID letters stay hexadecimal.
_UUID = re.compile(rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# A time without an offset is taken for one in UTC, as the gateways take it.
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?P<fraction>\.\d+)?(?:Z|[+-]\d{2}:\d{2})?", re.ASCII)
# Seconds since 1970 that are taken for times: 2015 to 2035. What an example puts beyond is wrong on purpose.
_EARLIEST, _LATEST = 1_420_070_400, 2_051_222_400
_LARGEST_VARIED_AMOUNT = 10_000_000
_SUMS = frozenset({"fee", "net", "subtotal", "total"})
# Whole, so that what is a sum or difference of others stays one, and prime to ten: some currencies are written with
# digits that have to be zero, and an example may show one where they are not.
_FACTORS = (3, 7, 9)


Renamed = dict[bytes, bytes]
"""Ids that were replaced, each with the one that is in its place."""


@dataclass(frozen=True, slots=True)
class Varied:
    """A body made of an example's, and its headers; all amounts are `factor` times those of the example."""

    body: bytes
    headers: Mapping[str, str]
    factor: int = 1


def renew_ids(body: bytes, dice: random.Random, fresh: Renamed | None = None) -> bytes:
    """Replace every id in a body, JSON or not, by another of the same form; equal ids stay equal.

    Ids that are in `fresh` become what is there, and others are added to it.
    """
    fresh = {} if fresh is None else fresh

    def replace(match: re.Match[bytes]) -> bytes:
        whole = match["whole"] or match["segment"]
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
    example: Example,
    *,
    created: int,
    created_at: Source,
    owner: Path | None,
    account: str,
    dice: random.Random,
    form: Form | None = None,
) -> Varied:
    """Return another body of an example and its headers: new ids, amounts, times and merchant.

    Args:
        example: What to start from.
        created: When the event happened, in seconds since 1970; other times keep their distance to it.
        created_at: Where the body says when the event happened.
        owner: Where the body says which merchant's event it is; None where it does not.
        account: That merchant.
        dice: Source of all randomness.
        form: What a body that is a form may hold; None where bodies are JSON.
    """
    if form is not None:
        return _varied_form(example, form, created, created_at, owner, account, dice)
    body, headers = _renewed(example.body, example.headers, dice, {})
    if _is_text(body):
        return Varied(orjson.dumps(f"{orjson.loads(body)} {dice.getrandbits(64):016x}"), headers)
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        return Varied(body, headers)
    if not isinstance(content, dict):
        return Varied(body, headers)
    told = None if example.event is None else example.event.get("amount_cents")
    factor = dice.choice(_FACTORS) if can_scale(content, told) else 1
    now = _seconds(find(content, created_at, headers))
    changed = _changed(content, 0 if now is None else created - now, factor)
    if owner is not None:
        place(changed, owner, account)
    return Varied(orjson.dumps(changed), headers, factor)


def _varied_form(  # noqa: PLR0917  # one caller
    example: Example,
    form: Form,
    created: int,
    created_at: Source,
    owner: Path | None,
    account: str,
    dice: random.Random,
) -> Varied:
    try:
        read = content_of(example.body, form)
    except ValueError:
        return Varied(*_renewed(example.body, example.headers, dice, {}))
    body, headers = _renewed(orjson.dumps(read), example.headers, dice, {})
    content = orjson.loads(body)
    told = find(content, created_at, headers)
    if isinstance(created_at, tuple) and isinstance(told, str) and told.isdecimal():
        # In a form all is text; a number with so many digits counts milliseconds.
        place(content, created_at, str(created * (1000 if int(told) > _LATEST else 1)))
    elif (now := _seconds(told)) is not None:
        content = _changed(content, created - now, 1)
    if owner is not None:
        place(content, owner, account)
    return Varied(body_of(content, form), headers)


def retell(  # noqa: PLR0917  # what a life has one of for all of its webhooks
    body: bytes,
    headers: Mapping[str, str],
    fresh: Renamed,
    shift: int,
    factor: int,
    owner: Path | None,
    account: str,
    dice: random.Random,
    form: Form | None = None,
) -> Varied:
    """Return a webhook of a life with the ids, the distance in time (seconds) and the factor that all of it has."""
    # As JSON, in which ids stand between quotes.
    written = body if form is None else orjson.dumps(content_of(body, form))
    renewed, headers = _renewed(written, headers, dice, fresh)
    changed = _changed(orjson.loads(renewed), shift, factor)
    if owner is not None:
        place(changed, owner, account)
    return Varied(body_of(changed, form), headers, factor)


def factor_of(dice: random.Random) -> int:
    """Return by what the amounts of a life are multiplied."""
    return dice.choice((1, *_FACTORS))


def can_scale(content: Any, told: object) -> bool:
    """Tell whether all amounts of a body can be multiplied, so that what is told of it is multiplied with them.

    `told` is the amount that the unified event has; it has to be in the body as an amount, and as nothing else.
    """
    numbers = list(_numbers("", content, {}))
    amounts = [number for number, is_amount in numbers if is_amount]
    if any(not 0 <= amount <= _LARGEST_VARIED_AMOUNT for amount in amounts):
        return False
    return not told or (told in amounts and all(is_amount for number, is_amount in numbers if number == told))


def instant(content: Any, created_at: Source, headers: Mapping[str, str]) -> int | None:
    """Return when a body says that the event happened, in seconds since 1970; None where it does not."""
    return _seconds(find(content, created_at, headers))


def shifted(content: Any, seconds: int) -> Any:
    """Return a document in which every time is some seconds later."""
    return _changed(content, seconds, 1)


def _renewed(
    body: bytes, headers: Mapping[str, str], dice: random.Random, fresh: Renamed
) -> tuple[bytes, dict[str, str]]:
    # Together, so that an id which is in both stays one.
    both = b"%b\x00%b" % (body, orjson.dumps(dict(headers)))
    renewed, _, written = renew_ids(both, dice, fresh).rpartition(b"\x00")
    read: dict[str, str] = orjson.loads(written)
    return renewed, read


def _changed(content: Any, shift: int, factor: int) -> Any:
    def change(key: str, value: Any, among: Mapping[str, Any]) -> Any:
        if _is_amount(key, value, among):
            return value * factor
        return value if _seconds(value) is None else _shifted(value, shift)

    return _walk("", content, {}, change)


def _numbers(key: str, value: Any, among: Mapping[str, Any]) -> Iterator[tuple[int, bool]]:
    """Yield every whole number of a document, with whether it is an amount."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _numbers(name, item, value)
    elif isinstance(value, list):
        for item in value:
            yield from _numbers(key, item, among)
    elif isinstance(value, int) and not isinstance(value, bool):
        yield value, _is_amount(key, value, among)


def _walk(key: str, value: Any, among: Mapping[str, Any], change: Callable[[str, Any, Mapping[str, Any]], Any]) -> Any:
    if isinstance(value, dict):
        return {name: _walk(name, item, value, change) for name, item in value.items()}
    if isinstance(value, list):
        return [_walk(key, item, among, change) for item in value]
    return change(key, value, among)


def _is_amount(key: str, value: object, among: Mapping[str, Any]) -> bool:
    if not isinstance(value, int) or isinstance(value, bool):
        return False
    return "amount" in key.split("_") or key in _SUMS or (key == "value" and "currency" in among)


def _is_text(body: bytes) -> bool:
    try:
        return isinstance(orjson.loads(body), str)
    except orjson.JSONDecodeError:
        return False


def _seconds(value: object) -> int | None:
    """Return an instant in seconds since 1970, None where the value is not taken for one."""
    if isinstance(value, str) and _INSTANT.fullmatch(value):
        try:
            read = datetime.fromisoformat(value)
            seconds = int((read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp())
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
