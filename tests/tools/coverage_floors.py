"""How much of a part's lines and branches unit tests run, at least; `make unit` asks after its tests."""

import io
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import coverage


@dataclass(frozen=True)
class Floor:
    """The least percentage of the files that the patterns name that is run by the tests in some files and folders."""

    part: str
    percent: int
    patterns: tuple[str, ...]
    tests: tuple[str, ...]


FLOORS = (
    Floor(
        "gateway validators",
        90,
        ("services/gateway/src/gateway/signature.py", "services/gateway/src/gateway/envelope.py"),
        ("services/gateway/tests",),
    ),
    Floor(
        "mapping and normalization",
        95,
        (
            "codegen/src/codegen/language/*",
            "codegen/src/codegen/mapping/*",
            "generated/python/payments_contracts/normalize/*",
        ),
        ("codegen/tests", "tests/contracts"),
    ),
    Floor("activities", 85, ("services/orchestrator/src/orchestrator/activities/*",), ("services/orchestrator/tests",)),
    Floor("inference", 80, ("services/inference/src/inference/*",), ("services/inference/tests",)),
)


def is_measured(test_file: Path) -> bool:
    """Tell whether the tests in a file, by its path in the repository, count for a floor."""
    return any(test_file.is_relative_to(place) for floor in FLOORS for place in floor.tests)


def judged(floors: Sequence[Floor], measure: Callable[[tuple[str, ...]], float]) -> tuple[list[str], bool]:
    """Return a line for each floor, and whether all are kept; `measure` gives the percentage of some patterns."""
    lines, kept = [], True
    for floor in floors:
        percent = measure(floor.patterns)
        enough = percent >= floor.percent
        kept = kept and enough
        verdict = "at least" if enough else "see `coverage report -m`: less than"
        lines.append(f"coverage of {floor.part}: {percent:.1f} %, {verdict} {floor.percent} %")
    return lines, kept


def main() -> int:
    """Print what the data in .coverage say; 1 where a part is below its floor, or was not measured at all."""
    data = coverage.Coverage()
    data.load()
    try:
        lines, kept = judged(FLOORS, lambda patterns: data.report(include=list(patterns), file=io.StringIO()))
    except coverage.CoverageException as error:
        sys.stderr.write(f"coverage: {error}: run `make unit`, whose tests measure it\n")
        return 1
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
