"""The scores of mutants: what counts as noticed, and when it fails."""

import subprocess
import sys

from tests.conftest import ROOT
from tests.tools.mutation_scores import scores


def results(module: str, **verdicts: int) -> list[str]:
    return [
        f"    gateway.{module}.x_verify__mutmut_{number}: {verdict.replace('_', ' ')}\n"
        for verdict, count in verdicts.items()
        for number in range(count)
    ]


def test_a_mutant_that_is_killed_or_runs_for_ever_is_noticed() -> None:
    others = [*results("envelope", killed=1), *results("excerpt", killed=1)]
    report, enough = scores([*results("signature", killed=7, timeout=1, survived=2), *others])
    assert report[0] == "mutants of signature: 80.0 % noticed, 8 of 10, at least 80 %"
    assert enough


def test_a_part_with_too_few_fails_whatever_the_others_have() -> None:
    others = [*results("signature", killed=9), *results("envelope", killed=90)]
    report, enough = scores([*others, *results("excerpt", killed=1, no_tests=1)])
    assert report[2:] == [
        "mutants of excerpt: 50.0 % noticed, 1 of 2, at least 80 %",
        "mutants of envelope with excerpt: 98.9 % noticed, 91 of 92, at least 80 %",
    ]
    assert not enough


def test_nothing_tried_is_not_enough() -> None:
    assert not scores([])[1]
    assert not scores(["mutmut 3.3\n", "To see the diff run mutmut show\n"])[1]


def test_the_program_reads_results_and_fails_by_its_exit_code() -> None:
    program = [sys.executable, str(ROOT / "tests" / "tools" / "mutation_scores.py")]
    for survived, code in ((0, 0), (9, 1)):
        parts = ("signature", "envelope", "excerpt")
        lines = [line for part in parts for line in results(part, killed=9, survived=survived)]
        finished = subprocess.run(program, input="".join(lines), capture_output=True, text=True, check=False)
        assert finished.returncode == code
        assert len(finished.stdout.splitlines()) == 4
