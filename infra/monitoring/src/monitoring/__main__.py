"""Writes the rules, the dashboards and the table of metrics: `python -m monitoring`."""

import sys
from pathlib import Path

from monitoring.dashboards.pages import files as dashboards
from monitoring.document import DOCUMENT, document
from monitoring.rules import files

HERE = Path(__file__).resolve().parents[2]


def contents() -> dict[Path, str]:
    """Return every file that is written, by its path."""
    rules = {HERE / "rules" / name: text for name, text in files()}
    root = HERE.parents[1]
    pages = {HERE / "dashboards" / name: text for name, text in dashboards(root)}
    return {**rules, **pages, root / DOCUMENT: document()}


def main() -> None:
    """Write what differs and say so."""
    for path, text in contents().items():
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
            sys.stdout.write(f"wrote {path}\n")


if __name__ == "__main__":
    main()
