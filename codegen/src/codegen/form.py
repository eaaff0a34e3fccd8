"""Bodies that are forms (application/x-www-form-urlencoded): as the document that contracts speak of, and back."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import parse_qsl, urlencode

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator

MEDIA_TYPE = "application/x-www-form-urlencoded"

_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_KEY = re.compile(r"\[([^\[\]]*)\]")
_PLACE = re.compile(r"0|[1-9][0-9]{0,5}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Form:
    """What a form may hold: so many fields, so deep; of a name that is there again, `repeats` says what counts.

    With a depth of 1 names are taken as they stand; deeper, `a[b]` is a member of an object, `a[0]` a place of a list
    and `a[]` its next place.
    """

    max_fields: int
    max_depth: int
    repeats: Literal["refused", "last"]


class FormError(ValueError):
    """A body is not such a form; `code` is the reason code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def content_of(form: Form | None, body: bytes) -> Any:
    """Return a body as the document that paths lead into; raises ValueError where it is none."""
    return orjson.loads(body) if form is None else document(form, body)


def written(form: Form | None, content: Any) -> bytes:
    """Return a document as a body."""
    return orjson.dumps(content) if form is None else urlencode(list(_fields("", content))).encode()


def document(form: Form, body: bytes) -> dict[str, Any]:
    """Return a form's fields as objects and lists of texts.

    Raises:
        FormError: It is not a form, says two things of one place, or is larger than it may be.
    """
    try:
        text = body.decode()
        if _BROKEN_ESCAPE.search(text):
            raise FormError("not_form", "a percent sign stands before no two hexadecimal digits")
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", separator="&")
    except UnicodeDecodeError as error:
        raise FormError("not_utf8", f"it is not UTF-8, from byte {error.start} of a text on") from error
    if len(pairs) > form.max_fields:
        raise FormError("form_too_complex", f"it has {len(pairs)} fields, and {form.max_fields} are allowed")
    root: dict[str, Any] = {}
    seen: set[str] = set()
    for name, value in pairs:
        keys = _keys(form, name)
        if name in seen and keys[-1] != "" and form.repeats == "refused":
            raise FormError("not_form", "a field is there twice")
        seen.add(name)
        _put(root, keys, value)
    return {key: _settled(value) for key, value in root.items()}


def _keys(form: Form, name: str) -> list[str]:
    if form.max_depth == 1:
        return [name or "\0"]
    match = _NAME.fullmatch(name)
    keys = [] if match is None else [match[1], *_KEY.findall(match[2])]
    if not keys or "" in keys[:-1]:
        raise FormError("not_form", "a field's name has brackets that do not fit")
    if len(keys) > form.max_depth:
        raise FormError("form_too_complex", f"a field is {len(keys)} deep, and {form.max_depth} are allowed")
    return keys


def _put(node: dict[str, Any], keys: list[str], value: str) -> None:
    for key in keys[:-1]:
        node = node.setdefault(key, {})
        if not isinstance(node, dict):
            raise FormError("not_form", "a field is a text and holds others")
    last = keys[-1] or str(len(node))
    if isinstance(node.get(last), dict) or (keys[-1] == "" and last in node):
        raise FormError("not_form", "a field is a text and holds others, or a place of a list is there twice")
    node[last] = value


def _settled(node: Any) -> Any:
    """Return a node whose names are places as a list; raises FormError where only some are, or one is missing."""
    if not isinstance(node, dict):
        return node
    settled = {key: _settled(value) for key, value in node.items()}
    places = [key for key in settled if _PLACE.fullmatch(key)]
    if not places:
        return settled
    if len(places) != len(settled) or {int(key) for key in places} != set(range(len(places))):
        raise FormError("not_form", "the places of a list are not 0, 1, 2 and so on")
    return [settled[str(place)] for place in range(len(places))]


def _fields(name: str, content: Any) -> Iterator[tuple[str, str]]:
    match content:
        case dict():
            for key, value in content.items():
                yield from _fields(f"{name}[{key}]" if name else key, value)
        case list():
            for place, value in enumerate(content):
                yield from _fields(f"{name}[{place}]", value)
        case None:
            return
        case _:
            yield name, str(content)
