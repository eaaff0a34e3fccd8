"""Writes the rules, the dashboards and the table of metrics: `python -m monitoring`."""

import argparse
import sys
from pathlib import Path

from monitoring.dashboards.pages import files as dashboards
from monitoring.document import DOCUMENT, document
from monitoring.release import of_release
from monitoring.rules import files

HERE = Path(__file__).resolve().parents[2]


def contents() -> dict[Path, str]:
    """Return every file that is written, by its path."""
    root = HERE.parents[1]
    rules = {HERE / "rules" / name: text for name, text in files()}
    chart = root / "infra" / "helm" / "payment-pipeline" / "files" / "rules"
    rules |= {chart / name: text for name, text in files(of_release)}
    pages = {HERE / "dashboards" / name: text for name, text in dashboards(root)}
    return {**rules, **pages, root / DOCUMENT: document()}


def main() -> int:
    """Write what differs and say so; with --check write nothing, and return 1 where something differs."""
    parser = argparse.ArgumentParser(prog="python -m monitoring", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail where something differs")
    check = parser.parse_args().check
    stale = {
        path: text
        for path, text in contents().items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    }
    if check:
        sys.stderr.writelines(f"{path} is not what `python -m monitoring` writes: run it\n" for path in stale)
        return int(bool(stale))
    for path, text in stale.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"wrote {path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
