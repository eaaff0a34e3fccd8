"""A mapping in words: what each field reads, and what becomes of each event type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from codegen.language.model import (
    After,
    Coalesce,
    Concat,
    Condition,
    Const,
    Decimal,
    Difference,
    Envelope,
    Exponent,
    Expression,
    Group,
    Lookup,
    Lower,
    Money,
    Null,
    NullIf,
    Path,
    Pick,
    Rest,
    Sign,
    Sole,
    Sum,
    Text,
    Time,
    TimeFormat,
    Upper,
    When,
    Whole,
)
from codegen.language.outcomes import outputs
from codegen.language.parts import children, said
from codegen.mapping.wording import wording as rule_in_words
from codegen.payload import leaves, rests

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from codegen.language.model import Value
    from codegen.model import Catalog, Provider

_FORMATS = {
    TimeFormat.EPOCH_SECONDS: "seconds since 1970",
    TimeFormat.EPOCH_MILLISECONDS: "milliseconds since 1970",
    TimeFormat.ISO8601: "ISO 8601",
    TimeFormat.ISO8601_UTC: "ISO 8601, in UTC where it has no offset",
}


@dataclass(frozen=True, slots=True)
class Mapped:
    """A field of the unified record as one group of a provider's mapping fills it."""

    name: str
    words: str
    lookups: tuple[Mapping[str, Value], ...]
    kept: tuple[str, ...]
    rules: tuple[tuple[str, str], ...]
    line: int


def mapped(catalog: Catalog, provider: Provider, index: int) -> Iterator[Mapped]:
    """Yield the fields of a group of a mapping in words, in the order in which they are written."""
    group = provider.mapping.groups[index]
    for name, expression in group.fields.items():
        yield Mapped(
            name=name,
            words=words(expression),
            lookups=tuple(lookups(expression)),
            kept=tuple(leaf.key for rest in rests(expression) for leaf in leaves(provider.payload, group, rest)),
            rules=tuple((rule_in_words(rule), rule.code) for rule in catalog.validation.fields.get(name, ())),
            line=provider.mapping_source.line("groups", index, "fields", name),
        )


def words(expression: Expression) -> str:  # noqa: C901, PLR0911, PLR0912 - one return for each expression
    """Return an expression in words, with names between backticks."""
    match expression:
        case Path():
            return f"`{expression}`"
        case Const(value):
            return f"always “{said(value)}”"
        case Null():
            return "always null"
        case Envelope(name):
            return f"the `{name}` that the gateway found"
        case Lookup(of, table, otherwise):
            found = f"{words(of)}, looked up in a table of {len(table)}"
            return found if otherwise is None else f"{found}; for any other text {words(otherwise)}"
        case Time(of, form):
            return f"{words(of)}, an instant in {_FORMATS[form]}"
        case Coalesce(of):
            return "the first present of " + ", ".join(words(each) for each in of)
        case Concat(of):
            return " followed by ".join(words(each) for each in of)
        case Upper(of):
            return f"{words(of)}, in upper case"
        case Lower(of):
            return f"{words(of)}, in lower case"
        case NullIf(of, values):
            return f"{words(of)}, null where it is " + " or ".join(f"“{value}”" for value in values)
        case Exponent(of):
            return f"the ISO 4217 exponent of {words(of)}"
        case Money(of, currency, exponents):
            own = " or ".join(exponents)
            return f"{words(of)} in the minor unit of {words(currency)}" + (
                f", from the provider's own unit for {own}" if own else ""
            )
        case Decimal(of, currency):
            return f"{words(of)}, decimals of {words(currency)} in its minor unit"
        case Text(of):
            return f"{words(of)}, a whole number as its digits"
        case Whole(of):
            return f"{words(of)}, a text of digits as a whole number"
        case When(path, values, then, otherwise):
            which = " or ".join(map(_quoted, values))
            return f"{words(then)} where `{path}` is {which}, else {words(otherwise)}"
        case Sole():
            return f"the only element of `{expression.items}`, null where there are none or several"
        case Sum(items, _, where):
            counted = "" if where is None else _counted(where, Path(expression.deciding))
            return f"the sum of `{Path(expression.inner)}` over the elements of `{items}`{counted}"
        case Pick(items, _, where):
            counted = "" if where is None else _counted(where, Path(expression.deciding))
            return f"the `{Path(expression.inner)}` of the first element of `{items}`{counted}"
        case After(of, text):
            return f"what follows “{text}” in {words(of)}"
        case Difference(of):
            return " less ".join(words(each) for each in of)
        case Sign(of, negative, otherwise):
            return f"“{negative}” where {words(of)} is negative, else “{otherwise}”"
        case Rest(root, keep):
            kept = "".join(f", with `{path}`" for path in keep)
            return f"all else that is declared below `{root}` and not personal data{kept}"
    assert_never(expression)


def _quoted(value: Value | None) -> str:
    return "absent" if value is None else f"“{said(value)}”"


def _counted(where: Condition, path: Path) -> str:
    which = " or ".join(map(_quoted, where.values)) if where.same_as is None else f"that of `{where.same_as}`"
    return f" whose `{path}` is {which}"


def lookups(expression: Expression) -> Iterator[Mapping[str, Value]]:
    """Yield each lookup table inside an expression."""
    if isinstance(expression, Lookup):
        yield expression.table
    for child in children(expression):
        yield from lookups(child)


def unified_types(provider: Provider, group: Group, event: str) -> tuple[str, ...]:
    """Return the unified event types that an event of a provider can become, in order."""
    expression = group.fields.get("event_type")
    match expression:
        case None:
            return ()
        case Lookup(of, table, _) if of in {provider.mapping.event_type, Envelope("event_type")} and event in table:
            return (said(table[event]),)
        case _:
            return tuple(sorted(map(said, outputs(expression) or ())))
