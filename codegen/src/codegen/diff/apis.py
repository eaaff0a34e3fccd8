"""Changes to HTTP APIs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codegen.compat.operations import operations
from codegen.compat.units import described
from codegen.diff.change import Change, Section
from codegen.reference import is_reference, resolved

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from codegen.model import Api, Catalog

_WORDS = frozenset({"description", "summary", "examples", "example", "title"})


def apis(old: Catalog, new: Catalog) -> Iterator[Change]:
    """Yield APIs and operations that are new, gone or different; words and examples are not compared."""
    before, after = ({(api.name, api.version): api for api in catalog.apis} for catalog in (old, new))
    for key in sorted(before.keys() | after.keys()):
        name, version = key
        title, concern = f"{name} v{version}", ("api", name, str(version))
        if key not in before or key not in after:
            yield Change(Section.APIS, title, "is new" if key in after else "is gone", (concern,))
            continue
        was, now = _operations(before[key]), _operations(after[key])
        for operation in dict.fromkeys((*was, *now)):
            if was.get(operation) != now.get(operation):
                text = (
                    "is different"
                    if operation in was and operation in now
                    else "is new"
                    if operation in now
                    else "is gone"
                )
                concerns = (("operation", name, str(version), operation),)
                yield Change(Section.APIS, f"{title} {operation}", text, concerns)


def words(old: Catalog, new: Catalog) -> Iterator[Change]:
    """Yield what an API that was there before says in other words, and what it says beside its operations."""
    known = {(api.name, api.version): api.source.data for api in old.apis}
    for api in new.apis:
        before, after = known.get((api.name, api.version)), api.source.data
        if before is None:
            continue
        title = f"{api.name} v{api.version}"
        told, tells = (dict(described(document, ())) for document in (before, after))
        for place in (place for place in tells if place in told and told[place] != tells[place]):
            concerns = (("words", api.name, str(api.version), ".".join(map(str, place[:-1]))),)
            at = ".".join(map(str, place))
            yield Change(Section.APIS, title, f"{at}: {told[place]} → {tells[place]}", concerns)
        for key in sorted((before.keys() | after.keys()) - {"paths", "components", "security"}):
            if _silent(before.get(key)) != _silent(after.get(key)):
                yield Change(Section.APIS, title, f"{key} is different", ())


def _silent(data: Any) -> Any:
    """Return data without descriptions, which have lines of their own."""
    if isinstance(data, dict):
        return {key: _silent(each) for key, each in data.items() if key != "description" or not isinstance(each, str)}
    return data


def _operations(api: Api) -> dict[str, Any]:
    """Return each operation as plain data without references."""
    document = api.source.data
    found: dict[str, Any] = {}
    for each in operations(api):
        item = resolved(document, document["paths"][each.path])
        data, shared = item[each.method], item.get("parameters", ())
        found[each.name] = [
            _plain(document, part, ()) for part in (data, list(shared), sorted(map(sorted, each.security)))
        ]
    return found


def _plain(document: Mapping[str, Any], data: Any, above: tuple[str, ...]) -> Any:
    if isinstance(data, list):
        return [_plain(document, each, above) for each in data]
    if not isinstance(data, dict):
        return data
    if is_reference(data):
        if data["$ref"] in above:
            return {"$ref": data["$ref"]}
        return _plain(document, resolved(document, data), (*above, data["$ref"]))
    # A property may be called `description`: only the keyword, which is a text, is a word.
    return {
        key: _plain(document, each, above) for key, each in data.items() if key not in _WORDS or isinstance(each, dict)
    }
