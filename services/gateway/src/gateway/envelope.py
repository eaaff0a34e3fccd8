"""Reads from an authentic body what the pipeline needs to carry it, and nothing more. Pure.

What a parser may decide either way is decided here: NaN, Infinity, lone surrogates, a byte order mark, text after the
document, numbers beyond a double and nesting deeper than 1,024 are not JSON; of a repeated key the last value counts;
an integer beyond 64 bits is a number, not an integer.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import orjson
from payments_contracts.identity import event_id
from payments_contracts.normalize.values import iso8601_utc_millis
from payments_contracts.providers import JsonType, Provider, Source

from gateway.errors import Malformed
from gateway.excerpt import Excerpt
from gateway.livemode import NO_HEADERS, LivemodeReader
from gateway.owner import Owner

# As the parser makes them: in JSON, unlike in Python, a boolean is not an integer.
TYPES: Final[Mapping[JsonType, frozenset[type]]] = {
    "string": frozenset({str}),
    "integer": frozenset({int}),
    "number": frozenset({int, float}),
    "boolean": frozenset({bool}),
    "object": frozenset({dict}),
    "array": frozenset({list}),
}
NAMES: Final[Mapping[type, str]] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    dict: "object",
    list: "array",
    type(None): "null",
}
_NOT_LOOKED_AT: Final = frozenset({"boolean", "object", "array"})
_LAST_MILLISECOND = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp()) * 1000


class Envelope(NamedTuple):
    """What a webhook says it is. `created_at` is in milliseconds since 1970; None where it is beyond any calendar.

    `livemode` is whether real money is meant.
    """

    event_id: str
    provider_event_id: str
    event_type: str
    merchant_id: str
    api_version: str | None
    created_at: int | None
    livemode: bool = True


Keys = tuple[str, ...]
"""Keys of nested objects, from the outside in."""


class EnvelopeReader:
    """Reads envelopes that are at single places of the body, where a provider's contract says they are.

    Raises:
        TypeError: The contract looks for something elsewhere; `gateway.composed` reads that.
    """

    def __init__(self, provider: Provider) -> None:
        self._provider = provider.name
        self._places = places = provider.envelope
        self._required = {_keys(path): kinds for path, kinds in places.required}
        merchants = [_keys(path) for path in places.merchant_id]
        self._account = account = None if places.account is None else _keys(places.account)
        self._owner = Owner(places)
        # What objects, lists and booleans have to be, the excerpt sees to.
        looked_at = [path for path, kinds in self._required.items() if not _NOT_LOOKED_AT.issuperset(kinds)]
        api_version = None if places.api_version is None else _keys(places.api_version)
        single = [_keys(each) for each in (places.event_id, places.event_type, places.created_at)]
        event_id_path, event_type_path, created_at_path = single
        if api_version is not None:
            single.append(api_version)
        if account is not None:
            single.append(account)
        self._live = None if places.livemode is None else LivemodeReader(places.livemode)
        live = [] if self._live is None or self._live.path is None else [_keys(self._live.path)]
        self._paths = tuple(dict.fromkeys((*single, *merchants, *live, *looked_at)))
        self._excerpt = Excerpt(self._required, self._paths)
        at = {path: index for index, path in enumerate(self._paths)}
        self._at_required = tuple((at[path], types_of(self._required[path])) for path in looked_at)
        self._at_merchant = tuple(at[path] for path in merchants)
        self._at_event_id, self._at_event_type = at[event_id_path], at[event_type_path]
        self._at_created_at = at[created_at_path]
        self._at_api_version = None if api_version is None else at[api_version]
        self._at_livemode = at[live[0]] if live else None
        self._at_account = None if account is None else at[account]
        self._longest = places.max_text_characters
        self._bounded = tuple(_keys(path) for path in places.identifying)
        self._at_bounded = tuple(at[path] for path in self._bounded)

    def read(
        self,
        body: bytes,
        endpoint_merchant_id: str,
        *,
        endpoint_livemode: bool = True,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> Envelope | Malformed:
        """Read a body's envelope, or say what is wrong with the body.

        A text that means null counts as absent: as an id it would make different events the same. Headers have names in
        lower case; what the endpoint is set to is for what the webhook does not say.
        """
        taken = self._excerpt.take(body)
        values = self._read_whole(body) if taken is None or not self._is_sound(taken) else taken
        if isinstance(values, Malformed):
            return values
        livemode = endpoint_livemode
        if self._live is not None:
            said = None if self._at_livemode is None else values[self._at_livemode]
            livemode = self._live.read(said, headers, endpoint_livemode)
        return self._envelope(values, endpoint_merchant_id, livemode)

    def _is_sound(self, values: Sequence[Any]) -> bool:
        absent = self._places.null_values
        for index, types in self._at_required:
            value = values[index]
            if type(value) not in types or value in absent:
                return False
        if self._at_account is not None:
            account = values[self._at_account]
            if account is not None and type(account) is not str:
                return False
        longest = self._longest
        for index in self._at_bounded:
            value = values[index]
            if type(value) is str and len(value) > longest:
                return False
        return True

    def _read_whole(self, body: bytes) -> Sequence[Any] | Malformed:
        try:
            content = orjson.loads(body)
        except orjson.JSONDecodeError:
            return undecodable(body)
        if type(content) is not dict:
            return Malformed("not_object", f"The body is a JSON {NAMES[type(content)]}, not an object.", "structure")
        if (problem := next(self._problems(content), None)) is not None:
            return problem
        return [_find(content, path) for path in self._paths]

    def _problems(self, content: Mapping[str, Any]) -> Iterator[Malformed]:
        """Yield what is wrong with the fields, in the order that contracts/README.md has."""
        for path, kinds in self._required.items():
            if (problem := self._unmet(content, path, kinds)) is not None:
                yield problem
            elif path in self._bounded:
                yield from self._too_long(content, path)
        if self._account is not None:
            account = _find(content, self._account)
            if account is not None and type(account) is not str:
                # Passing over it would make it the event of another account.
                yield _mistyped(self._account, account, "string")
        for path in self._bounded:
            yield from self._too_long(content, path)

    def _too_long(self, content: Mapping[str, Any], path: Keys) -> Iterator[Malformed]:
        # The record repeats these texts beside the body: a huge one could push it past what Kafka takes.
        value = _find(content, path)
        if type(value) is str and len(value) > self._longest:
            detail = f"The field {'.'.join(path)} is longer than {self._longest} characters."
            yield Malformed("field_too_long", detail, "structure")

    def _unmet(self, content: Mapping[str, Any], path: Keys, kinds: Sequence[JsonType]) -> Malformed | None:
        """Say what keeps a path from being what the contract requires."""
        value: Any = content
        for depth, key in enumerate(path):
            if type(value) is not dict:
                return _mistyped(path[:depth], value, "object")
            value = value.get(key)
            if value is None or (type(value) is str and value in self._places.null_values):
                return Malformed("field_missing", f"The field {'.'.join(path)} is absent, null or empty.", "structure")
        return None if type(value) in types_of(kinds) else _mistyped(path, value, " or ".join(kinds))

    def _envelope(self, values: Sequence[Any], endpoint_merchant_id: str, livemode: bool) -> Envelope:  # noqa: FBT001 - a part of what is made
        provider_event_id = str(values[self._at_event_id])
        account = None if self._at_account is None else self._owner.account(values[self._at_account])
        api_version = None if self._at_api_version is None else values[self._at_api_version]
        merchant_id = endpoint_merchant_id
        for index in self._at_merchant:
            if (owner := values[index]) and self._owner.is_merchant(owner):
                merchant_id = owner
                break
        return Envelope(
            event_id(self._provider, account, provider_event_id),
            provider_event_id,
            str(values[self._at_event_type]),
            merchant_id,
            self._owner.version(api_version),
            milliseconds(values[self._at_created_at]),
            livemode,
        )


def _keys(source: Source) -> Keys:
    if not isinstance(source, tuple):
        raise TypeError(f"{source} is not a place of the body")
    keys = tuple(key for key in source if isinstance(key, str))
    if len(keys) != len(source):
        raise TypeError(f"{source} leads through a list")
    return keys


def undecodable(body: bytes) -> Malformed:
    """Say why a body that is not JSON is none."""
    try:
        body.decode()
    except UnicodeDecodeError as error:
        return Malformed("not_utf8", f"The body is not UTF-8, from byte {error.start} on.", "decode")
    return Malformed("not_json", "The body is not JSON (RFC 8259), or nested deeper than 1024.", "decode")


def types_of(kinds: Iterable[JsonType]) -> frozenset[type]:
    """Return the types that a value of any of these kinds may have."""
    return frozenset().union(*(TYPES[kind] for kind in kinds))


def _mistyped(path: Keys, value: object, wanted: str) -> Malformed:
    name = NAMES[type(value)]
    return Malformed("field_type", f"The field {'.'.join(path)} is a JSON {name}, not {wanted}.", "structure")


def _find(content: Any, path: Keys) -> Any:
    for key in path:
        if type(content) is not dict:
            return None
        content = content.get(key)
    return content


def milliseconds(created: object, scale: int = 1000) -> int | None:
    """Return an instant since 1970 that is written as a contract may have it: a number, or a text in ISO 8601.

    `scale` is how many milliseconds a number counts; None where the instant is beyond any calendar. A text without an
    offset is taken as UTC, so that the age of such an event is bounded, too; whether it is, its mapping says.
    """
    millis = created * scale if type(created) is int else iso8601_utc_millis(created)
    return millis if millis is not None and 0 <= millis <= _LAST_MILLISECOND else None
