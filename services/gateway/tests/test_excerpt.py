"""What is taken out of a body without reading all of it, against what a reading of all of it finds."""

import json
from collections.abc import Sequence
from random import Random
from typing import Any
from unittest.mock import patch

import orjson
import pytest
from gateway.carried import paths_of
from gateway.composed import is_composed
from gateway.envelope import Envelope, EnvelopeReader, _find
from gateway.errors import Malformed
from gateway.excerpt import Excerpt, Keys
from hypothesis import given, settings
from hypothesis import strategies as st
from payments_contracts.examples import EXAMPLES, Example
from payments_contracts.providers import PROVIDERS, Path

from .greedy import GREEDY, GREEDY_EVENT, TWOFOLD
from .odd_bodies import INTEGERS, NO_VALUES, VALUES, changed, members, written

Readers = dict[str, EnvelopeReader]
LOOKING = {each.name: each for each in (*PROVIDERS.values(), GREEDY, TWOFOLD) if not is_composed(each)}
EVENTS = {
    name: [each.body for each in EXAMPLES if each.provider == name and each.kind != "malformed"]
    for name in PROVIDERS
    if name in LOOKING
} | {name: [json.dumps(GREEDY_EVENT).encode()] for name in ("greedy", "twofold")}
ROUNDS = 4000
SHOWN = [example for example in EXAMPLES if example.provider in LOOKING]
VALID = [example for example in SHOWN if example.kind != "malformed"]


@pytest.fixture(scope="module")
def readers() -> Readers:
    return {name: EnvelopeReader(provider) for name, provider in LOOKING.items()}


class Hasty(EnvelopeReader):
    """A reader that has no time to read all of a body."""

    def _read_whole(self, body: bytes) -> Sequence[Any] | Malformed:
        raise AssertionError(body)


def read_whole(reader: EnvelopeReader, body: bytes) -> Envelope | Malformed:
    """Return what a reader makes of a body where it has no excerpt of it."""
    with patch.object(reader._excerpt, "take", return_value=None):
        return reader.read(body, "endpoint")


def agree(reader: EnvelopeReader, body: bytes) -> bool:
    """Hold both readings of a body against each other, and tell whether the excerpt vouched for it."""
    values = reader._excerpt.take(body)
    assert reader.read(body, "endpoint") == read_whole(reader, body), body
    if values is None:
        return False
    content = orjson.loads(body)
    for path, value in zip(reader._paths, values, strict=True):
        if not any(other[: len(path)] == path != other for other in {*reader._required, *reader._paths}):
            # 1, 1.0 and True are equal, and -0.0 and 0.0.
            assert repr(value) == repr(_find(content, path)), body
    return True


def names(name: str) -> list[str]:
    """Return the keys that a reader of a provider's events looks for, at any depth."""
    places = LOOKING[name].envelope
    sources = (places.event_id, places.event_type, places.created_at, places.api_version, places.account)
    single = [path for source in sources if source is not None for path in paths_of(source)]
    paths = (*single, *places.merchant_id, *(path for path, _ in places.required))
    return sorted({str(key) for path in paths for key in path})


@pytest.mark.parametrize("example", VALID, ids=lambda example: example.name)
def test_every_valid_example_is_read_without_reading_all_of_it(example: Example) -> None:
    assert isinstance(Hasty(PROVIDERS[example.provider]).read(example.body, "endpoint"), Envelope)


def test_an_event_of_every_type_is_read_without_reading_all_of_it() -> None:
    assert isinstance(Hasty(GREEDY).read(EVENTS["greedy"][0], "endpoint"), Envelope)


@pytest.mark.parametrize("example", SHOWN, ids=lambda example: example.name)
def test_agrees_on_every_example(readers: Readers, example: Example) -> None:
    agree(readers[example.provider], example.body)


