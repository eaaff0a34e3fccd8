"""Writes the rules and the table of metrics: `python -m monitoring`."""

import sys
from pathlib import Path

from monitoring.document import DOCUMENT, document
from monitoring.rules import files

HERE = Path(__file__).resolve().parents[2]


def contents() -> dict[Path, str]:
    """Return every file that is written, by its path."""
    rules = {HERE / "rules" / name: text for name, text in files()}
    return {**rules, HERE.parents[1] / DOCUMENT: document()}


def main() -> None:
    """Write what differs and say so."""
    for path, text in contents().items():
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            sys.stdout.write(f"wrote {path}\n")


if __name__ == "__main__":
    main()
