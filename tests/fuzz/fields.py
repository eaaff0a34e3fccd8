"""Bodies that are JSON, but whose fields are not, or are only just, what a provider's contract says."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import orjson
from simulator.places import find

from tests.fuzz.body import Draft, Material, date, plain, put, remove, replaced

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from random import Random

    from payments_contracts.providers import Envelope, JsonType, Path

    from tests.fuzz.body import Claim, Maker

_OF_TYPE: Mapping[JsonType, Sequence[Any]] = {
    "string": ("text", " ", "null", "0"),
    "integer": (0, -1, 1_767_607_290),
    "number": (0.5, -1e300),
    "boolean": (True, False),
    "object": ({}, {"id": "text"}, {"": None}),
    "array": ([], ["text"], [{}], [[]]),
}
_BEYOND_A_DOUBLE = (b"1e400", b"-1e400", b"1" + b"0" * 5000, b"-" + b"9" * 400, b"9e999999999")
_EDGES = (
    *(b"-0", b"-0.0", b"0", b"1.0", b"1e3", b"1E+3", b"1e-400", b"0.1", b"-1", b"1767607290.5"),
    *(b"%d" % number for number in (2**31, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1, 2**64, -(2**63), -(2**63) - 1)),
    *(b"1" + b"0" * 30, b"1." + b"0" * 400, b"0." + b"1" * 2000),
)
_TIMES = (
    "",
    "0000-00-00T00:00:00Z",
    "9999-12-31T23:59:60Z",
    "2026-02-30T00:00:00Z",
    "now",
    "1767607290",
    "\x00",
    "\u0661",
)
# One to six bytes of JSON for a character, and one that is two units of UTF-16.
_FILLINGS = ("x", "é", "\x01", "\U0001f4b8")
_AS_LONG_AS_MAY_BE = 0.3
_KEYS = (
    *("", " ", "\x00", "\x7f", "__proto__", "constructor", "data.object", "$ref", "id\x00", "Id", "\u0130d", "\uff49d"),
    *(
        "\u2028",
        "\ufeffid",
        "\U0001f4b8",
        "a" * 10_000,
        '"',
        "\\",
        "../../etc",
        "{{7*7}}",
        "%s%n",
        "'; DROP TABLE x;--",
    ),
)


def _required(material: Material, dice: Random) -> tuple[Path, tuple[JsonType, ...]]:
    return dice.choice(material.places.required)


def missing(material: Material, dice: Random) -> Draft:
    event = material.event(dice)
    path, _ = _required(material, dice)
    remove(event, path[: dice.randint(1, len(path))])
    return Draft(orjson.dumps(event))


def null(material: Material, dice: Random) -> Draft:
    event = material.event(dice)
    path, _ = _required(material, dice)
    put(event, path[: dice.randint(1, len(path))], None)
    return Draft(orjson.dumps(event))


def empty(material: Material, dice: Random) -> Draft:
    event = material.event(dice)
    path, _ = _required(material, dice)
    put(event, path, dice.choice(sorted(material.places.null_values)))
    return Draft(orjson.dumps(event))


def mistyped(material: Material, dice: Random) -> Draft:
    event = material.event(dice)
    path, kinds = _required(material, dice)
    wrong = [kind for kind in _OF_TYPE if kind not in kinds and not ("number" in kinds and kind == "integer")]
    put(event, path, dice.choice(_OF_TYPE[dice.choice(wrong)]))
    return Draft(orjson.dumps(event))


def step_mistyped(material: Material, dice: Random) -> Draft:
    event = material.event(dice)
    deep = [path for path, _ in material.places.required if len(path) > 1]
    if not deep:
        # All that is required is in the body itself, which is the only step.
        return Draft(orjson.dumps([event]))
    path = dice.choice(deep)
    wrong = [kind for kind in _OF_TYPE if kind != "object"]
    put(event, path[: dice.randint(1, len(path) - 1)], dice.choice(_OF_TYPE[dice.choice(wrong)]))
    return Draft(orjson.dumps(event))


def merchant_mistyped(material: Material, dice: Random) -> Draft:
    """Another type where a merchant may be named: passed over, unless it is the account or has to be there."""
    event = material.event(dice)
    envelope = material.places
    owners = {path: None for path in (envelope.account, *envelope.merchant_id) if path is not None}
    if not owners:
        # The endpoint alone says whose event it is.
        return Draft(orjson.dumps(event), "sound")
    wrong = [kind for kind in _OF_TYPE if kind != "string"]
    path = dice.choice(list(owners))
    put(event, path, dice.choice(_OF_TYPE[dice.choice(wrong)]))
    return Draft(orjson.dumps(event), "malformed" if path in envelope.identifying else "sound")


def number_beyond_double(material: Material, dice: Random) -> Draft:
    path = dice.choice([*(path for path, _ in material.places.required), ("data", "extra")])
    return Draft(replaced(material.event(dice), path, dice.choice(_BEYOND_A_DOUBLE)))


def number_at_edge(material: Material, dice: Random) -> Draft:
    path = dice.choice([plain(material.places.created_at), ("extra",), ("data", "extra")])
    return Draft(replaced(material.event(dice), path, dice.choice(_EDGES)), "either")


def time_strange(material: Material, dice: Random) -> Draft:
    event = material.event(dice)
    put(event, plain(material.places.created_at), dice.choice([*_TIMES, dice.randint(-(2**63), 2**63 - 1)]))
    return Draft(orjson.dumps(event), "either")


def happened_long_ago(material: Material, dice: Random) -> Draft:
    """Older than some contracts take it, and as good as new for the others."""
    event = material.event(dice)
    date(event, plain(material.places.created_at), material.now - timedelta(days=dice.randint(30, 5000)))
    return Draft(orjson.dumps(event), "either")


def key_strange(material: Material, dice: Random) -> Draft:
    event = material.event(dice)
    places = [find(event, path) for path in ((), ("data",), ("data", "object"))]
    inner = dice.choice([each for each in places if isinstance(each, dict)])
    inner[dice.choice(_KEYS)] = dice.choice(_OF_TYPE[dice.choice(list(_OF_TYPE))])
    return Draft(orjson.dumps(event), "sound")


def key_renamed(material: Material, dice: Random) -> Draft:
    event = material.event(dice)
    path, _ = _required(material, dice)
    value = find(event, path)
    remove(event, path)
    key = str(path[-1])
    others = (
        key.upper(),
        f" {key}",
        f"{key} ",
        f"{key}\x00",
        f"\ufeff{key}",
        key[:-1],
        key * 2,
        ".".join(map(str, path)) + ".",
    )
    put(event, (*path[:-1], dice.choice(others)), value)
    return Draft(orjson.dumps(event))


def duplicate_key(material: Material, dice: Random) -> Draft:
    """The same key twice, of which the last counts: once it is right, and once it is wrong."""
    event = material.event(dice)
    path, wanted = dice.choice([each for each in material.places.required if len(each[0]) == 1])
    wrong = dice.choice(_OF_TYPE[dice.choice([kind for kind in _OF_TYPE if kind not in wanted])])
    repeated = orjson.dumps({path[0]: wrong})[1:-1]
    inside = orjson.dumps(event)[1:-1]
    parts, claim = dice.choice([((repeated, inside), "sound"), ((inside, repeated), "malformed")])
    return Draft(b"{" + b",".join(parts) + b"}", _claim(claim))


def root_not_object(material: Material, dice: Random) -> Draft:
    scalars = (dice.getrandbits(60), dice.random(), f"{dice.getrandbits(60):x}", None, True, False)
    event = material.event(dice)
    return Draft(orjson.dumps(dice.choice([*scalars, [event], [event, event], [dice.getrandbits(60)], str(event)])))


def text_long(material: Material, dice: Random) -> Draft:
    """A text that goes beside the body through the pipeline: as long as may be, longer by one, or filling the body."""
    event = material.event(dice)
    places = material.places
    single = [plain(places.event_id), plain(places.event_type), places.api_version, places.account]
    path = dice.choice([path for path in (*single, *places.merchant_id, *_written_time(event, places)) if path])
    beginning = find(event, path)
    text = beginning if isinstance(beginning, str) else ""
    put(event, path, text)
    filling = dice.choice(_FILLINGS)
    longest = places.max_text_characters
    if dice.random() < _AS_LONG_AS_MAY_BE:
        put(event, path, text.ljust(longest, filling))
        return Draft(orjson.dumps(event), "sound")
    size = len(orjson.dumps(filling)) - 2
    room = len(text) + (places.max_body_bytes - len(orjson.dumps(event))) // size
    put(event, path, text.ljust(dice.choice([longest + 1, room, dice.randint(longest + 1, room)]), filling))
    return Draft(orjson.dumps(event), "malformed" if path in places.identifying else "sound")


def _written_time(event: dict[str, Any], places: Envelope) -> Sequence[Path]:
    return [plain(places.created_at)] if isinstance(find(event, plain(places.created_at)), str) else []


def _claim(text: str) -> Claim:
    return "sound" if text == "sound" else "malformed"


MAKERS: Mapping[str, tuple[Maker, int]] = {
    "required field missing": (missing, 10),
    "required field null": (null, 10),
    "required text empty": (empty, 10),
    "required field of another type": (mistyped, 20),
    "step to a required field of another type": (step_mistyped, 10),
    "merchant of another type": (merchant_mistyped, 10),
    "number beyond a double": (number_beyond_double, 10),
    "number at an edge": (number_at_edge, 10),
    "strange time": (time_strange, 5),
    "event of long ago": (happened_long_ago, 3),
    "strange key": (key_strange, 5),
    "required key renamed": (key_renamed, 10),
    "duplicate key": (duplicate_key, 10),
    "no object at the root": (root_not_object, 10),
    "long text": (text_long, 5),
}
