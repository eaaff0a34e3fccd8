"""Finds the JDK that the servers run on."""

import os
import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from stack.errors import StackError

MINIMUM = 25
DIRECTORIES = (
    "/usr/lib/jvm",
    "/usr/java",
    "/opt/java",
    "/opt",
    "~/.sdkman/candidates/java",
    "~/.jdks",
    "~/.local/share/mise/installs/java",
)
ADVICE = (
    f"JDK {MINIMUM} or newer was not found. Install one (for example Eclipse Temurin {MINIMUM}; it needs no root "
    "when unpacked from its archive) and set JAVA_HOME to its directory."
)


def major_version(home: Path) -> int | None:
    """Return the major version that a Java home's `release` file states, or None if it is not a JDK (no compiler)."""
    if not os.access(home / "bin" / "javac", os.X_OK):
        return None
    try:
        text = (home / "release").read_text(errors="replace")
    except OSError:
        return None
    found = re.search(r'^JAVA_VERSION="(\d+)', text, re.MULTILINE)
    return int(found.group(1)) if found else None


def candidates() -> Iterator[Path]:
    """Yield the places where a JDK may be, the user's choice first."""
    if home := os.environ.get("JAVA_HOME"):
        yield Path(home)
    if program := shutil.which("java"):
        yield Path(program).resolve().parents[1]
    for directory in DIRECTORIES:
        base = Path(directory).expanduser()
        if base.is_dir():
            yield from sorted((entry for entry in base.iterdir() if entry.is_dir()), reverse=True)


def find_jdk(homes: Iterable[Path]) -> Path:
    """Return the first home that is a JDK of sufficient version; raise StackError if none is."""
    for home in homes:
        version = major_version(home)
        if version is not None and version >= MINIMUM:
            return home
    raise StackError(ADVICE)
