"""Versions that were released and whose files were edited, told even where the contracts cannot be read otherwise.

Part of the loader, since it reads files: where an edit makes ten other rules fail, it is the edit that has to go.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from codegen.compat.records import edits, released, removed, versions_changed, versions_removed
from codegen.document import parse
from codegen.findings import ContractError, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from codegen.model import Catalog, RecordVersion

CHANGED = "version-changed"
REMOVED = "version-removed"


def edited(old: Catalog, new: Catalog | None, contracts: Path) -> tuple[Finding, ...]:
    """Return what is different in versions that the earlier contracts had released.

    `new` is None where the contracts cannot be read; then the files of versions that are written out are looked at.
    """
    if new is None:
        written = [version for version in released(old) if version.source.path.endswith(".avsc")]
        return tuple(finding for version in written for finding in _edited(version, contracts))
    rules = {"record-removed": removed, REMOVED: versions_removed, CHANGED: versions_changed}
    return tuple(sorted(each.finding(rule) for rule, check in rules.items() for each in check(old, new)))


def _edited(version: RecordVersion, contracts: Path) -> Iterator[Finding]:
    file = contracts / version.source.path
    name = f"{version.name} v{version.version}"
    back = f"put v{version.version} back as it was"
    if not file.is_file():
        if not any((file.parent / each).is_file() for each in (f"{file.stem}.yaml", "extension.yaml")):
            message = f"{name} is released, and its file is gone"
            yield Finding(version.source.path, 0, REMOVED, message, back)
        return
    following = _newest(file.parent) + 1
    try:
        now = parse(version.source.path, file.read_text(encoding="utf-8"))
    except (ContractError, UnicodeDecodeError):
        message = f"{name} is released, and cannot be read any more"
        yield Finding(version.source.path, 0, CHANGED, message, f"{back}, and write the change as v{following}")
        return
    if isinstance(now.data, dict) and isinstance(now.data.get("fields"), list):
        yield from (each.finding(CHANGED) for each in edits(version, now, following))
    else:
        message = f"{name} is released, and its file holds no record any more"
        yield Finding(version.source.path, 0, CHANGED, message, f"{back}, and write the change as v{following}")


def _newest(folder: Path) -> int:
    found = (re.fullmatch(r"v([1-9][0-9]*)\..+", each.name) for each in folder.iterdir())
    return max((int(match[1]) for match in found if match), default=0)
