"""Which kind of contract a file below `contracts/` is, by its path."""

from __future__ import annotations

import re

from codegen import extension

API = re.compile(r"openapi/(?P<name>[a-z][a-z0-9-]*)/v(?P<version>[1-9][0-9]*)\.yaml")
EXAMPLE = re.compile(r"providers/(?P<provider>[a-z][a-z0-9_]*)/examples/(?P<name>[a-z][a-z0-9_.-]*)\.yaml")
_PROVIDER_FILE = re.compile(r"providers/[a-z][a-z0-9_]*/(?P<file>provider|mapping|lifecycles|payload\.openapi)\.yaml")
_KIND_OF_FILE = {
    "rules/identity.yaml": "identity",
    "rules/retry.yaml": "retry",
    "rules/business.yaml": "business",
    "services.yaml": "services",
    "families.yaml": "families",
}
_KIND_OF_FOLDER = {
    "topics": "topic",
    "tables": "table",
    "derived": "derived",
    "database": "database",
    "files": "file",
    "reference": "reference",
}
_PLACES = {
    **{kind: f"{folder}/" for folder, kind in _KIND_OF_FOLDER.items()},
    **{kind: path for path, kind in _KIND_OF_FILE.items()},
    **{kind: f"providers/<name>/{kind}.yaml" for kind in ("provider", "mapping", "lifecycles")},
    "rules": "rules/",
    "example": "providers/<name>/examples/",
    "version": "avro/<record>/v<N>.yaml",
    "extension": "avro/<record>/extension.yaml",
}
_KIND = re.compile(r"^kind: *([a-z]+) *$", re.MULTILINE)


def kind_of(path: str) -> str | None:  # noqa: PLR0911 - one return for each kind
    """Return the kind of the file at a path relative to `contracts/`; None where no contract is kept there."""
    if match := extension.FILE.fullmatch(path):
        return "avsc" if match["form"] == "avsc" else "version" if match["version"] else "extension"
    if API.fullmatch(path):
        return "openapi"
    if EXAMPLE.fullmatch(path):
        return "example"
    match = _PROVIDER_FILE.fullmatch(path)
    if match:
        return "openapi" if match["file"] == "payload.openapi" else match["file"]
    if path in _KIND_OF_FILE:
        return _KIND_OF_FILE[path]
    folder, _, name = path.partition("/")
    if "/" in name or not name.endswith(".yaml"):
        return None
    return "rules" if folder == "rules" else _KIND_OF_FOLDER.get(folder)


def belonging(kind: object) -> str | None:
    """Return in words where files of a kind are; None of a kind that there is not."""
    where = _PLACES.get(kind) if isinstance(kind, str) else None
    return None if where is None else f"a file of the kind {kind} belongs in {where}"


def advice(path: str, text: str) -> str:
    """Return what to do with a file at a path where no contract is kept, by its name and by what it says of itself."""
    stem, _, ending = path.rpartition(".")
    if ending.lower() in {"yml", "yaml", "json"} and kind_of(f"{stem}.yaml") is not None:
        return f"rename it to {stem}.yaml"
    said = _KIND.search(text)
    return (said and belonging(said[1])) or "move, rename or delete the file"
