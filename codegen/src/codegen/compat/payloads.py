"""Rules on payload contracts: what a provider sends is not declared to be less, nor less protected, than it was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from codegen.compat.breakage import Breakage, broken
from codegen.compat.derived import columns_untagged
from codegen.compat.schemas import misfits, shown
from codegen.personal import Part, below, holding, is_tagged
from codegen.reference import followed, resolved, to_schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from codegen.document import Place
    from codegen.model import Catalog, Provider


@dataclass(frozen=True, slots=True)
class Member:
    """What a payload contract declares at a path.

    `schema` has its reference resolved, `place` is where the path's last name stands; `required` says that it is never
    absent, `personal` that it, or something around it, is personal data.
    """

    schema: Mapping[str, Any]
    place: Place
    required: bool
    personal: bool


def narrowed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield parts of payloads that are gone, or that may hold less than before."""
    for provider, payload, before, after in both(old, new):
        source = provider.payload.source
        hint = "declare what the provider goes on sending; accept this where it has itself announced the change"
        for path, was in before.items():
            concern = ("payload", provider.name, payload, path)
            now = after.get(path)
            if now is None:
                # What is inside something that is gone is gone with it.
                above = _above(path)
                if not above or above in after:
                    place = after[above].place if above else ("components", "schemas")
                    message = f"{provider.name}: {path} was declared, and no longer is"
                    yield broken(concern, source, place, message, hint)
                continue
            for keyword in misfits(was.schema, now.schema):
                one, other = shown(was.schema, keyword), shown(now.schema, keyword)
                message = f"{provider.name}: {path}: {keyword} was {one} and is {other}"
                yield broken(concern, source, (*now.place, keyword), message, hint)
            if now.required and not was.required:
                message = f"{provider.name}: {path} could be absent, and is required now"
                yield broken(concern, source, now.place, message, hint)


def personal_removed(old: Catalog, new: Catalog) -> Iterator[Breakage]:
    """Yield what was personal data and is not tagged as such any more: `metadata` would take it, or readers show it."""
    hint = "leave the tag; what is truly no personal data is agreed on with those who answer for it"
    for provider, payload, before, after in both(old, new):
        for path, now in after.items():
            untagged = path in before and before[path].personal and not now.personal
            # What is inside something is personal by its tag: that one is told.
            above = _above(path)
            if untagged and not (above in before and before[above].personal):
                message = (
                    f"{provider.name}: {path} is no longer tagged as personal data, and would go to metadata where "
                    "nothing maps it"
                )
                concern = ("payload", provider.name, payload, path)
                yield broken(concern, provider.payload.source, now.place, message, hint)
    yield from _fields_untagged(old, new, hint)
    yield from columns_untagged(old, new, hint)


def both(old: Catalog, new: Catalog) -> Iterator[tuple[Provider, str, Mapping[str, Member], Mapping[str, Member]]]:
    """Yield each provider's payloads by name, with what they declared and declare by path.

    Events tell which payload became which, so that a schema may have another name. Payloads have paths in common, such
    as `data.object.status`, and are compared each by itself.
    """
    earlier = {provider.name: provider for provider in old.providers}
    for provider in (each for each in new.providers if each.name in earlier):
        was = earlier[provider.name]
        one, other = _payloads(was), _payloads(provider)
        for before, after in dict.fromkeys((one[event], other[event]) for event in one if event in other):
            if before in was.payload.schemas and after in provider.payload.schemas:
                yield provider, after, members(was, before), members(provider, after)


def members(provider: Provider, payload: str) -> dict[str, Member]:
    """Return all that a payload's schema declares, by path; of a list's items as `lines[].sku`."""
    found: dict[str, Member] = {}
    document, schema = provider.payload.source.data, {"$ref": to_schema(payload)}
    root = Member(schema, ("components", "schemas", payload), required=True, personal=False)
    _Walk(document, found).walk("", root, holding(document, [schema]), ())
    return found


def _payloads(provider: Provider) -> dict[str, str]:
    return {event: group.payload for group in provider.mapping.groups for event in group.events}


@dataclass(frozen=True, slots=True)
class _Walk:
    document: Mapping[str, Any]
    found: dict[str, Member]

    def walk(self, path: str, member: Member, schemas: tuple[Mapping[str, Any], ...], above: tuple[Place, ...]) -> None:
        """Add what is declared at a path, for whose value all of some schemas hold, and below it."""
        place, _ = followed(self.document, member.place, member.schema)
        personal = member.personal or is_tagged(schemas)
        schema = resolved(self.document, member.schema) if isinstance(member.schema, dict) else {}
        if path:
            self.found[self._name(path)] = Member(schema, member.place, member.required, personal)
        # A schema inside itself has no end.
        if place in above:
            return
        for steps, name, inner in _inner(schema):
            required = bool(steps[0] == "properties" and steps[1] in schema.get("required", ()))
            part = next((each for each in Part if each.value == name), name.removeprefix("."))
            self.walk(
                f"{path}{name}" if path or name[0] != "." else name[1:],
                Member(inner, (*place, *steps), required, personal),
                below(self.document, schemas, part),
                (*above, place),
            )

    def _name(self, path: str) -> str:
        """Return a path under a name of its own: alternatives may each declare something at it."""
        names = (path, *(f"{path} (declaration {number})" for number in range(2, len(self.found) + 2)))
        return next(name for name in names if name not in self.found)


def _above(path: str) -> str:
    """Return the path of what is around a path; empty for what is around the top."""
    path = path.partition(" (declaration ")[0]
    for mark in ("[]", "{}"):
        if path.endswith(mark):
            return path.removesuffix(mark)
    return path.rpartition(".")[0]


def _inner(schema: Mapping[str, Any]) -> Iterator[tuple[tuple[Any, ...], str, Any]]:
    for name, each in schema.get("properties", {}).items():
        yield ("properties", name), f".{name}", each
    for keyword, mark in (("items", "[]"), ("additionalProperties", "{}")):
        if isinstance(schema.get(keyword), dict):
            yield (keyword,), mark, schema[keyword]
    for keyword in ("allOf", "anyOf", "oneOf"):
        for index, part in enumerate(schema.get(keyword, ())):
            for steps, name, each in _inner(part if isinstance(part, dict) else {}):
                yield (keyword, index, *steps), name, each


def _fields_untagged(old: Catalog, new: Catalog, hint: str) -> Iterator[Breakage]:
    for name, versions in new.records.items():
        if name not in old.records:
            continue
        before = {field.name: field for field in old.records[name][-1].record.fields}
        newest = versions[-1]
        for field in newest.record.fields:
            if field.name in before and before[field.name].personal and not field.personal:
                message = f"{name} v{newest.version}: {field.name} is no longer tagged as personal data"
                yield broken(("field", name, field.name), newest.source, field.place, message, hint)
