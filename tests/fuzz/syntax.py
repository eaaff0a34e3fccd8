"""Bodies whose bytes are not JSON text, or only just one."""

from __future__ import annotations

import gzip
import zlib
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import orjson

from tests.fuzz.body import JSON_HEADERS, Draft, Material, plain, replaced

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random

    from tests.fuzz.body import Maker

_NOT_UTF8 = (
    *(b"\x80", b"\xbf", b"\xff", b"\xfe", b"\xc3", b"\xe2\x82", b"\xf0\x9f\x92"),
    *(b"\xc0\xaf", b"\xe0\x80\xaf", b"\xf0\x80\x80\xaf", b"\xf8\x88\x80\x80\x80"),  # longer than they need to be
    *(b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xf4\x90\x80\x80"),  # surrogates, and beyond the last character
)
_LONE_SURROGATES = (rb"\ud800", rb"\udfff", rb"\udc00\ud800", rb"\ud83d\n", rb"\ud83dx", rb"\uD800\uD800")
_NO_NUMBERS = (b"NaN", b"nan", b"Infinity", b"-Infinity", b"inf", b"1.#INF", b"-NaN")
_NO_VALUES = (
    *(b"'text'", b"True", b"None", b"undefined", b"text", b"01", b"+1", b".5", b"1.", b"0x1F", b"1_000", b"-", b"1e"),
    *(b"[1,]", b"{,}", b"[1 2]", b'{"a" 1}', b'{"a":}', b"{a:1}", b"/* */1", b"1 // x", b"", b",", b"`text`", b"--1"),
    *(rb'"\x41"', rb'"\u12"', rb'"\u{41}"', b'"', b'"\\"', b"[", b"{", b"]", b"\xc2\xa01", b"\xe2\x80\xa81", b"\x0b1"),
)
_TAILS = (b"x", b"}", b"]", b",", b"{}", b"null", b"0", b"\x00", b"//", b"#", b"\x1a", b"\xef\xbb\xbf", b"\x0c", b'""')
_DEEPEST_READ = 1024
_BOTH = (b'[{"a":', b"1", b"}]", 2)


def truncated(material: Material, dice: Random) -> Draft:
    whole = material.text(dice)
    return Draft(whole[: dice.randrange(len(whole))])


def not_utf8(material: Material, dice: Random) -> Draft:
    whole = material.text(dice)
    place = dice.randrange(len(whole) + 1)
    return Draft(whole[:place] + dice.choice(_NOT_UTF8) + whole[place:])


def not_utf8_in_text(material: Material, dice: Random) -> Draft:
    key, value = dice.choice([(b"%b", b"x"), (b"x", b"%b")])
    pair = b'"%b":"%b",' % (key.replace(b"%b", dice.choice(_NOT_UTF8)), value.replace(b"%b", dice.choice(_NOT_UTF8)))
    return Draft(b"{" + pair + material.text(dice)[1:])


def lone_surrogate(material: Material, dice: Random) -> Draft:
    surrogate = dice.choice(_LONE_SURROGATES)
    if dice.random() < 0.5:
        return Draft(b'{"' + surrogate + b'":1,' + material.text(dice)[1:])
    path = dice.choice([plain(material.places.event_id), ("extra",)])
    return Draft(replaced(material.event(dice), path, b'"' + surrogate + b'"'))


def other_encoding(material: Material, dice: Random) -> Draft:
    name = dice.choice(["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-7", "utf-8-sig"])
    text = material.text(dice).decode()
    # Where only ASCII is used, UTF-7 is the same as UTF-8 but for a few signs.
    return Draft(text.encode(name), "either" if name == "utf-7" else "malformed")


def not_number(material: Material, dice: Random) -> Draft:
    path = dice.choice([plain(material.places.created_at), ("extra",), ("data", "object", "amount")])
    return Draft(replaced(material.event(dice), path, dice.choice(_NO_NUMBERS)))


def not_value(material: Material, dice: Random) -> Draft:
    path = dice.choice([*(path for path, _ in material.places.required), ("extra",)])
    return Draft(replaced(material.event(dice), path, dice.choice(_NO_VALUES)))


def trailing(material: Material, dice: Random) -> Draft:
    whole = material.text(dice)
    return Draft(whole + dice.choice([*_TAILS, whole]) + b" " * dice.randrange(4))


def control_character(material: Material, dice: Random) -> Draft:
    raw = b'"a%cb"' % dice.randrange(0x20)
    return Draft(replaced(material.event(dice), ("extra",), raw))


def escaped_control_character(material: Material, dice: Random) -> Draft:
    event = material.event(dice)
    path = dice.choice([plain(material.places.event_id), plain(material.places.event_type), ("extra",)])
    return Draft(replaced(event, path, b'"%x\\u00%02x"' % (dice.getrandbits(64), dice.randrange(0x20))), "sound")


def blank(material: Material, dice: Random) -> Draft:
    return Draft(bytes(dice.choices(b" \t\r\n", k=dice.randrange(200))))


def random_bytes(material: Material, dice: Random) -> Draft:
    return Draft(dice.randbytes(dice.randint(1, 2000)))


def byte_changed(material: Material, dice: Random) -> Draft:
    whole = bytearray(material.text(dice))
    for _ in range(dice.randint(1, 3)):
        whole[dice.randrange(len(whole))] = dice.randrange(256)
    return Draft(bytes(whole), "either")


def form(material: Material, dice: Random) -> Draft:
    event = material.event(dice)
    pairs = dice.choice([event, {"payload": orjson.dumps(event)}, {"data[object]": dice.getrandbits(60)}])
    return Draft(urlencode(pairs).encode(), headers={"Content-Type": "application/x-www-form-urlencoded"})


def xml(material: Material, dice: Random) -> Draft:
    number = dice.getrandbits(60)
    laughs = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;"><!ENTITY c SYSTEM "file:///etc/passwd">]>'
    text = f'<?xml version="1.0"?>{dice.choice(["", laughs])}<event id="{number}">&b;&c;</event>'
    return Draft(text.encode(), headers={"Content-Type": "application/xml"})


def nested(material: Material, dice: Random) -> Draft:
    """Up to a hundred thousand levels, most often few; at the root, in a field, or never closed."""
    opening, inner, closing, step = dice.choice([(b"[", b"", b"]", 1), (b'{"a":', b"1", b"}", 1), _BOTH])
    times = max(1, round(10 ** dice.uniform(1, 5)) // step)
    deep = opening * times + inner + closing * times
    # The root is a level too.
    levels = times * step + 1
    field = replaced(material.event(dice), ("extra",), deep)
    if levels <= _DEEPEST_READ:
        return dice.choice([Draft(field, "sound"), Draft(deep, "malformed")])
    unclosed = replaced(material.event(dice), ("extra",), opening * times)
    required = replaced(material.event(dice), plain(material.places.event_id), deep)
    return Draft(dice.choice([field, deep, unclosed, required]))


def compressed(material: Material, dice: Random) -> Draft:
    whole = material.text(dice)
    content, encoding = dice.choice([(gzip.compress(whole, 6, mtime=0), "gzip"), (zlib.compress(whole, 6), "deflate")])
    return Draft(content, headers=dice.choice([JSON_HEADERS, {**JSON_HEADERS, "Content-Encoding": encoding}]))


@cache
def _bomb(megabytes: int, filling: bytes) -> bytes:
    return gzip.compress(filling * (megabytes << 20), 9, mtime=0)


def gzip_bomb(material: Material, dice: Random) -> Draft:
    """Little that becomes very much when it is unpacked; the time in its head makes it one of its kind."""
    bomb = _bomb(dice.choice([1, 10, 100]), dice.choice([b"\x00", b" ", b"["]))
    content = bomb[:4] + dice.randbytes(4) + bomb[8:]
    return Draft(content, headers=dice.choice([JSON_HEADERS, {**JSON_HEADERS, "Content-Encoding": "gzip"}]))


def at_limit(material: Material, dice: Random) -> Draft:
    """As long as may be, padded outside or inside, and sound or without its last byte."""
    limit = material.places.max_body_bytes - dice.choice([0, 0, 1, dice.randrange(1000)])
    whole = material.text(dice)
    padding = limit - len(whole)
    padded = dice.choice([b" " * padding + whole, whole[:-1] + b',"":"' + b"x" * (padding - 6) + b'"}'])
    return dice.choice([Draft(padded, "sound"), Draft(padded[:-1], "malformed")])


def over_limit(material: Material, dice: Random) -> Draft:
    limit = material.places.max_body_bytes
    size = limit + dice.choice([1, 1, 2, dice.randint(1, limit), 4 * limit])
    whole = dice.choice([material.text(dice), dice.randbytes(1000)])
    return Draft(whole.ljust(size), "either")


MAKERS: Mapping[str, tuple[Maker, int]] = {
    "truncated": (truncated, 30),
    "not UTF-8": (not_utf8, 15),
    "not UTF-8 in a text or key": (not_utf8_in_text, 10),
    "lone surrogate": (lone_surrogate, 10),
    "another encoding, or a byte order mark": (other_encoding, 10),
    "NaN or Infinity": (not_number, 10),
    "no JSON value": (not_value, 15),
    "trailing garbage": (trailing, 10),
    "control character": (control_character, 10),
    "escaped control character": (escaped_control_character, 5),
    "blank": (blank, 2),
    "random bytes": (random_bytes, 10),
    "bytes changed": (byte_changed, 20),
    "form": (form, 5),
    "XML": (xml, 5),
    "deep nesting": (nested, 10),
    "compressed": (compressed, 5),
    "gzip bomb": (gzip_bomb, 2),
    "at the limit": (at_limit, 1),
    "over the limit": (over_limit, 1),
}
