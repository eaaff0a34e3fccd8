"""Versions that were released and whose files were edited, told even where the contracts cannot be read otherwise.

Part of the loader, since it reads files: where an edit makes ten other rules fail, it is the edit that has to go.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from codegen.compat.records import released, removed, versions_changed, versions_removed
from codegen.document import parse
from codegen.extension import FILE, schemas
from codegen.findings import ContractError, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from codegen.document import Document
    from codegen.extension import Written
    from codegen.model import Catalog, RecordVersion

CHANGED = "version-changed"
REMOVED = "version-removed"
EXTENSION = "extension.yaml"


def edited(old: Catalog, new: Catalog | None, contracts: Path) -> tuple[Finding, ...]:
    """Return what is different in versions that the earlier contracts had released.

    `new` is None where the contracts cannot be read; then the files of versions alone are looked at.
    """
    if new is None:
        made = _made(contracts)
        absent = [each for each in released(old) if each.version not in made.get(each.name, {})]
        found = [finding for version in absent for finding in _broken(version, contracts)]
        # Of these versions nothing but what their files say is looked at.
        records = {
            name: tuple(
                replace(versions[-1], version=number, source=written.document, base=written.base)
                for number, written in sorted(made[name].items())
            )
            for name, versions in old.records.items()
            if made.get(name)
        }
        found += [each.finding(CHANGED) for each in versions_changed(old, replace(old, records=records))]
        return tuple(sorted(found))
    rules = {"record-removed": removed, REMOVED: versions_removed, CHANGED: versions_changed}
    return tuple(sorted(each.finding(rule) for rule, check in rules.items() for each in check(old, new)))


def _made(contracts: Path) -> dict[str, dict[int, Written]]:
    """Return the record versions whose files can be read, whatever is wrong with them otherwise."""
    documents: dict[str, Document] = {}
    for file in (contracts / "avro").rglob("*"):
        path = file.relative_to(contracts).as_posix()
        if FILE.fullmatch(path):
            with suppress(ContractError, UnicodeDecodeError):
                document = parse(path, file.read_text(encoding="utf-8"))
                documents |= {path: document} if _says_what_it_is(path, document.data) else {}
    return schemas(documents, [])


def _says_what_it_is(path: str, data: Any) -> bool:
    """Tell whether a file has what a version is made of, and of these types."""
    if not isinstance(data, dict):
        return False
    fields, again = [data.get("fields"), data.get("replace", [])], data.get("again", [])
    if not all(isinstance(part, list) and all(isinstance(each, dict) for each in part) for part in fields):
        return False
    if not isinstance(again, list):
        return False
    names = [each.get("name") for part in fields for each in part]
    numbers = [each.get("since", 1) for part in fields for each in part] + again
    extends = str if path.endswith(EXTENSION) else int if path.endswith(".yaml") else type(None)
    return (
        all(isinstance(each, str) for each in names)
        and all(isinstance(each, int) for each in numbers)
        and isinstance(data.get("extends"), extends)
    )


def _broken(version: RecordVersion, contracts: Path) -> Iterator[Finding]:
    """Tell why a version is not what its file holds; of a version without a file of its own nothing is told."""
    file = contracts / version.source.path
    name = f"{version.name} v{version.version}"
    back = f"put v{version.version} back as it was"
    if file.name == EXTENSION:
        return
    if not file.is_file():
        if not any((file.parent / each).is_file() for each in (f"{file.stem}.yaml", f"{file.stem}.avsc", EXTENSION)):
            message = f"{name} is released, and its file is gone"
            yield Finding(version.source.path, 0, REMOVED, message, back)
        return
    try:
        parse(version.source.path, file.read_text(encoding="utf-8"))
    except (ContractError, UnicodeDecodeError):
        message = f"{name} is released, and cannot be read any more"
    else:
        message = f"{name} is released, and its file holds no record any more"
    change = f"{back}, and write the change as v{_newest(file.parent) + 1}"
    yield Finding(version.source.path, 0, CHANGED, message, change)


def _newest(folder: Path) -> int:
    found = (re.fullmatch(r"v([1-9][0-9]*)\..+", each.name) for each in folder.iterdir())
    return max((int(match[1]) for match in found if match), default=0)
