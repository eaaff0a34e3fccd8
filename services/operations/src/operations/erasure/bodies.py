"""Which bytes of the archive name somebody: texts as providers send them, and records of ours. Pure."""

import json
import re
from dataclasses import dataclass
from urllib.parse import quote, quote_plus

from payments_contracts.topics import NORMALIZED

_UNREADABLE = 0  # the version of a row whose record could not be read: its bytes are those of a whole dead letter
_ONE_BYTE = 64  # from here on Avro writes a text's length in more than one byte, which is no text
_TEXT = "strpos(from_utf8(payload), ?) > 0"
_FIELD = "strpos(concat(from_utf8(payload), '&'), ?) > 0"
_BYTES = "strpos(to_hex(payload), ?) > 0"


@dataclass(frozen=True, slots=True)
class Condition:
    """Which rows: SQL with marks, and what stands for them."""

    text: str
    values: tuple[str, ...]

    def __or__(self, other: "Condition") -> "Condition":
        return Condition(f"{self.text} or {other.text}", (*self.values, *other.values))


def in_text(value: str) -> Condition:
    """Return which bodies have an id as a text of JSON, or as the whole value of a form's field.

    What stands around the id belongs to it, so that no longer id that begins or ends alike is meant.
    """
    spellings = _spellings(value)
    found = Condition(_TEXT, (json.dumps(value, ensure_ascii=False),))
    for each in spellings:
        found |= Condition(_FIELD, (f"={each}&",))
    for each in spellings:
        # A field may hold JSON.
        found |= Condition(_TEXT, (f"%22{each}%22",))
    return found


def in_letters(value: str) -> Condition:
    """Return which dead letters hold a normalized event, as Avro, with an id as one of its texts."""
    named = _in_avro(value)
    return Condition(
        f"((source_topic = ? or schema_version = {_UNREADABLE}) and {named.text})", (NORMALIZED.name, *named.values)
    )


def of_unknown_provider(provider: str) -> Condition:
    """Return which dead letters were written by somebody who could not tell the provider, but whose bytes do."""
    named = _in_avro(provider)
    return Condition(f"((provider is null or provider in ('', 'unknown')) and {named.text})", named.values)


def _in_avro(value: str) -> Condition:
    """Return which bytes have a text as Avro writes it: its length before it, so that no longer one is meant."""
    content = value.encode()
    if len(content) < _ONE_BYTE:
        return Condition(_TEXT, (f"{chr(2 * len(content))}{value}",))
    length, prefix = 2 * len(content), bytearray()
    while rest := length >> 7:
        prefix.append(length & 0x7F | 0x80)
        length = rest
    prefix.append(length)
    return Condition(_BYTES, ((bytes(prefix) + content).hex().upper(),))


def _spellings(value: str) -> list[str]:
    """Return an id as forms have it: senders differ in what they escape, and in how they write a hexadecimal digit."""
    found = dict.fromkeys((quote_plus(value), quote(value, safe=""), quote(value, safe="!$'()*,:;@/?")))
    lower = [re.sub("%..", lambda escape: escape[0].lower(), each) for each in found]
    return list(dict.fromkeys((*found, *lower)))
