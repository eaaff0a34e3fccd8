"""JSON as a careless or hostile sender writes it, which no library would: written out member by member."""

import json
from random import Random
from typing import Any

Members = list[tuple[bytes, "bytes | Members"]]
"""An object as it is written: keys in quotes, each with its value's text or the object that it is."""

INTEGERS = (b"0", b"-0", b"1767607290", b"9223372036854775807", b"-9223372036854775808", b"18446744073709551615")
NUMBERS = (b"-0.0", b"0.5", b"1.0", b"1e3", b"1E-400", b"18446744073709551616", b"-9223372036854775809", b"9" * 30)
TEXTS = (b'""', b'"x"', b'"\\u0000"', b'"\\ud83d\\ude00"', b'"caf\xc3\xa9"', b'"2026-01-05T10:01:30Z"', b'"\x7f"')
OTHERS = (b"null", b"true", b"false", b"[]", b"[1,null]", b"{}", b'{"id":"x"}', b'{"id":null}', b'[{"a":[{}]}]')
NO_VALUES = (
    *(b"NaN", b"Infinity", b"-Infinity", b"nul", b"True", b"01", b"+1", b".5", b"1.", b"1e", b"0x1", b"1e999", b"--1"),
    *(
        b'"\\ud800"',
        b'"\\udc00"',
        b'"\\ud800\\u0041"',
        b'"\\udc00\\ud800"',
        b'"\\x"',
        b'"\\u12"',
        b'"a\nb"',
        b"'x'",
        b'"',
    ),
    *(b'"\xff"', b'"\xc0\x80"', b'"\xed\xa0\x80"', b'"\xf4\x90\x80\x80"', b"", b"[1,]", b"[", b"{]", b'{"a"}', b"{,}"),
    b"'x'",
    *(b"9" * 400, b"-" + b"9" * 400, b"1" * 5000),
)
VALUES = (*INTEGERS, *NUMBERS, *TEXTS, *OTHERS)
SPACES = (b"", b"", b"", b" ", b"\n\t\r ")


def members(content: dict[str, Any]) -> Members:
    """Return an object as it is usually written."""
    return [
        (json.dumps(key).encode(), members(value) if isinstance(value, dict) else json.dumps(value).encode())
        for key, value in content.items()
    ]


def written(value: bytes | Members, random: Random) -> bytes:
    """Return the text of a value, with spaces in some places."""
    if isinstance(value, bytes):
        return value
    space = random.choice(SPACES)
    inside = b",".join(b"%b%b:%b%b" % (space, key, space, written(each, random)) for key, each in value)
    return b"{%b%b}" % (inside, space)


def changed(whole: Members, random: Random, names: list[str], values: tuple[bytes, ...]) -> None:
    """Change something somewhere in an object, mostly under a name that is looked for."""
    inner = whole
    while (objects := [each for _, each in inner if isinstance(each, list)]) and random.random() < 0.6:
        inner = random.choice(objects)
    at = random.randrange(len(inner) + 1)
    change = random.choice((_add, _add, _exchange, _exchange, _repeat, _remove))
    key = json.dumps(random.choice((*names, "surprise", "", "a" * 40, "\u00e9", "\x00"))).encode()
    change(inner, at, escaped(key, random) if random.random() < 0.2 else key)
    for index, (name, value) in enumerate(inner):
        if value == b"?":
            inner[index] = (name, random.choice(values))


def escaped(key: bytes, random: Random) -> bytes:
    """Write a letter of a key as its number."""
    at = random.randrange(len(key))
    letter = key[at : at + 1]
    return key[:at] + b"\\u%04x" % letter[0] + key[at + 1 :] if letter.isalnum() and b"\\" not in key else key


def _add(inner: Members, at: int, key: bytes) -> None:
    inner.insert(at, (key, b"?"))


def _exchange(inner: Members, at: int, key: bytes) -> None:
    if at < len(inner):
        inner[at] = (inner[at][0], b"?")


def _repeat(inner: Members, at: int, key: bytes) -> None:
    if at < len(inner):
        inner.append((inner[at][0], inner[at][1] if len(key) % 2 else b"?"))


def _remove(inner: Members, at: int, key: bytes) -> None:
    if at < len(inner):
        del inner[at]
