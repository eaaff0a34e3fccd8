"""Rules on the rules: their reason codes and the fields that they stand on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from codegen.avro import Map, Primitive, TimestampMillis
from codegen.gateway import FORM_REASONS, api_name
from codegen.lint.flows import record_of
from codegen.mapping.plan import OWN_CODES
from codegen.rules import (
    EVENT_TYPE,
    CutCharacters,
    MaxBytes,
    MaxCharacters,
    MaxEntries,
    MaxEntryCharacters,
    Maximum,
    Minimum,
    Pattern,
    Reference,
    Rule,
    TimeRange,
    family,
)
from codegen.suggestion import meant

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from codegen.avro import Field
    from codegen.document import Place
    from codegen.findings import Finding
    from codegen.model import Catalog
    from codegen.rules import Rules

_DECLARE = "declare it under reason_codes, or use one that is"


def reasons(catalog: Catalog) -> Iterator[Finding]:
    """Yield codes that are used but not declared, declared but not used, or unknown to a gateway's API."""
    validation = catalog.validation
    used: set[str] = {*OWN_CODES, *validation.later_codes, *validation.retired_codes}
    for code in sorted(OWN_CODES - validation.reason_codes.keys()):
        message = f"the mapping language needs the reason code {code!r}"
        yield validation.source.finding("reason", ("reason_codes",), message, "declare it under reason_codes")
    for name, rules in validation.fields.items():
        for index, rule in enumerate(rules):
            if isinstance(rule, CutCharacters):
                continue
            used.add(rule.code)
            yield from _undeclared(validation, rule.code, ("fields", name, index, "code"))
    if validation.texts is not None:
        yield from _undeclared(validation, validation.texts.code, ("texts", "code"))
        used.add(validation.texts.code)
    for code in sorted(validation.reason_codes.keys() - used):
        place = ("reason_codes", code)
        yield validation.source.finding("reason", place, f"nothing gives the reason {code!r}", "remove it")
    yield from _unanswerable(catalog)
    for each in (validation, catalog.ingestion):
        yield from _unjudged(each)


def _unjudged(rules: Rules) -> Iterator[Finding]:
    """Yield codes of which is not said, or is said twice, what has to change before their events come back."""
    if not rules.recoverable_by:
        return
    seen: set[str] = set()
    for name, codes in rules.recoverable_by.items():
        for index, code in enumerate(codes):
            place = ("recoverable_by", name, index)
            yield from _undeclared(rules, code, place)
            if code in seen:
                yield rules.source.finding("reason", place, f"{code!r} is in two lists", "leave it in one of them")
            seen.add(code)
    for code in sorted(rules.reason_codes.keys() - seen):
        message = f"it is not said what makes {code!r} recoverable"
        yield rules.source.finding("reason", ("recoverable_by",), message, "add it to one of the lists")


def _undeclared(rules: Rules, code: str, place: Place) -> Iterator[Finding]:
    if code not in rules.reason_codes:
        message = f"{code!r} is not a reason code{meant(code, rules.reason_codes)}"
        yield rules.source.finding("reason", place, message, _DECLARE)


def _unanswerable(catalog: Catalog) -> Iterator[Finding]:
    forms = {api_name(provider) for provider in catalog.providers if provider.envelope.form is not None}
    for api in catalog.apis:
        if api.name.startswith("gateway-"):
            known = api.source.data["components"]["schemas"].get("ReasonCode", {}).get("enum", ())
            for code in sorted(
                catalog.ingestion.reason_codes.keys() - {*known, *(() if api.name in forms else FORM_REASONS)}
            ):
                message = f"the API cannot answer with the reason code {code!r}"
                place = ("components", "schemas", "ReasonCode", "enum")
                yield api.source.finding("reason", place, message, "add it to the enum")


def misplaced(catalog: Catalog) -> Iterator[Finding]:
    """Yield rules on fields that do not exist or have another type."""
    rules = catalog.validation
    versions = catalog.records.get(rules.record, ())
    if not versions:
        yield rules.source.finding(
            "rule",
            ("record",),
            f"there is no record {rules.record!r}{meant(rules.record, catalog.records)}",
            "name one of contracts/avro",
        )
        return
    record = record_of(catalog, rules.record, versions[-1].version)
    fields = {field.name: field for field in record.fields} if record else {}
    known = {family(value) for value in fields[EVENT_TYPE].allowed} if EVENT_TYPE in fields else set()
    for name, each_of in rules.fields.items():
        if name not in fields:
            message = f"{rules.record} has no field {name!r}{meant(name, fields)}"
            yield rules.source.finding("rule", ("fields", name), message, "name one of its fields")
            continue
        for index, rule in enumerate(each_of):
            place: Place = ("fields", name, index)
            message = _misfit(rule, fields[name].bare)
            if message:
                yield rules.source.finding("rule", place, f"{name}: {message}", "use a rule that fits")
            yield from _families_unknown(rules, name, place, rule, known)
            if isinstance(rule, Reference):
                yield from _unread(rules, name, place, rule, fields)


def _families_unknown(rules: Rules, name: str, place: Place, rule: Rule, known: set[str]) -> Iterator[Finding]:
    named = set(rule.scope.named)
    if isinstance(rule, Reference):
        named |= rule.undated | (rule.blank.families if rule.blank else frozenset())
    for each in sorted(named - known):
        message = f"{name}: no event is of the family {each!r}{meant(each, known)}"
        yield rules.source.finding("rule", place, message, f"name families of {EVENT_TYPE}: what is before its dot")
    if rule.scope.only and rule.scope.apart:
        message = f"{name}: a rule names families, or those that it leaves out, and not both"
        yield rules.source.finding("rule", place, message, "keep one of the two")


def _unread(rules: Rules, name: str, place: Place, rule: Reference, fields: Mapping[str, Field]) -> Iterator[Finding]:
    """Yield fields that a rule looks at beside its own, and that no event has to have."""
    *first, last = rule.dated_by or (None,)
    read: list[tuple[str, str | None, str, bool]] = [("dated_by", each, "an instant", False) for each in first]
    read += [
        ("dated_by", last, "an instant", True),
        ("blank", rule.blank.amount if rule.blank else None, "a whole number", True),
    ]
    for key, other, wanted, always in read:
        field = fields.get(other or "")
        fits = field is not None and (
            isinstance(field.bare, TimestampMillis)
            if key == "dated_by"
            else field.bare in {Primitive.INT, Primitive.LONG}
        )
        if other is not None and (field is None or (always and field.nullable) or not fits):
            what = f"{wanted} that every event has" if always else wanted
            message = f"{name}: {key} needs {what}, and {other} is none{meant(other, fields)}"
            hint = "name one that cannot be null" if always else "name a field that is one"
            yield rules.source.finding("rule", (*place, key), message, hint)


def _misfit(rule: Rule, kind: object) -> str:
    match rule:
        case Minimum() | Maximum():
            return "" if kind in {Primitive.INT, Primitive.LONG, Primitive.DOUBLE} else "only a number has bounds"
        case TimeRange():
            return "" if isinstance(kind, TimestampMillis) else "only an instant lies between two others"
        case MaxEntries() | MaxEntryCharacters() | MaxBytes():
            return "" if isinstance(kind, Map) else "only a map has entries"
        case MaxCharacters() | CutCharacters():
            return "" if kind is Primitive.STRING else "only a text has characters"
        case Pattern(value, _):
            try:
                re.compile(value)
            except re.error as error:
                return f"the pattern cannot be read: {error}"
    return "" if kind is Primitive.STRING else "only a text can be compared with a pattern or a list"