@pytest.mark.parametrize("name", LOOKING)
def test_agrees_on_events_with_odd_values_and_vouches_for_many(readers: Readers, name: str) -> None:
    random = Random(name)  # noqa: S311 - not for secrets
    vouched = 0
    for turn in range(ROUNDS):
        whole = members(json.loads(EVENTS[name][turn % len(EVENTS[name])]))
        for _ in range(random.randint(1, 3)):
            changed(whole, random, names(name), VALUES)
        vouched += agree(readers[name], written(whole, random))
    assert vouched > ROUNDS / 5


@pytest.mark.parametrize("name", LOOKING)
def test_agrees_on_events_that_are_not_json_and_vouches_for_none(readers: Readers, name: str) -> None:
    random = Random(name)  # noqa: S311 - not for secrets
    for value in NO_VALUES * 12:
        whole = members(json.loads(random.choice(EVENTS[name])))
        key = json.dumps(random.choice([*names(name), "surprise"])).encode()
        whole.insert(random.randrange(len(whole) + 1), (key, value))
        body = written(whole, random)
        assert not agree(readers[name], body)
        assert isinstance(readers[name].read(body, "endpoint"), Malformed)


@pytest.mark.parametrize("name", LOOKING)
def test_agrees_on_events_some_of_whose_bytes_are_others(readers: Readers, name: str) -> None:
    random = Random(name)  # noqa: S311 - not for secrets
    for turn in range(ROUNDS):
        body = bytearray(EVENTS[name][turn % len(EVENTS[name])])
        for _ in range(random.randint(1, 2)):
            start = random.randrange(len(body))
            piece = random.choice((b"", random.randbytes(1), b'"', b"\\", b"{", b"}", b",", b":", b"0", b"null"))
            body[start : start + random.randint(0, 2)] = piece
        agree(readers[name], bytes(body))


@pytest.mark.parametrize("byte", [*map(chr, range(0x30)), *"[\\]{}\x7f\xff"])
def test_agrees_wherever_a_byte_stands_that_does_not_belong_there(readers: Readers, byte: str) -> None:
    body = b'{"id":"1","type":"a\\nb","created":-5,"account":null,"data":{"object":{"metadata":{}}}}'
    for at in range(len(body) + 1):
        agree(readers["stripe"], body[:at] + byte.encode("latin-1") + body[at:])


@pytest.mark.parametrize("depth", range(1015, 1031))
@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}"), (b'[{"a":', b"}]")])
@pytest.mark.parametrize("key", ["account", "surprise", "created", "api_version"])
def test_agrees_on_what_is_nested_too_deep(
    readers: Readers, depth: int, opening: bytes, closing: bytes, key: str
) -> None:
    levels = depth // len(closing)
    nested = opening * levels + b"1" + closing * levels
    start = EVENTS["stripe"][0].rstrip()[:-1]
    agree(readers["stripe"], b'%b,"%b":%b}' % (start, key.encode(), nested))


@pytest.mark.parametrize("name", LOOKING)
@pytest.mark.parametrize("before", [b"", b" ", b"\xef\xbb\xbf", b"\xff\xfe", b"\x00", b"\x0c", b"null"])
@pytest.mark.parametrize("after", [b"", b"\n", b"\x00", b"\x1a", b"{}", b",", b"}", b"\xef\xbb\xbf", b"//"])
def test_agrees_on_what_stands_around_an_event(readers: Readers, name: str, before: bytes, after: bytes) -> None:
    vouched = agree(readers[name], before + EVENTS[name][0] + after)
    assert vouched == (before in (b"", b" ") and after in (b"", b"\n"))


PIECES = st.text(st.sampled_from('{}[]",:\\u0123e.-idtypea ')).map(str.encode)
NAMES = st.sampled_from(sorted(LOOKING))
KEYS = sorted({key for name in LOOKING for key in names(name)})
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=3), inner, max_size=5)
    ),
    max_leaves=20,
)


