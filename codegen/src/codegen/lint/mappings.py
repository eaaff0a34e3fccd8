"""Rules on providers and their mappings."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING

from codegen.language.model import (
    Coalesce,
    Const,
    Decimal,
    Difference,
    Envelope,
    Exponent,
    Expression,
    Group,
    Lookup,
    Money,
    Null,
    NullIf,
    Path,
    Rest,
    Sign,
    Time,
    When,
    Whole,
)
from codegen.language.parts import children, paths, said
from codegen.lint.flows import record_of
from codegen.lint.paths import likely
from codegen.mapping.plan import FOUND, STAMPED, Kind, kind_of
from codegen.payload import declared, leaves, mapped_paths, rests
from codegen.suggestion import closest, meant
from codegen.webhooks import paths_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.avro import Field
    from codegen.document import Document, Place
    from codegen.findings import Finding
    from codegen.language.model import Value
    from codegen.model import Catalog, Provider
    from codegen.webhooks import Source

# What gives a value of the field's own kind, or its whole content, and is checked as such.
_AMOUNTS: tuple[type[Expression], ...] = (Money, Decimal)
_OUTERMOST: tuple[type[Expression], ...] = (*_AMOUNTS, Exponent, Time, Rest, Null)


def providers(catalog: Catalog) -> Iterator[Finding]:
    """Yield providers whose files disagree, and event types that two groups claim."""
    for provider in catalog.providers:
        folder = provider.source.path.split("/")[1]
        agree: tuple[tuple[Document, Place, str], ...] = (
            (provider.source, ("name",), provider.name),
            (provider.mapping_source, ("provider",), provider.mapping.provider),
        )
        for source, place, name in agree:
            if name != folder:
                message = f"the provider is called {name!r} in the folder {folder!r}"
                yield source.finding("provider", place, message, "give both one name")
        found = provider.envelope.event_type
        if provider.mapping.event_type != (found if isinstance(found, Path) else Envelope("event_type")):
            message = "the mapping and the envelope disagree on where the event type is"
            hint = "take the envelope's path; where it is not one path, write {envelope: event_type}"
            yield provider.mapping_source.finding("provider", ("event_type",), message, hint)
        seen: set[str] = set()
        names: set[str] = set()
        for index, group in enumerate(provider.mapping.groups):
            if group.name in names:
                message = f"a second group is called {group.name}"
                yield provider.mapping_source.finding("provider", ("groups", index, "name"), message, "rename one")
            names.add(group.name)
            for number, event in enumerate(group.events):
                if event in seen:
                    message = f"a second group claims {event}"
                    place = ("groups", index, "events", number)
                    yield provider.mapping_source.finding("provider", place, message, "leave it in one group")
                seen.add(event)


def paths_undeclared(catalog: Catalog) -> Iterator[Finding]:
    """Yield paths that no payload contract declares."""
    hint = "correct the path, or declare it in payload.openapi.yaml"
    command = f"{hint} (`codegen declare {{}} {{}}` writes it)"
    for provider in catalog.providers:
        for index, group in enumerate(provider.mapping.groups):
            if group.payload not in provider.payload.schemas:
                close = meant(group.payload, provider.payload.schemas)
                message = f"the payload contract has no schema {group.payload!r}{close}"
                place: Place = ("groups", index, "payload")
                yield provider.mapping_source.finding("path", place, message, "name one of its schemas")
                continue
            for name, expression in group.fields.items():
                taken = tuple(paths(expression))
                for path in (*taken, *(each for rest in rests(expression) for each in (rest.root, *rest.keep))):
                    if declared(provider.payload, group.payload, path) is None:
                        place = provider.mapping_source.place_of(str(path), group.place(index, name))
                        message = f"{name}: {path} is not declared{likely(provider.payload, group.payload, path)}"
                        remedy = command.format(provider.name, quote(str(path))) if path in taken else hint
                        yield provider.mapping_source.finding("path", place, message, remedy)
            signed = [(("signature", "signed_content"), path) for path in provider.signature.signed_fields]
            if provider.signature.field is not None:
                signed.append((("signature", "field"), provider.signature.field))
            for place, path in (*((("envelope", *place), path) for place, path in _envelope_paths(provider)), *signed):
                if declared(provider.payload, group.payload, path) is None:
                    close = likely(provider.payload, group.payload, path)
                    message = f"{path} is not declared for {group.payload}{close}"
                    yield provider.source.finding("path", place, message, hint)


def _envelope_paths(provider: Provider) -> Iterator[tuple[Place, Path]]:
    envelope = provider.envelope
    for name in ("event_id", "event_type", "api_version", "created_at", "account"):
        source: Source | None = getattr(envelope, name)
        for path in () if source is None else paths_of(source):
            yield (name,), path
    if envelope.livemode is not None:
        for path in paths_of(envelope.livemode.source):
            yield ("livemode",), path
    for index, path in enumerate(envelope.merchant_id):
        yield ("merchant_id", index), path
    for path, _ in envelope.required:
        yield ("required", str(path)), path
    if envelope.items is not None:
        yield ("items", "path"), envelope.items.path


def fields(catalog: Catalog) -> Iterator[Finding]:
    """Yield fields that a mapping leaves out, adds, or fills with what they cannot take."""
    for provider, index, group in _groups(catalog):
        mapping, source = provider.mapping, provider.mapping_source
        record = record_of(catalog, mapping.record, mapping.version)
        if record is None:
            message = f"there is no {mapping.record} v{mapping.version}"
            yield source.finding("mapping", ("record",), message, "name a record of contracts/avro")
            return
        for topic in catalog.topics:
            if topic.record == mapping.record and topic.version != mapping.version:
                message = f"the mapping fills v{mapping.version}, and {topic.name} holds v{topic.version}"
                yield source.finding("mapping", ("version",), message, "map the version that the topic holds")
        wanted = {field.name: field for field in record.fields if field.name not in STAMPED}
        # A provider may know nothing of an optional field. One that fills it for some events says so of all.
        elsewhere = {name for each in mapping.groups for name in each.fields}
        unmapped = wanted.keys() - group.fields.keys()
        # What stands below the mapping's own fields is one fault, whatever single groups lack.
        lacking = {name for each in mapping.groups for name in wanted.keys() - each.fields.keys()}
        mistyped = {
            name: closest(name, lacking if group.place(index, name)[0] == "fields" else unmapped)
            for name in group.fields.keys() - wanted.keys()
        }
        # A field that is there under a mistyped name is told by that name alone.
        for name in sorted(unmapped - set(mistyped.values())):
            if wanted[name].nullable and name not in elsewhere:
                continue
            place: Place = ("groups", index, "fields")
            yield source.finding(
                "mapping", place, f"{name} is not mapped", "map it; where there is nothing to map, write {const: null}"
            )
        for name, expression in group.fields.items():
            place = group.place(index, name)
            if name not in wanted:
                close = mistyped[name]
                suggested = f" (did you mean {close}?)" if close else ""
                message = f"{mapping.record} v{mapping.version} has no field {name!r} to map{suggested}"
                hint = f"write {close}, or remove it" if close else "remove it"
                yield source.finding("mapping", place, message, hint)
                continue
            for message, hint in misfits(wanted[name], expression):
                yield source.finding("mapping", place, f"{name}: {message}", hint)


def kept(catalog: Catalog) -> Iterator[Finding]:
    """Yield paths that a rest keeps though nothing takes them away, or that cannot be in it."""
    for provider, index, group in _groups(catalog):
        for name, expression in group.fields.items():
            place: Place = group.place(index, name)
            for rest in rests(expression):
                held = {leaf.path for leaf in leaves(provider.payload, group, rest)}
                for path in rest.keep:
                    if declared(provider.payload, group.payload, path) is None:
                        continue
                    if path not in held:
                        message, hint = f"{name} cannot keep {path}", f"keep what is declared below {rest.root}"
                    elif path not in mapped_paths(group):
                        message, hint = f"{name} has {path} anyhow: no other field maps it", "leave it out of `keep`"
                    else:
                        continue
                    yield provider.mapping_source.finding("rest", place, message, hint)


def unfilled(catalog: Catalog) -> Iterator[Finding]:
    """Yield optional fields that no provider fills, though the version that has them is written."""
    filled: dict[tuple[str, int], set[str]] = {}
    for provider in catalog.providers:
        fills = filled.setdefault((provider.mapping.record, provider.mapping.version), set())
        fills.update(name for group in provider.mapping.groups for name in group.fields)
    for (name, version), fields_filled in filled.items():
        record = record_of(catalog, name, version)
        for field in record.fields if record is not None else ():
            if field.name not in STAMPED and field.nullable and field.name not in fields_filled:
                source = catalog.record(name, version).source
                message = f"no provider's mapping fills {field.name} of {name} v{version}"
                yield source.finding("unfilled", field.place, message, "map it for a provider that sends it")


def misfits(field: Field, expression: Expression) -> Iterator[tuple[str, str]]:
    """Yield what is wrong, and what to do, where a field cannot take an expression whatever the payload holds."""
    try:
        kind = kind_of(field)
    except KeyError:
        yield "a mapping cannot fill a field of this type", "use a text, a number, a time or a map of texts"
        return
    if isinstance(expression, Null):
        if not field.nullable:
            yield "null is mapped to a field that needs a value", "map a value"
        return
    yield from _strangers(expression, kind)
    if _is_misplaced(expression):
        yield (
            "`time`, `exponent`, `money`, `decimal`, `rest` and null cannot be inside this expression",
            "make it the outermost expression of the field, or of a branch of `when` or `coalesce`",
        )
    if field.allowed:
        for value in sorted(map(said, _fixed(expression) - set(field.allowed))):
            yield f"{value!r} is not an allowed value", "use one of the field's allowed_values"


def _is_misplaced(expression: Expression, allowed: tuple[type[Expression], ...] = _OUTERMOST) -> bool:
    """Return whether an expression, or one in it, is one of `_OUTERMOST` where only those allowed may be."""
    if isinstance(expression, _OUTERMOST) and not isinstance(expression, allowed):
        return True
    match expression:
        case When(_, _, then, otherwise):
            return any(_is_misplaced(each, (*allowed, Null)) for each in (then, otherwise))
        case Coalesce(of):
            return any(_is_misplaced(each, tuple(kind for kind in allowed if kind is not Null)) for each in of)
        case Lookup(of, _, otherwise):
            # A value that no table knows may count for nothing.
            return _is_misplaced(of, ()) or (otherwise is not None and _is_misplaced(otherwise, (Null,)))
        case Difference() | Sign() | NullIf():
            return any(_is_misplaced(each, _AMOUNTS) for each in children(expression))
        case _:
            return any(_is_misplaced(each, ()) for each in children(expression))


def _strangers(expression: Expression, kind: Kind) -> Iterator[tuple[str, str]]:
    """Yield what is wrong where an expression gives another kind of value than the field takes."""
    for part in _branches(expression):
        if isinstance(part, Exponent | Money | Decimal | Whole) and kind is not Kind.WHOLE:
            yield (
                "an exponent and an amount are whole numbers",
                "use `exponent`, `money`, `decimal` and `whole` on int and long fields only",
            )
        if _is_time(part) != (kind is Kind.TIME) and not isinstance(part, Null):
            yield (
                "a time and `time` belong together",
                "use `time`, or a time that the gateway found, on timestamps, and only there",
            )
    if isinstance(expression, Rest) != (kind is Kind.TEXTS):
        yield "a map and `rest` belong together", "use `rest` on maps of texts, and only there"


def personal(catalog: Catalog) -> Iterator[Finding]:
    """Yield personal data that is mapped onto a field which does not say so."""
    for provider, index, group in _groups(catalog):
        record = record_of(catalog, provider.mapping.record, provider.mapping.version)
        tagged = {field.name for field in record.fields if field.personal} if record else set()
        for name, expression in group.fields.items():
            for path in paths(expression):
                found = declared(provider.payload, group.payload, path)
                if found is not None and found.personal and name not in tagged:
                    message = f"{name} takes {path}, which is personal data"
                    place = group.place(index, name)
                    hint = 'tag the field "personal_data": true, or map something else'
                    yield provider.mapping_source.finding("personal", place, message, hint)


def _groups(catalog: Catalog) -> Iterator[tuple[Provider, int, Group]]:
    for provider in catalog.providers:
        for index, group in enumerate(provider.mapping.groups):
            if group.payload in provider.payload.schemas:
                yield provider, index, group


def _is_time(expression: Expression) -> bool:
    return isinstance(expression, Time) or (isinstance(expression, Envelope) and FOUND[expression.name] is Kind.TIME)


def _branches(expression: Expression) -> Iterator[Expression]:
    """Yield what a field may be filled with: the branches of a `when` or `coalesce`, and any other one by itself."""
    match expression:
        case When(_, _, then, otherwise):
            yield from _branches(then)
            yield from _branches(otherwise)
        case Coalesce(of):
            for each in of:
                yield from _branches(each)
        case _:
            yield expression


def _fixed(expression: Expression) -> set[Value]:
    """Return the values that an expression gives by itself, whatever the payload."""
    match expression:
        case Const(value):
            return {value}
        case Sign(_, negative, otherwise):
            return {negative, otherwise}
        case Lookup(_, table, otherwise):
            return set(table.values()) | (_fixed(otherwise) if otherwise else set())
        case _:
            return {value for child in children(expression) for value in _fixed(child)}
