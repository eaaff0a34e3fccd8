"""Changes to payload contracts: what a provider is said to send."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codegen.compat.payloads import both
from codegen.diff.change import Change, Section

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from codegen.compat.payloads import Member
    from codegen.model import Catalog

# What is told by other words, or has lines of its own.
_APART = frozenset(
    {"description", "properties", "items", "additionalProperties", "required", "x-personal-data", "allOf"}
)


def payloads(old: Catalog, new: Catalog) -> Iterator[Change]:
    """Yield what a payload contract declares newly, no longer, or in another way, by path."""
    alike: dict[tuple[str, str, str], list[str]] = {}
    for provider, payload, before, after in both(old, new):
        for path in dict.fromkeys((*before, *after)):
            text = _told(before.get(path), after.get(path))
            if text:
                alike.setdefault((provider.name, path, text), []).append(payload)
    for (name, path, text), payloads_of in alike.items():
        title = f"{name} {path} of {', '.join(payloads_of)}"
        yield Change(Section.PAYLOADS, title, text, tuple(("payload", name, payload, path) for payload in payloads_of))
    known = {provider.name: provider for provider in old.providers}
    for provider in (each for each in new.providers if each.name in known):
        yield from _document(known[provider.name].payload.source.data, provider.payload.source.data, provider.name)


def _told(was: Member | None, now: Member | None) -> str:
    if was is None and now is not None:
        return f"is declared now: {_type(now.schema)}{', personal data' if now.personal else ''}"
    if was is None or now is None:
        return "is no longer declared"
    return "; ".join(_differences(was, now))


def _differences(was: Member, now: Member) -> Iterator[str]:
    if was.personal != now.personal:
        yield "is personal data now" if now.personal else "is no longer personal data"
    if was.required != now.required:
        yield "is never absent now" if now.required else "may be absent now"
    for keyword in sorted((was.schema.keys() | now.schema.keys()) - _APART):
        one, other = was.schema.get(keyword), now.schema.get(keyword)
        if one != other:
            yield f"{keyword} {_worded(one)} → {_worded(other)}"
    open_before, open_after = (each.schema.get("additionalProperties", True) for each in (was, now))
    if isinstance(open_before, bool) and isinstance(open_after, bool) and open_before != open_after:
        yield "further members may come now" if open_after else "further members are excluded now"
    elif isinstance(open_before, bool) != isinstance(open_after, bool):
        yield (
            "further members are undeclared now" if isinstance(open_after, bool) else "further members are declared now"
        )
    if was.schema.get("description") != now.schema.get("description"):
        yield f"means {was.schema.get('description', 'nothing')} → {now.schema.get('description', 'nothing')}"


def _document(was: Mapping[str, Any], now: Mapping[str, Any], provider: str) -> Iterator[Change]:
    """Yield changes to what an OpenAPI document says beside its schemas."""
    for key in sorted((was.keys() | now.keys()) - {"components"}):
        if was.get(key) != now.get(key):
            yield Change(Section.PAYLOADS, provider, f"{key} of its payload contract is different", ())
    names = (set(each["components"]["schemas"]) for each in (was, now))
    lost, won = next(names), next(names)
    for name in sorted(lost ^ won):
        text = "is a schema no longer" if name in lost else "is a new schema"
        yield Change(Section.PAYLOADS, f"{provider} {name}", text, ())


def _type(schema: Mapping[str, Any]) -> str:
    return _worded(schema.get("type", "anything"))


def _worded(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join("null" if each is None else str(each) for each in value)
    return "none" if value is None else str(value)
