"""Rules on types: what a payload contract declares is what its mapping relies on, and what the examples hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from codegen.form import content_of
from codegen.language.model import Rest
from codegen.language.parts import origin
from codegen.lint.flows import record_of
from codegen.lint.mappings import misfits
from codegen.mapping.plan import STAMPED, kind_of
from codegen.mapping.types import FIELDS, Types, mismatches, of_json, worded
from codegen.payload import declared, possible
from codegen.reference import to_schema
from codegen.shape import unlike, written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from codegen.document import Place
    from codegen.findings import Finding
    from codegen.language.model import Expression, Group, Path
    from codegen.model import Catalog, Example, Provider

_ANYTHING = of_json(frozenset({"string", "number", "boolean", "object", "array"}))
_HINT = "map something else, or correct what payload.openapi.yaml says of it"


def unfit(catalog: Catalog) -> Iterator[Finding]:
    """Yield paths whose declared type is not what a function, a field or the envelope takes."""
    for provider in catalog.providers:
        yield from _untextual(provider)
        record = record_of(catalog, provider.mapping.record, provider.mapping.version)
        fields = {each.name: each for each in record.fields if each.name not in STAMPED} if record else {}
        for index, group in enumerate(provider.mapping.groups):
            if group.payload not in provider.payload.schemas:
                continue
            yield from _demanded(provider, group)
            for name, expression in group.fields.items():
                # What does not fit at all is the rule `mapping`'s: it is said once.
                if name not in fields or any(misfits(fields[name], expression)):
                    continue
                taken = FIELDS[kind_of(fields[name])]
                for each in mismatches(expression, "the field", taken, lambda path: _types(provider, group, path)):  # noqa: B023 - called at once
                    # Of what is read of a list's elements, by its first place, the list is what is written.
                    written = str(each.expression), str(each.expression).rpartition("[0]")[0]
                    own = group.place(index, name)
                    places = (provider.mapping_source.place_of(text, own) for text in written)
                    place = next((found for found in places if found != own), own)
                    said = f"{_sentence(each.expression, each.given)}, and {each.taker} takes {worded(each.taken)}"
                    yield provider.mapping_source.finding("type", place, f"{name}: {said}", _HINT)


def _untextual(provider: Provider) -> Iterator[Finding]:
    """Yield what is asked of a form that no form has: all that it holds are texts, in objects and lists of them."""
    envelope = provider.envelope
    if envelope.form is None:
        return
    if envelope.items is not None:
        message = "a form holds one event"
        yield provider.source.finding("type", ("envelope", "items"), message, "remove it, or `body`")
    for path, kinds in envelope.required:
        if not set(kinds) <= {"string", "object", "array"}:
            message = f"{path} is to be {' or '.join(kinds)}, and what a form holds is a string"
            yield provider.source.finding("type", ("envelope", "required", str(path)), message, "demand a string")


@dataclass(frozen=True, slots=True)
class _Difference:
    """A place of an example's body that is not as the payload contract has it."""

    example: Example
    payload: str
    place: Place
    message: str

    def finding(self, others: int) -> Finding:
        source = self.example.source
        body = "body" if "body" in source.data else "merge"
        more = f"; the same place is wrong in {others} other examples" if others else ""
        said = f"{written(self.place) or 'the body'} {self.message}, says {self.payload}{more}"
        hint = (
            f"correct the example or {self.payload} in payload.openapi.yaml; if it is meant, list it in `undocumented`"
        )
        return source.finding("payload", (body, *self.place), said, hint)


def untrue(catalog: Catalog) -> Iterator[Finding]:
    """Yield accepted examples that are not what the payload contract says a provider sends, each place once."""
    for provider in catalog.providers:
        alike: dict[tuple[str, Place], list[_Difference]] = {}
        for example, payload, found, differing in _compared(provider):
            listed = example.source.data.get("undocumented", ())
            for index, path in enumerate(listed):
                if path not in differing:
                    message = f"{path} is as {payload} documents it"
                    hint = "remove it from `undocumented`"
                    yield example.source.finding("payload", ("undocumented", index), message, hint)
            for place, message in sorted(found, key=str):
                if written(place) not in listed:
                    # Of a list's items, as of examples, many may have what one line of the payload contract is about.
                    key = (payload, tuple(0 if isinstance(step, int) else step for step in place))
                    alike.setdefault(key, []).append(_Difference(example, payload, place, message))
        for differences in alike.values():
            yield differences[0].finding(len({each.example.name for each in differences}) - 1)


def _compared(provider: Provider) -> Iterator[tuple[Example, str, set[tuple[Place, str]], set[str]]]:
    """Yield each accepted example, its schema's name, what is wrong in what it adds to its base, and where in all."""
    schemas = {event: group.payload for group in provider.mapping.groups for event in group.events}
    told: dict[str, set[tuple[Place, str]]] = {}
    for example in sorted(provider.examples, key=_depth(provider)):
        payload = schemas.get(example.event_type or "", "")
        if example.kind == "accepted" and payload in provider.payload.schemas:
            # The whole document, wherever in it a reference leads.
            schema = {**provider.payload.source.data, "$ref": to_schema(payload)}
            try:
                content = content_of(provider.envelope.form, example.body)
            except ValueError:
                # What cannot be read at all is for the rule `example` to say.
                continue
            found = told[example.name] = set(unlike(schema, content))
            base = told.get(example.source.data.get("base", ""), set())
            yield example, payload, found - base, {written(place) for place, _ in found}


def _depth(provider: Provider) -> Callable[[Example], int]:
    """Return how many examples are below one that changes another's body."""
    bases = {each.name: each.source.data.get("base") for each in provider.examples}

    def depth(example: Example) -> int:
        count, name = 0, bases[example.name]
        while name is not None:
            count, name = count + 1, bases.get(name)
        return count

    return depth


def _demanded(provider: Provider, group: Group) -> Iterator[Finding]:
    """Yield what a gateway asks of a path and the payload contract does not promise."""
    for path, kinds in provider.envelope.required:
        given, asked = _types(provider, group, path), of_json(frozenset(kinds))
        if not given <= asked:
            said = f"{_sentence(path, given)} in {group.payload}, and the envelope requires {worded(asked)}"
            place = ("envelope", "required", str(path))
            yield provider.source.finding("type", place, said, "correct either of the two")


def _types(provider: Provider, group: Group, path: Path) -> Types:
    """Return the types that are declared at a path; none where no path is declared: that is another rule's."""
    found = declared(provider.payload, group.payload, path)
    return frozenset() if found is None else of_json(possible(provider.payload, found.schema))


def _sentence(expression: Expression, given: Types) -> str:
    what = f"the result of {origin(expression)}" if isinstance(expression, Rest) else origin(expression)
    return f"{what} may have any type" if given >= _ANYTHING else f"{what} is {worded(given)}"
