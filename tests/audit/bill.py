"""The bill of materials: Python's packages, Go's modules and Java's archives in one CycloneDX document.

https://cyclonedx.org/docs/1.5/json/
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_ARCHIVE = re.compile(r"^(?P<sum>[0-9a-f]{64})\s+(?P<name>.+?)-(?P<version>\d[^/]*?)\.(?:jar|tar\.gz|zip)$")
_REQUIRED = re.compile(r"^\s*(?:require\s+)?(?P<module>[\w./~-]+\.[\w./~-]+)\s+(?P<version>v[\w.+-]+)", re.MULTILINE)


def bill(python: dict[str, Any], infra: Path) -> dict[str, Any]:
    """Return uv's own bill with what the local stack builds from Go and takes from Maven."""
    others = [*_modules(infra / "go"), *_archives(infra / "checksums")]
    unique = {each["bom-ref"]: each for each in others}
    return {**python, "components": [*python["components"], *(unique[name] for name in sorted(unique))]}


def _modules(directory: Path) -> Iterator[dict[str, Any]]:
    for file in sorted(directory.glob("*/go.mod")):
        for found in _REQUIRED.finditer(file.read_text(encoding="utf-8")):
            module, version = found["module"], found["version"]
            yield _component("golang", module, version, file.parent.name, {})


def _archives(directory: Path) -> Iterator[dict[str, Any]]:
    for file in sorted(directory.glob("*.sha256")):
        for line in file.read_text(encoding="utf-8").splitlines():
            found = _ARCHIVE.match(line)
            if found is None:
                raise ValueError(f"{file}: it is not a checksum and an archive: {line}")
            hashes = {"hashes": [{"alg": "SHA-256", "content": found["sum"]}]}
            yield _component("maven", found["name"], found["version"], file.stem, hashes)


def _component(kind: str, name: str, version: str, tool: str, more: dict[str, Any]) -> dict[str, Any]:
    # A checksum file names archives, and not the groups that a purl of Maven wants: these stay generic.
    purl = f"pkg:golang/{name}@{version}" if kind == "golang" else f"pkg:generic/{name}@{version}"
    return {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "purl": purl,
        "properties": [{"name": "payments:part", "value": tool}, {"name": "payments:from", "value": kind}],
        **more,
    }