@settings(deadline=None, max_examples=500)
@given(name=NAMES, changes=st.dictionaries(st.sampled_from(KEYS), JSON), ascii_alone=st.booleans())
def test_agrees_whatever_the_values(readers: Readers, name: str, changes: dict[str, Any], ascii_alone: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
    content = json.loads(EVENTS[name][0]) | changes
    agree(readers[name], json.dumps(content, ensure_ascii=ascii_alone).encode(errors="surrogatepass"))


@settings(deadline=None, max_examples=500)
@given(name=NAMES, body=st.binary() | PIECES)
def test_agrees_whatever_the_bytes(readers: Readers, name: str, body: bytes) -> None:
    agree(readers[name], body)


@pytest.mark.parametrize("literal", INTEGERS)
def test_takes_every_integer_of_64_bits(readers: Readers, literal: bytes) -> None:
    body = b'{"id":"1","type":"t","created":%b,"data":{"object":{}}}' % literal
    assert readers["stripe"]._excerpt.take(body) is not None
    assert isinstance(readers["stripe"].read(body, "endpoint"), Envelope)


def taken(body: bytes, *wanted: Keys, required: dict[Any, Any]) -> tuple[Any, ...] | None:
    return Excerpt(required, wanted).take(body)


def test_takes_values_in_the_order_in_which_they_are_wanted() -> None:
    body = b'{"a":{"x":1,"y":2},"b":3}'
    assert taken(body, ("b",), ("a", "y"), ("a", "x"), required={}) == (3, 2, 1)


def test_takes_nothing_for_what_is_absent_and_not_required() -> None:
    assert taken(b"{}", ("a",), ("b", "c", "d"), required={}) == (None, None)


def test_takes_nothing_for_what_is_absent_though_something_else_is_required() -> None:
    assert taken(b'{"c":"x"}', ("a",), ("b", "c"), ("c",), required={("c",): ("string",)}) == (None, None, "x")


def test_takes_what_stands_below_an_object_that_is_required() -> None:
    body = b'{"a":{"b":{"c":"x"}}}'
    assert taken(body, ("a", "b", "c"), ("a", "b", "d"), required={("a", "b"): ("object",)}) == ("x", None)


@pytest.mark.parametrize("key", ["class", "from", "__class__", "__init__", "at_a", "self"])
def test_takes_what_stands_under_a_key_that_python_has_a_use_for(key: str) -> None:
    body = json.dumps({key: "x", "a": "y"}).encode()
    assert taken(body, (key,), ("a",), required={(key,): ("string",)}) == ("x", "y")


@pytest.mark.parametrize("value", [b"null", b"7", b'"text"', b"[]"])
@pytest.mark.parametrize("required", [{}, {("a",): ("object",)}, {("a", "b"): ("string",)}])
def test_does_not_vouch_for_a_body_that_has_something_else_where_an_object_is_looked_into(
    value: bytes, required: dict[Path, Any]
) -> None:
    assert taken(b'{"a":%b}' % value, ("a", "b"), ("c",), required=required) is None


@pytest.mark.parametrize(
    ("kind", "fitting"), [("string", b'"x"'), ("boolean", b"true"), ("array", b"[1]"), ("object", b'{"x":1}')]
)
def test_does_not_vouch_for_a_required_value_of_another_type(kind: Any, fitting: bytes) -> None:
    for value in (b'"x"', b"true", b"[1]", b'{"x":1}', b"1", b"null"):
        found = taken(b'{"a":%b,"b":1}' % value, ("b",), ("c",), required={("a",): (kind,)})
        assert found == ((1, None) if value == fitting else None)


@pytest.mark.parametrize("kind", ["string", "integer", "number", "boolean", "array", "object"])
def test_does_not_vouch_for_a_body_without_what_is_required(kind: Any) -> None:
    assert taken(b'{"b":1}', ("b",), ("c",), required={("a",): (kind,)}) is None
    assert taken(b'{"b":1,"a":{}}', ("b",), ("c",), required={("a", "d"): (kind,)}) is None
