"""Rules on what services decide by: nothing that may happen is left without an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.lint.flows import record_of
from codegen.suggestion import meant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.document import Place
    from codegen.findings import Finding
    from codegen.model import Catalog

_RETRY = "retry"


def unadvised(catalog: Catalog) -> Iterator[Finding]:
    """Yield categories of failures without advice, advice on what is none, and waits that do not fit the action."""
    retry = catalog.retry
    if retry is None:
        return
    versions = catalog.records.get(retry.record, ())
    record = record_of(catalog, retry.record, versions[-1].version) if versions else None
    fields = {field.name: field for field in record.fields} if record else {}
    if retry.field not in fields:
        what = f"{retry.record} has no field {retry.field!r}{meant(retry.field, fields)}"
        yield retry.source.finding(_RETRY, ("field",), what, "name the field that says why something failed")
        return
    categories = fields[retry.field].allowed
    if not categories:
        what = f"{retry.field} of {retry.record} has no closed set"
        yield retry.source.finding(_RETRY, ("field",), what, "name a field with allowed_values")
        return
    for name in categories:
        if name not in retry.categories:
            what = f"nothing is said of the category {name!r}"
            yield retry.source.finding(_RETRY, ("categories",), what, "say what to do after such a failure")
    for name, rule in retry.categories.items():
        place: Place = ("categories", name)
        if name not in categories:
            what = f"{name!r} is not a category{meant(name, categories)}"
            yield retry.source.finding(_RETRY, place, what, f"take one of {retry.field}")
        if (rule.action == _RETRY) != bool(rule.minutes):
            what = f"{name}: a retry has `minutes`, and nothing else has"
            yield retry.source.finding(_RETRY, place, what, "say how long to wait, or take another action")
        if list(rule.minutes) != sorted(rule.minutes):
            what = f"{name}: a wait is shorter than the one before"
            yield retry.source.finding(_RETRY, (*place, "minutes"), what, "let waits grow from attempt to attempt")


def unlisted(catalog: Catalog) -> Iterator[Finding]:
    """Yield review limits of what is not a currency, and such of a record that is not there."""
    business = catalog.business
    if business is None:
        return
    if business.record not in catalog.records:
        what = f"there is no record {business.record!r}{meant(business.record, catalog.records)}"
        yield business.source.finding("review-limit", ("record",), what, "name one of contracts/avro")
    known = {each.code for each in catalog.currencies}
    for code in sorted(business.review_limits.keys() - known):
        what = f"{code} is not a currency of ISO 4217{meant(code, known)}"
        place: Place = ("review_limits", "currencies", code)
        yield business.source.finding("review-limit", place, what, "correct the code, or remove it")
