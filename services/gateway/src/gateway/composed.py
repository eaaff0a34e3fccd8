"""Reads envelopes that are not all at single places of one body: several events, headers, joined values. Pure.

It parses a body once and whole; who needs no more than single places is read by `gateway.envelope`, which is faster.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import orjson
from payments_contracts.forms import FormError, document
from payments_contracts.identity import event_id
from payments_contracts.providers import First, Header, Joined, JsonType, Path, Provider, Source

from gateway.carried import find, shown, written
from gateway.envelope import NAMES, TYPES, Envelope, milliseconds, types_of, undecodable
from gateway.errors import Malformed
from gateway.items import Item, split
from gateway.livemode import LivemodeReader
from gateway.owner import Owner

_DIGITS: Final = re.compile(r"[0-9]{1,15}", re.ASCII)
_CONTAINERS: Final[Mapping[type, JsonType]] = {str: "object", int: "array"}


def is_composed(provider: Provider) -> bool:
    """Tell whether more is needed of a webhook than values at single places of the body, and a signature's header."""
    places = provider.envelope
    sources = (places.event_id, places.event_type, places.created_at)
    simple = all(isinstance(source, tuple) for source in sources) and places.created_at_unit == "seconds"
    signature = provider.signature
    return (
        not simple
        or places.items is not None
        or places.form is not None
        or signature.field is not None
        or signature.needs_headers
        or signature.is_asymmetric
    )


