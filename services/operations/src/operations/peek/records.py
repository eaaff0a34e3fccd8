"""Records of a topic as a person wants to see them, and which of them."""

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Final

from kit.errors import Rejected
from kit.kafka import Message
from kit.tracing import HEADER
from payments_contracts.topics import TOPICS

from operations.recovery.sending import RUN_HEADER
from operations.recovery.topics import Decoder
from operations.shown import PERSONAL, bare, size

_OUR_HEADERS: Final = frozenset({HEADER, RUN_HEADER, "job"})
"""Headers that programs of ours write: the trace's context, the run that sent a record again, the job that wrote it."""
_KEYS: Final = {topic.name: topic.key for topic in TOPICS}


@dataclass(frozen=True, slots=True)
class Shown:
    """A record with its place and time (UTC); where it cannot be read, why."""

    message: Message
    record: Mapping[str, Any]
    unreadable: str | None = None

    @property
    def at(self) -> datetime:
        """When it was written, by Kafka's time."""
        return datetime.fromtimestamp(self.message.timestamp / 1000, UTC)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a record's fields have to be, by name, as texts; of a list, one of its items. Empty for any record."""

    fields: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def covers(self, record: Mapping[str, Any]) -> bool:
        """Tell whether a record is wanted; a field that it lacks is none of the texts."""
        return all(not values.isdisjoint(_texts(record.get(name))) for name, values in self.fields.items())

    @property
    def is_any(self) -> bool:
        """Whether every record is wanted."""
        return not self.fields


def decoded(messages: Iterable[Message], decoder: Decoder, wanted: Wanted) -> Iterator[Shown]:
    """Yield the records that are wanted; what cannot be read is wanted where any record is.

    Raises:
        Transient: Nobody can tell now by which schema a record is to be read.
    """
    for message in messages:
        try:
            record = decoder.decode(message.value or b"")
        except Rejected as error:
            if wanted.is_any:
                yield Shown(message, {}, f"{error.reason_code}: {error.detail}")
            continue
        if wanted.covers(record):
            yield Shown(message, record)


def as_object(shown: Shown, *, personal: bool) -> dict[str, Any]:
    """Return a record as JSON has it: bytes as text where they are UTF-8, else in base64."""
    message = shown.message
    found = {
        "topic": message.topic,
        "partition": message.partition,
        "offset": message.offset,
        "at": shown.at.isoformat(),
        "key": _key(shown, personal=personal),
        "headers": _headers(message, personal=personal),
        "record": {name: _plain(value) for name, value in (shown.record if personal else bare(shown.record)).items()},
    }
    return found if shown.unreadable is None else found | {"unreadable": shown.unreadable}


def line(shown: Shown, *, personal: bool) -> str:
    """Return a record as a line: its time and place, and those of its fields that say something."""
    message = shown.message
    place = f"{shown.at:%H:%M:%S.%f}"[:-3] + f"  [{message.partition}]@{message.offset}"
    if shown.unreadable is not None:
        return f"{place}  cannot be read: {shown.unreadable} ({len(message.value or b'')} bytes)"
    record = shown.record if personal else {n: v for n, v in shown.record.items() if n not in PERSONAL}
    said = (f"{name}={_short(value)}" for name, value in record.items() if value is not None and value != [])
    headers = "".join(f"  {name}: {value}" for name, value in _headers(message, personal=personal).items())
    return f"{place}  {' '.join(said)}{headers}"


def _key(shown: Shown, *, personal: bool) -> Any:
    """Return the key of a record; to who does not ask for more, only where it is what the contract says."""
    key = shown.message.key
    if key is None:
        return None
    field_name = _KEYS.get(shown.message.topic, "")
    is_due = field_name not in PERSONAL and _plain(key) == str(shown.record.get(field_name))
    return _plain(key) if personal or is_due else size(key)


def _headers(message: Message, *, personal: bool) -> dict[str, Any]:
    return {
        name: _plain(value) if personal or name in _OUR_HEADERS else size(value)
        for name, value in message.headers.items()
    }


def _texts(value: Any) -> frozenset[str]:
    match value:
        case None:
            return frozenset({"null"})
        case bool():
            return frozenset({str(value).lower()})
        case list():
            return frozenset(map(str, value))
    return frozenset({str(value)})


def _short(value: Any) -> str:
    plain = _plain(value)
    text = plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)
    return json.dumps(text, ensure_ascii=False) if " " in text and isinstance(plain, str) else text


def _plain(value: Any) -> Any:
    match value:
        case bytes():
            try:
                return value.decode()
            except UnicodeDecodeError:
                return base64.b64encode(value).decode()
        case datetime() | date():
            return value.isoformat()
        case Mapping():
            return {name: _plain(each) for name, each in value.items()}
        case list():
            return [_plain(each) for each in value]
    return value
