"""What a gateway asks of a body before it lets it in, as the contracts say it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from codegen.build import at
from codegen.form import FormError, document
from codegen.language.model import Path
from codegen.webhooks import First, Header, Joined, in_header, paths_of, written

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from codegen.document import Place
    from codegen.webhooks import Envelope, Source

_DIGITS = re.compile(r"[0-9]{1,15}", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# What a gateway takes for an instant: it is beyond no calendar.
_LAST_MILLISECOND = 253_402_214_400_000
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})
_JSON_NAMES: dict[type, str] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    dict: "object",
    list: "array",
    type(None): "null",
}
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """What a gateway has against a body: a reason code, and the place in the provider's contract that asks for more."""

    code: str
    message: str
    place: Place


class Found(NamedTuple):
    """What a gateway hands on of an event beside its merchant, in the order in which mappings take it.

    Instants are in milliseconds since 1970; None where there is none.
    """

    event_id: str = ""
    event_type: str = ""
    received_at: int | None = None
    created_at: int | None = None
    livemode: bool | None = None


def refusal(envelope: Envelope, body: bytes, headers: Mapping[str, str] = _NO_HEADERS) -> str | None:
    """Return the first ingestion reason code against a body, or None where it may come in."""
    found = fault(envelope, body, headers)
    return None if found is None else found.code


def found_in(envelope: Envelope, root: object, headers: Mapping[str, str], received_at: int | None = None) -> Found:
    """Return what a gateway finds in a parsed body, of several events in the first; an empty text where it refuses.

    Where the webhook does not say whether it is live, its endpoint is.
    """
    return Found(
        event_id=_said(envelope.event_id, root, headers),
        event_type=_said(envelope.event_type, root, headers),
        received_at=received_at,
        created_at=_created_at(envelope, root, headers),
        livemode=_is_live(envelope, root, headers),
    )


def _value(source: Source, root: object, headers: Mapping[str, str]) -> object:
    if isinstance(source, Header):
        return in_header(headers, source.name)
    return next((value for path in paths_of(source) if (value := at(root, path)) is not None), None)


def _created_at(envelope: Envelope, root: object, headers: Mapping[str, str]) -> int | None:
    value = _value(envelope.created_at, root, headers)
    if envelope.form is not None and isinstance(value, str) and _DIGITS.fullmatch(value):
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        millis = value * (1000 if envelope.created_at_unit == "seconds" else 1)
    else:
        try:
            instant = datetime.fromisoformat(value if isinstance(value, str) else "")
            millis = (instant - _EPOCH) // timedelta(milliseconds=1)
        except (ValueError, TypeError, OverflowError):
            return None
    return millis if 0 <= millis <= _LAST_MILLISECOND else None


def _is_live(envelope: Envelope, root: object, headers: Mapping[str, str]) -> bool:
    places = envelope.livemode
    found = None if places is None else places.read(_value(places.source, root, headers))
    return found is not False


def _said(source: Source, root: object, headers: Mapping[str, str]) -> str:
    match source:
        case Header(name):
            return in_header(headers, name) or ""
        case Joined(paths, separator):
            return separator.join(written(at(root, path)) or "" for path in paths)
        case Path() | First():
            value = _value(source, root, headers)
            # An object or a list is no id; as a text, one that is nested deeply could not even be written.
            return str(value) if isinstance(value, str | int | float) else ""


def fault(envelope: Envelope, body: bytes, headers: Mapping[str, str] = _NO_HEADERS) -> Fault | None:
    """Return the first fault of a body, or None where it may come in."""
    root = _parsed(envelope, body)
    if isinstance(root, Fault):
        return root
    faults = _faults(envelope, root, headers) if envelope.items is None else _faults_of_items(envelope, root, headers)
    if (found := next(faults, None)) is not None:
        return found
    if len(body) > envelope.max_body_bytes:
        message = f"the body has {len(body)} bytes, and {envelope.max_body_bytes} are allowed"
        return Fault("body_too_large", message, ("envelope", "max_body_bytes"))
    return None


