"""Changes to providers and their mappings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.compat.rests import way
from codegen.diff.change import Change, Section, others, worded
from codegen.language.model import Lookup, Money
from codegen.language.parts import inside, origin

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from codegen.language.model import Expression
    from codegen.model import Catalog, Provider


_TOLD = frozenset({"kind", "name", "signature", "envelope", "currencies", "merchant_metadata"})
_MAPPED = frozenset({"kind", "provider", "record", "version", "groups"})


def providers(old: Catalog, new: Catalog) -> Iterator[Change]:
    """Yield providers that are new, gone, or sign and wrap in another way."""
    for name, was, now in _pairs(old, new):
        concern = ("provider", name)
        if was is None or now is None:
            yield Change(Section.PROVIDERS, name, "is new" if now else "is gone", (concern,))
            continue
        yield from others(Section.PROVIDERS, name, was.source, now.source, _TOLD)
        for code in sorted(was.currencies.keys() | now.currencies.keys()):
            one, other = was.currencies.get(code), now.currencies.get(code)
            if one != other:
                text = f"currency {code}: {_digits(one)} → {_digits(other)}"
                yield Change(Section.PROVIDERS, name, text, (concern, ("currency", code)))
        yield from _merchant_maps(name, was, now)
        for part in ("signature", "envelope"):
            one, other = was.source.data[part], now.source.data[part]
            for key in dict.fromkeys((*one, *other)):
                if one.get(key) != other.get(key):
                    text = f"{part} {key}: {worded(one.get(key))} → {worded(other.get(key))}"
                    yield Change(Section.PROVIDERS, name, text, ((*concern, part, key),))


def _merchant_maps(name: str, was: Provider, now: Provider) -> Iterator[Change]:
    """Yield places where merchants may have keys of their own that are new or gone, or take other keys."""
    before, after = was.payload.merchant_maps, now.payload.merchant_maps
    for path in dict.fromkeys((*before, *after)):
        one, other = (worded(sorted(each[path]) if path in each else None) for each in (before, after))
        if one != other:
            concerns = tuple(("payload", name, group.payload, way(path)) for group in now.mapping.groups)
            yield Change(Section.PROVIDERS, name, f"keys of {path} that merchants may have: {one} → {other}", concerns)


def _digits(exponent: int | None) -> str:
    return "none of its own" if exponent is None else f"{exponent} digits"


def mappings(old: Catalog, new: Catalog) -> Iterator[Change]:
    """Yield event types and fields that are mapped in another way."""
    for name, was, now in _pairs(old, new):
        before, after = _fields(was), _fields(now)
        if was and now and (was.mapping.record, was.mapping.version) != (now.mapping.record, now.mapping.version):
            text = f"{_target(was)} → {_target(now)}"
            yield Change(Section.MAPPINGS, name, text, (("provider", name, "mapping"),))
        alike: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
        for event in dict.fromkeys((*before, *after)):
            concerns = (("event", name, event), ("provider", name))
            if event not in before or event not in after:
                text = "is normalized now" if event in after else "is no longer normalized"
                yield Change(Section.MAPPINGS, f"{name} {event}", text, concerns)
                continue
            for field in dict.fromkeys((*before[event], *after[event])):
                one, other = before[event].get(field), after[event].get(field)
                if one != other:
                    told = "; ".join(_difference(one, other)) or "is made in another way"
                    alike.setdefault((field, told, ()), []).append(event)
        if was and now:
            yield from others(Section.MAPPINGS, name, was.mapping_source, now.mapping_source, _MAPPED)
            yield from _groups(name, was, now)
        for (field, told, _), events in alike.items():
            mapped = tuple(("mapping", name, event, field) for event in events)
            yield Change(Section.MAPPINGS, f"{name} {field}", f"{told} (in {', '.join(events)})", mapped)


def _groups(name: str, was: Provider, now: Provider) -> Iterator[Change]:
    """Yield event types that are read by another schema, and groups of another name."""
    before, after = ({event: group for group in each.mapping.groups for event in group.events} for each in (was, now))
    for event in (event for event in after if event in before):
        for attribute in ("name", "payload"):
            one, other = getattr(before[event], attribute), getattr(after[event], attribute)
            if one != other:
                yield Change(Section.MAPPINGS, f"{name} {event}", f"{attribute} of its group {one} → {other}", ())


def _fields(provider: Provider | None) -> dict[str, dict[str, Expression]]:
    groups = provider.mapping.groups if provider else ()
    return {event: dict(group.fields) for group in groups for event in group.events}


def _target(provider: Provider) -> str:
    return f"{provider.mapping.record} v{provider.mapping.version}"


def _told(expression: Expression | None) -> str:
    return "nothing" if expression is None else origin(expression)


def _difference(one: Expression | None, other: Expression | None) -> Iterator[str]:
    """Yield in words what is different between two expressions: where the value is from, then each entry of a table."""
    if _told(one) != _told(other):
        yield f"{_told(one)} → {_told(other)}"
    if one is None or other is None:
        return
    pairs = zip(
        *([each for each in inside(of) if isinstance(each, Lookup | Money)] for of in (one, other)), strict=False
    )
    for was, now in pairs:
        if isinstance(was, Lookup) and isinstance(now, Lookup):
            yield from _entries(was.table, now.table)
            if was.otherwise != now.otherwise:
                yield f"otherwise: {_told(was.otherwise)} → {_told(now.otherwise)}"
        elif isinstance(was, Money) and isinstance(now, Money):
            yield from _entries(was.exponents, now.exponents)


def _entries(was: Mapping[str, object], now: Mapping[str, object]) -> Iterator[str]:
    for key in dict.fromkeys((*was, *now)):
        if was.get(key) != now.get(key):
            yield f"{key}: {worded(was.get(key))} → {worded(now.get(key))}"


def _pairs(old: Catalog, new: Catalog) -> Iterator[tuple[str, Provider | None, Provider | None]]:
    before, after = ({provider.name: provider for provider in catalog.providers} for catalog in (old, new))
    for name in sorted(before.keys() | after.keys()):
        yield name, before.get(name), after.get(name)
