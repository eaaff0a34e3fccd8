"""No file has the marks that a merge leaves where both sides had changed a line."""

import subprocess

from tests.conftest import ROOT

_MARKS = "^(<{7} |>{7} )"


def test_no_file_has_the_marks_of_a_merge() -> None:
    command = ["git", "grep", "--line-number", "--extended-regexp", _MARKS]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.stdout.splitlines() == []
    # Found nothing, which is another thing than could not look.
    assert found.returncode == 1, found.stderr
