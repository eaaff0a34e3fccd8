"""Rules on what expressions hold: tables, conditions, exponents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.language.model import Condition, Envelope, Expression, Group, Lookup, Money, Path, Pick, Sum, When
from codegen.language.parts import children, inside
from codegen.payload import declared, types

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from codegen.document import Place
    from codegen.findings import Finding
    from codegen.language.model import Value
    from codegen.model import Catalog, Provider

    Documented = Callable[[Path | Envelope], frozenset[str]]
    _Narrow = Callable[[frozenset[str], frozenset[str]], frozenset[str]]

_JSON_TYPES = {
    str: frozenset({"string"}),
    int: frozenset({"integer", "number"}),
    bool: frozenset({"boolean"}),
}


def lookups(catalog: Catalog) -> Iterator[Finding]:
    """Yield lookups that leave out a value which their input is documented to have, or list one it has not."""
    for provider, group, place, expression in _fields(catalog):
        name = place[-1]
        for lookup, values in _lookups(expression, _documented(provider, group)):
            for value in sorted(values - lookup.table.keys()):
                message = f"{name}: the lookup does not know {value!r}"
                yield provider.mapping_source.finding("lookup", place, message, "add it to the table")
            for value in sorted(lookup.table.keys() - values) if values else ():
                message = f"{name}: {value!r} is not a value that can be looked up"
                yield provider.mapping_source.finding("lookup", place, message, "remove it from the table")


def conditions(catalog: Catalog) -> Iterator[Finding]:
    """Yield conditions on values that their path is not documented to have."""
    for provider, group, place, expression in _fields(catalog):
        documented = _documented(provider, group)
        for path, values in _compared(expression):
            found = declared(provider.payload, group.payload, path)
            known = documented(path)
            held = frozenset() if found is None else types(found.schema)
            for value in values:
                if isinstance(value, str) and known:
                    fits = value in known
                else:
                    # Any value may be absent.
                    fits = value is None or bool(held & _JSON_TYPES[type(value)])
                if not fits:
                    message = f"{place[-1]}: {value!r} is not a value that {path} can have"
                    hint = "compare with a documented value, or declare it in payload.openapi.yaml"
                    yield provider.mapping_source.finding("condition", place, message, hint)


def _compared(expression: Expression) -> Iterator[tuple[Path, tuple[Value | None, ...]]]:
    """Yield each path whose value decides something, with what it is compared with."""
    for each in inside(expression):
        match each:
            case When(path, values):
                yield path, values
            case Sum(_, _, Condition(path, values)) | Pick(_, _, Condition(path, values)):
                yield path, values
            case _:
                pass


def exponents(catalog: Catalog) -> Iterator[Finding]:
    """Yield exponents of a provider's own for currencies that do not exist, or that are the same in ISO 4217."""
    listed = {currency.code: currency.exponent for currency in catalog.currencies}
    for provider, _, place, expression in _fields(catalog):
        for money in (each for each in inside(expression) if isinstance(each, Money)):
            for code, exponent in money.exponents.items():
                if code not in listed:
                    message = f"{place[-1]}: {code} is not a currency of ISO 4217"
                elif listed[code] == exponent:
                    message = f"{place[-1]}: {code} has the exponent {exponent} in ISO 4217, too"
                else:
                    continue
                yield provider.mapping_source.finding("exponent", place, message, "remove it from `exponents`")


def _fields(catalog: Catalog) -> Iterator[tuple[Provider, Group, Place, Expression]]:
    for provider in catalog.providers:
        for index, group in enumerate(provider.mapping.groups):
            if group.payload in provider.payload.schemas:
                for name, expression in group.fields.items():
                    yield provider, group, group.place(index, name), expression


def _lookups(expression: Expression, documented: Documented) -> Iterator[tuple[Lookup, frozenset[str]]]:
    """Yield each lookup with the values that its input can have where the conditions around it hold."""
    if isinstance(expression, When):
        path, listed = expression.path, frozenset(each for each in expression.values if isinstance(each, str))
        for part, of_part in ((expression.then, frozenset.intersection), (expression.otherwise, frozenset.difference)):
            yield from _lookups(part, _narrowed(documented, path, listed, of_part))
        return
    if isinstance(expression, Lookup):
        read = (each for each in inside(expression.of) if isinstance(each, Path | Envelope))
        yield expression, frozenset(value for each in read for value in documented(each))
    for child in children(expression):
        yield from _lookups(child, documented)


def _narrowed(documented: Documented, path: Path, listed: frozenset[str], narrow: _Narrow) -> Documented:
    return lambda each: narrow(documented(each), listed) if each == path else documented(each)


def _documented(provider: Provider, group: Group) -> Documented:
    """Return a function that gives the texts which a path is documented to have; none where any text may stand."""

    def values(path: Path | Envelope) -> frozenset[str]:
        if path in {provider.mapping.event_type, Envelope("event_type")}:
            return frozenset(group.events)
        if isinstance(path, Envelope):
            return frozenset()
        found = declared(provider.payload, group.payload, path)
        return frozenset(value for value in found.schema.get("enum", ()) if value is not None) if found else frozenset()

    return values
