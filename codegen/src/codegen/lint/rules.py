"""Rules on the rules: their reason codes and the fields that they stand on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from codegen.avro import Primitive, TimestampMillis
from codegen.lint.flows import record_of
from codegen.mapping.plan import OWN_CODES
from codegen.model import Catalog, Maximum, Minimum, Pattern, Rule, TimeRange
from codegen.suggestion import meant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.document import Place
    from codegen.findings import Finding

_DECLARE = "declare it under reason_codes, or use one that is"


def reasons(catalog: Catalog) -> Iterator[Finding]:
    """Yield codes that are used but not declared, declared but not used, or unknown to a gateway's API."""
    validation = catalog.validation
    used: set[str] = {*OWN_CODES, *validation.later_codes}
    for code in sorted(OWN_CODES - validation.reason_codes.keys()):
        message = f"the mapping language needs the reason code {code!r}"
        yield validation.source.finding("reason", ("reason_codes",), message, "declare it under reason_codes")
    for name, rules in validation.fields.items():
        for index, rule in enumerate(rules):
            used.add(rule.code)
            if rule.code not in validation.reason_codes:
                place: Place = ("fields", name, index, "code")
                yield validation.source.finding(
                    "reason",
                    place,
                    f"{rule.code!r} is not a reason code{meant(rule.code, validation.reason_codes)}",
                    _DECLARE,
                )
    for code in sorted(validation.reason_codes.keys() - used):
        place = ("reason_codes", code)
        yield validation.source.finding("reason", place, f"nothing gives the reason {code!r}", "remove it")
    for api in catalog.apis:
        if api.name.startswith("gateway-"):
            known = api.source.data["components"]["schemas"].get("ReasonCode", {}).get("enum", ())
            for code in sorted(catalog.ingestion.reason_codes.keys() - set(known)):
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
    types = {field.name: field.bare for field in record.fields} if record else {}
    for name, each_of in rules.fields.items():
        if name not in types:
            message = f"{rules.record} has no field {name!r}{meant(name, types)}"
            yield rules.source.finding("rule", ("fields", name), message, "name one of its fields")
            continue
        for index, rule in enumerate(each_of):
            message = _misfit(rule, types[name])
            if message:
                yield rules.source.finding(
                    "rule", ("fields", name, index), f"{name}: {message}", "use a rule that fits"
                )


def _misfit(rule: Rule, kind: object) -> str:
    match rule:
        case Minimum() | Maximum():
            return "" if kind in {Primitive.INT, Primitive.LONG, Primitive.DOUBLE} else "only a number has bounds"
        case TimeRange():
            return "" if isinstance(kind, TimestampMillis) else "only an instant lies between two others"
        case Pattern(value, _):
            try:
                re.compile(value)
            except re.error as error:
                return f"the pattern cannot be read: {error}"
    return "" if kind is Primitive.STRING else "only a text can be compared with a pattern or a list"
