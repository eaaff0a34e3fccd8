"""The floors of coverage: what is printed, and when it fails."""

import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT
from tests.tools.coverage_floors import FLOORS, Floor, is_measured, judged

PARTS = (Floor("one part", 80, ("one/*",), ("one/tests",)), Floor("another", 90, ("another/*",), ("another/tests",)))


def test_says_of_each_part_what_it_has_and_what_it_needs() -> None:
    lines, kept = judged(PARTS, lambda patterns: {"one/*": 80.0, "another/*": 89.9}[patterns[0]])
    assert lines == [
        "coverage of one part: 80.0 %, at least 80 %",
        "coverage of another: 89.9 %, see `coverage report -m`: less than 90 %",
    ]
    assert not kept


def test_holds_where_every_part_is_above_its_floor() -> None:
    assert judged(PARTS, lambda _: 95.0)[1]


def test_a_part_below_its_floor_is_not_forgotten_for_a_later_one_above() -> None:
    assert not judged(PARTS, lambda patterns: 0.0 if patterns == ("one/*",) else 100.0)[1]


def test_every_pattern_names_files_that_are_there() -> None:
    for floor in FLOORS:
        for pattern in floor.patterns:
            assert list(ROOT.glob(pattern)), pattern


def test_tests_are_measured_that_count_for_a_floor_alone() -> None:
    assert is_measured(Path("services/gateway/tests/server/test_times.py"))
    assert not is_measured(Path("services/gateway/tests_of_others/test_times.py"))
    assert not is_measured(Path("tests/docs/test_links.py"))
    for floor in FLOORS:
        assert all((ROOT / place).is_dir() for place in floor.tests)


def test_without_measurements_it_says_how_to_make_them(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "tests" / "tools" / "coverage_floors.py")]
    finished = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert finished.returncode == 1
    assert "run `make unit`" in finished.stderr
    assert "Traceback" not in finished.stderr


def test_reads_what_was_measured(tmp_path: Path) -> None:
    module = tmp_path / "services" / "inference" / "src" / "inference" / "scores.py"
    module.parent.mkdir(parents=True)
    module.write_text("def score():\n    return 1\n\n\ndef other():\n    return 2\n\n\nscore()\n")
    python = [sys.executable, "-m", "coverage"]
    subprocess.run([*python, "run", str(module)], cwd=tmp_path, check=True)
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); {ONE_FLOOR}"]
    finished = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert finished.stdout == "coverage of inference: 80.0 %, at least 80 %\n"
    assert finished.returncode == 0


ONE_FLOOR = "from tests.tools import coverage_floors as it; it.FLOORS = it.FLOORS[-1:]; sys.exit(it.main())"
