"""Compares a document with the JSON Schema of its kind, and says what is wrong in words, as near to it as can be."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import jsonschema
import referencing.exceptions

from codegen.document import KEPT
from codegen.findings import Finding
from codegen.suggestion import meant

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from codegen.document import Document, Place

_LONGEST = 100
_TYPES = {
    "object": "an object",
    "array": "a list",
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}
_BOUNDS = {
    "minimum": "must be at least {}",
    "maximum": "must be at most {}",
    "minLength": "must have at least {} characters",
    "maxLength": "must have at most {} characters",
    "minItems": "must have at least {} entries",
    "maxItems": "must have at most {} entries",
    "minProperties": "must have at least {} entries",
}


def _is_whole(_checker: object, value: object) -> bool:
    # JSON Schema takes 12.0 for an integer; generated code would then hold a float.
    return isinstance(value, int) and not isinstance(value, bool)


_Validator = jsonschema.validators.extend(  # type: ignore[no-untyped-call]  # the library has types in part
    jsonschema.Draft202012Validator,
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_whole),
)


def unlike(schema: Mapping[str, Any], data: Any) -> Iterator[tuple[Place, str]]:
    """Yield where some data are not what a JSON Schema says, and what is wrong there; each thing once.

    The schema's own references are followed; referencing.exceptions.Unresolvable where one leads nowhere.
    """
    told: set[tuple[Place, str]] = set()
    for error in _Validator(schema).iter_errors(data):
        for place, message in _explain(error):
            if (place, message) not in told:
                told.add((place, message))
                yield place, message


@lru_cache(KEPT)
def _misfits(schema: Document, document: Document) -> tuple[tuple[Place, str], ...]:
    return tuple(unlike(schema.data, document.data))


@lru_cache(KEPT)
def _check(schema: Document) -> None:
    jsonschema.Draft202012Validator.check_schema(schema.data)


class Shape:
    """The shape that files of one kind have; `schema` is the JSON Schema in meta/<kind>.schema.json."""

    def __init__(self, kind: str, schema: Document) -> None:
        """Take the schema; raises ValueError where it is not one."""
        self._source = schema.path
        self._kind = kind
        try:
            _check(schema)
        except jsonschema.SchemaError as error:
            place = written(tuple(error.absolute_path)) or "the file"
            raise ValueError(f"this is not a JSON Schema: {place}: {_cut(error.message)}") from error
        self._schema = schema

    def findings(self, document: Document) -> Iterator[tuple[Place, Finding]]:
        """Yield what is wrong with a document, each with its place; one finding for each thing to change."""
        try:
            for place, message in _misfits(self._schema, document):
                said = f"{written(place) or 'the file'} {message}"
                yield place, document.finding("shape", place, said, f"see {self._source}")
        except referencing.exceptions.Unresolvable as error:
            yield (), Finding(self._source, 1, "meta", f"there is no {error.ref}", "correct the reference")


def _explain(error: Any) -> Iterator[tuple[Place, str]]:
    place: Place = tuple(error.absolute_path)
    value, wanted = error.instance, error.validator_value
    if "propertyNames" in error.relative_schema_path:
        if isinstance(wanted, list):
            yield (*place, str(value)), f"is not known here{meant(value, wanted)}; known: {', '.join(map(str, wanted))}"
            return
        yield (*place, str(value)), f"is not an allowed name here: names match {wanted}"
        return
    match error.validator:
        case "oneOf" | "anyOf":
            yield from _explain_alternatives(error, place)
        case "additionalProperties" | "unevaluatedProperties" if wanted is False:
            known = error.schema.get("properties", {})
            for name in value:
                if name not in known:
                    yield (*place, name), f"is not known here{meant(name, known)}; known: {', '.join(known)}"
        case keyword:
            yield place, _sentence(keyword, wanted, value) or f"is wrong: {_cut(error.message)}"


def _sentence(keyword: str, wanted: Any, value: Any) -> str:  # noqa: PLR0911 - one return for each keyword
    """Return what a keyword of JSON Schema demands, and what is there instead; empty for an uncommon keyword."""
    match keyword:
        case "required":
            return f"lacks {', '.join(name for name in wanted if name not in value)}"
        case "type":
            types = [wanted] if isinstance(wanted, str) else wanted
            return f"must be {' or '.join(_TYPES.get(each, each) for each in types)}, not {shown(value)}"
        case "enum":
            options = ", ".join(shown(each) for each in wanted)
            return f"must be one of {options}, not {shown(value)}{meant(value, wanted)}"
        case "const":
            return f"must be {shown(wanted)}, not {shown(value)}"
        case "pattern":
            return f"must match {wanted}, not be {shown(value)}"
        case "uniqueItems":
            return "has a duplicate entry"
    return f"{_BOUNDS[keyword].format(wanted)}, not be {shown(value)}" if keyword in _BOUNDS else ""


def _explain_alternatives(error: Any, place: Place) -> Iterator[tuple[Place, str]]:
    """Explain by the alternative that was meant: the one whose own key, or whose own constant, is there."""
    branches: Sequence[Mapping[str, Any]] = error.validator_value
    value = error.instance
    key = _discriminator(branches)
    if key is not None and isinstance(value, dict) and key in value:
        constants = [branch["properties"][key]["const"] for branch in branches]
        chosen = [index for index, constant in enumerate(constants) if constant == value[key]]
        if not chosen:
            options = ", ".join(map(str, constants))
            yield (*place, key), f"must be one of {options}, not {shown(value[key])}{meant(value[key], constants)}"
            return
    else:
        names = [_keys(branch) for branch in branches]
        chosen = [i for i, keys in enumerate(names) if isinstance(value, dict) and keys & value.keys()]
        options = ", ".join(" with ".join(sorted(keys)) for keys in names)
        if len(chosen) > 1:
            found = ", ".join(sorted({name for i in chosen for name in names[i] & value.keys()}))
            yield place, f"takes one of {options}; here are {found}"
            return
        if not chosen:
            known = [name for keys in names for name in keys]
            closest = "".join(meant(name, known) for name in value) if isinstance(value, dict) else ""
            yield place, f"takes one of {options}, not {shown(value)}{closest}"
            return
    for inner in error.context:
        if inner.relative_schema_path[0] == chosen[0]:
            yield from _explain(inner)


def _discriminator(branches: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the property that is another constant in each alternative."""
    for name in branches[0].get("properties", {}):
        if all("const" in branch.get("properties", {}).get(name, {}) for branch in branches):
            return str(name)
    return None


def _keys(branch: Mapping[str, Any]) -> set[str]:
    return set(branch.get("required", ()))


def shown(value: object) -> str:
    """Return a value as JSON, cut where it is long."""
    return _cut(json.dumps(value, ensure_ascii=False))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def written(place: Place) -> str:
    """Return a place as a path in words, such as `fields.amount_cents[0]`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)
    return text.removeprefix(".")