def _parsed(envelope: Envelope, body: bytes) -> dict[str, Any] | Fault:
    """Return the document that a body is, or what keeps it from being one."""
    try:
        if envelope.form is not None:
            return document(envelope.form, body)
        body.decode("utf-8")
        root = orjson.loads(body)
    except FormError as error:
        return Fault(error.code, str(error), ("envelope", "body"))
    except UnicodeDecodeError as error:
        return Fault("not_utf8", f"byte {error.start} is not UTF-8", ("envelope",))
    except orjson.JSONDecodeError as error:
        return Fault("not_json", str(error), ("envelope",))
    if not isinstance(root, dict):
        return Fault("not_object", f"the body is a JSON {_JSON_NAMES[type(root)]}", ("envelope",))
    return root


def _faults_of_items(envelope: Envelope, root: dict[str, Any], headers: Mapping[str, str]) -> Iterator[Fault]:
    """Yield what is wrong with a body that holds several events, then with each of them."""
    assert envelope.items is not None  # noqa: S101 - for the type checker
    path, most = envelope.items.path, envelope.items.most
    if (found := _unmet(envelope, root, path, ("array",))) is not None:
        yield found
        return
    events = at(root, path)
    place = ("envelope", "items")
    if not events:
        yield Fault("field_missing", f"{path} is empty", place)
    if len(events) > most:
        yield Fault("field_too_long", f"{path} holds {len(events)} events, and {most} are allowed", place)
    for event in events:
        yield from _faults(envelope, alone(root, path, event), headers)


def alone(root: dict[str, Any], path: Path, event: object) -> dict[str, Any]:
    """Return a body whose list at a path holds one event alone."""
    first, *rest = path.steps
    below = alone(root[str(first)], Path(tuple(rest)), event) if rest else [event]
    return {**root, str(first): below}


def _faults(envelope: Envelope, root: Mapping[str, Any], headers: Mapping[str, str]) -> Iterator[Fault]:
    """Yield what is wrong with the fields, in the order in which gateways look at them."""
    bounded = envelope.identifying
    for path, kinds in envelope.required:
        if (found := _unmet(envelope, root, path, kinds)) is not None:
            yield found
        elif path in bounded:
            yield from _too_long(envelope, root, path)
    for source in (envelope.event_id, envelope.event_type):
        if isinstance(source, Header):
            yield from _header_faults(envelope, headers, source.name)
    account = envelope.account
    if account is not None and not isinstance(value := at(root, account), str | None):
        message = f"{account} is a JSON {_JSON_NAMES[type(value)]}, not string; it would be another account's event"
        yield Fault("field_type", message, ("envelope", "account"))
    for path in bounded:
        yield from _too_long(envelope, root, path)


def _header_faults(envelope: Envelope, headers: Mapping[str, str], name: str) -> Iterator[Fault]:
    text, limit = in_header(headers, name), envelope.max_text_characters
    if text is None:
        yield Fault("field_missing", f"the header {name} is absent or empty", ("envelope",))
    elif len(text) > limit:
        message = f"the header {name} has {len(text)} characters, and {limit} are allowed"
        yield Fault("field_too_long", message, ("envelope", "max_text_characters"))


def _too_long(envelope: Envelope, root: Mapping[str, Any], path: Path) -> Iterator[Fault]:
    value, limit = at(root, path), envelope.max_text_characters
    if isinstance(value, str) and len(value) > limit:
        message = f"{path} has {len(value)} characters, and {limit} are allowed"
        yield Fault("field_too_long", message, ("envelope", "max_text_characters"))


def _unmet(envelope: Envelope, root: Any, path: Path, kinds: tuple[str, ...]) -> Fault | None:
    """Return what is wrong at a required path; a text that means null is as good as none."""
    place = ("envelope", "required", str(path))
    value = root
    for depth, step in enumerate(path.steps):
        wanted = list if isinstance(step, int) else dict
        if not isinstance(value, wanted):
            above, kind = Path(path.steps[:depth]), _JSON_NAMES[wanted]
            return Fault("field_type", f"{above} is a JSON {_JSON_NAMES[type(value)]}, not {kind}", place)
        value = at(value, Path((step,)))
        if envelope.is_absent(value):
            return Fault("field_missing", f"{path} is absent, null or empty", place)
    if not any(_is(value, name) for name in kinds):
        message = f"{path} is a JSON {_JSON_NAMES[type(value)]}, not {' or '.join(kinds)}"
        return Fault("field_type", message, place)
    return None


def _is(value: Any, name: str) -> bool:
    # Python's bool is an int; JSON's is not.
    return isinstance(value, _TYPES[name]) and (name == "boolean" or not isinstance(value, bool))