class ComposedReader:
    """Reads the envelopes of a body's events where a provider's contract says they are."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider.name
        self._places = places = provider.envelope
        self._owner = Owner(places)
        self._bounded = places.identifying
        self._headers = tuple(each.name for each in (places.event_id, places.event_type) if isinstance(each, Header))
        self._live = None if places.livemode is None else LivemodeReader(places.livemode)
        self._event_id = _reader(places.event_id)
        self._event_type = _reader(places.event_type)
        self._created_at = _value_reader(places.created_at)
        self._scale = 1000 if places.created_at_unit == "seconds" else 1

    def open(self, body: bytes) -> list[Item] | Malformed:
        """Return the events of a body, or say why it holds none."""
        if self._places.form is not None:
            try:
                return [Item(document(body, self._places.form), body)]
            except FormError as error:
                return Malformed(error.code, f"The body is not a form as the contract has it. {error}", "decode")
        try:
            items = split(body, self._places.items)
        except orjson.JSONDecodeError:
            return undecodable(body)
        if items is not None and type(items[0].content) is dict:
            return items
        content = orjson.loads(body)
        if type(content) is not dict:
            return Malformed("not_object", f"The body is a JSON {NAMES[type(content)]}, not an object.", "structure")
        return self._unusable(content)

    def read(
        self,
        items: Sequence[Item],
        headers: Mapping[str, str],
        endpoint_merchant_id: str,
        *,
        endpoint_livemode: bool = True,
    ) -> list[Envelope] | Malformed:
        """Read the envelope of each event, or say what is wrong with the first one that is none."""
        for item in items:
            if (problem := next(self._problems(item.content, headers), None)) is not None:
                return problem
        return [
            self._envelope(item.content, headers, endpoint_merchant_id)._replace(
                livemode=self._is_live(item.content, headers, endpoint_livemode=endpoint_livemode)
            )
            for item in items
        ]

    def _is_live(self, content: dict[str, Any], headers: Mapping[str, str], *, endpoint_livemode: bool) -> bool:
        if self._live is None:
            return endpoint_livemode
        said = None if self._live.path is None else find(content, self._live.path)
        return self._live.read(said, headers, endpoint_livemode)

    def _unusable(self, content: dict[str, Any]) -> Malformed:
        items = self._places.items
        assert items is not None  # noqa: S101  # only a list of events can be unusable
        if (problem := self._unmet(content, items.path, ("array",))) is not None:
            return problem
        if not find(content, items.path):
            return Malformed("field_missing", f"The field {shown(items.path)} is empty.", "structure")
        detail = f"The field {shown(items.path)} holds more than {items.most} events."
        return Malformed("field_too_long", detail, "structure")

    def _problems(self, content: dict[str, Any], headers: Mapping[str, str]) -> Iterator[Malformed]:
        """Yield what is wrong with the fields, in the order that contracts/README.md has."""
        for path, kinds in self._places.required:
            if (problem := self._unmet(content, path, kinds)) is not None:
                yield problem
            elif path in self._bounded:
                yield from self._too_long(content, path)
        for name in self._headers:
            text = headers.get(name.lower())
            if not text:
                yield Malformed("field_missing", f"The header {name} is absent or empty.", "structure")
            elif len(text) > self._places.max_text_characters:
                detail = f"The header {name} is longer than {self._places.max_text_characters} characters."
                yield Malformed("field_too_long", detail, "structure")
        if (place := self._places.account) is not None:
            account = find(content, place)
            if account is not None and type(account) is not str:
                # Passing over it would make it the event of another account.
                yield _mistyped(place, account, "string")
        for path in self._bounded:
            yield from self._too_long(content, path)

    def _too_long(self, content: dict[str, Any], path: Path) -> Iterator[Malformed]:
        value = find(content, path)
        if type(value) is str and len(value) > self._places.max_text_characters:
            detail = f"The field {shown(path)} is longer than {self._places.max_text_characters} characters."
            yield Malformed("field_too_long", detail, "structure")

    def _unmet(self, content: dict[str, Any], path: Path, kinds: Sequence[JsonType]) -> Malformed | None:
        """Say what keeps a path from being what the contract requires."""
        value: Any = content
        for depth, step in enumerate(path):
            container = _CONTAINERS[type(step)]
            if type(value) not in TYPES[container]:
                return _mistyped(path[:depth], value, container)
            value = find(value, (step,))
            if value is None or (type(value) is str and value in self._places.null_values):
                return Malformed("field_missing", f"The field {shown(path)} is absent, null or empty.", "structure")
        return None if type(value) in types_of(kinds) else _mistyped(path, value, " or ".join(kinds))

    def _envelope(self, content: dict[str, Any], headers: Mapping[str, str], endpoint_merchant_id: str) -> Envelope:
        places = self._places
        provider_event_id = self._event_id(content, headers)
        account = None if places.account is None else self._owner.account(find(content, places.account))
        api_version = None if places.api_version is None else find(content, places.api_version)
        merchants = (find(content, path) for path in places.merchant_id)
        return Envelope(
            event_id(self._provider, account, provider_event_id),
            provider_event_id,
            self._event_type(content, headers),
            next((owner for owner in merchants if self._owner.is_merchant(owner)), endpoint_merchant_id),
            self._owner.version(api_version),
            milliseconds(self._instant(content, headers), self._scale),
        )

    def _instant(self, content: dict[str, Any], headers: Mapping[str, str]) -> Any:
        value = self._created_at(content, headers)
        # In a form all is text.
        written = self._places.form is not None and type(value) is str and _DIGITS.fullmatch(value)
        return int(value) if written else value


def _reader(source: Source) -> Callable[[Any, Mapping[str, str]], str]:
    match source:
        case Joined(paths, separator):
            return lambda content, _headers: separator.join(written(find(content, path)) for path in paths)
        case _:
            value = _value_reader(source)
            return lambda content, headers: str(value(content, headers))


def _value_reader(source: Source) -> Callable[[Any, Mapping[str, str]], Any]:
    match source:
        case Header(name):
            key = name.lower()
            return lambda _content, headers: headers.get(key)
        case First(paths):
            return lambda content, _headers: next(
                (value for path in paths if (value := find(content, path)) is not None), None
            )
        case Joined():
            raise AssertionError(source)
        case _:
            return lambda content, _headers: find(content, source)


def _mistyped(path: Path, value: object, wanted: str) -> Malformed:
    return Malformed(
        "field_type", f"The field {shown(path)} is a JSON {NAMES[type(value)]}, not {wanted}.", "structure"
    )
