"""What `make audit` makes of reports, of acceptances, and of the lists of Go's and Java's parts."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING

import pytest

from tests.audit.bill import bill
from tests.audit.findings import Accepted, Finding, judge, read_accepted
from tests.audit.sources import UnreachableError, golang, of_govulncheck, of_pip_audit, python
from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

TODAY = date(2026, 11, 26)
WEAK = Finding("left-pad", "1.0", ("PYSEC-1", "CVE-2026-1"), "1.1")


def test_an_unknown_finding_has_to_be_mended() -> None:
    wrong, known = judge([WEAK], [], TODAY)
    assert wrong == ["left-pad 1.0: PYSEC-1, CVE-2026-1, mended in 1.1"]
    assert known == []


def test_an_accepted_finding_is_told_until_its_day_is_over() -> None:
    until = Accepted("CVE-2026-1", "left-pad", "It pads on the right here.", TODAY)
    wrong, known = judge([WEAK], [until], TODAY)
    assert (len(wrong), len(known)) == (0, 1)
    wrong, known = judge([WEAK], [until], date(2026, 11, 27))
    assert (len(wrong), len(known)) == (1, 0)


def test_an_acceptance_of_nothing_has_to_go() -> None:
    wrong, _ = judge([], [Accepted("CVE-2026-1", "left-pad", "Why.", TODAY)], TODAY)
    assert wrong == ["CVE-2026-1 of left-pad is accepted and nobody finds it any more: remove the entry"]


@pytest.mark.parametrize("left_out", ["reason", "until", "id", "package"])
def test_an_acceptance_without_a_reason_or_a_day_is_refused(tmp_path: Path, left_out: str) -> None:
    entry = {"id": '"CVE-1"', "package": '"left-pad"', "reason": '"Why."', "until": "2027-01-31"}
    lines = (f"{name} = {value}\n" for name, value in entry.items() if name != left_out)
    file = tmp_path / "accepted.toml"
    file.write_text("[[accepted]]\n" + "".join(lines))
    with pytest.raises(ValueError, match="entry 1"):
        read_accepted(file)


def test_what_is_accepted_here_can_be_read() -> None:
    assert all(each.reason for each in read_accepted(ROOT / "tests" / "audit" / "accepted.toml"))


def test_reads_a_report_of_pip_audit() -> None:
    report = {
        "dependencies": [
            {"name": "sound", "version": "2", "vulns": []},
            {"name": "skipped", "skip_reason": "It is not on PyPI."},
            {
                "name": "left-pad",
                "version": "1.0",
                "vulns": [{"id": "PYSEC-1", "aliases": ["CVE-2026-1"], "fix_versions": ["1.1"], "description": "."}],
            },
        ]
    }
    assert list(of_pip_audit(report)) == [WEAK]


def test_reads_of_govulncheck_what_is_built_in() -> None:
    module = {"osv": "GO-1", "fixed_version": "v2", "trace": [{"module": "example.org/a", "version": "v1"}]}
    function = {**module, "trace": [{"module": "example.org/a", "version": "v1", "package": "a", "function": "F"}]}
    text = "\n".join(json.dumps({"finding": each}, indent=2) for each in (module, function, function))
    assert list(of_govulncheck(json.dumps({"config": {}}) + text)) == [
        Finding("example.org/a", "v1", ("GO-1",), "v2"),
    ]


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


FOUND = {"osv": "GO-1", "trace": [{"module": "example.org/a", "version": "v1", "package": "a", "function": "F"}]}


def test_one_program_that_cannot_be_looked_at_hides_nothing_of_the_others(tmp_path: Path) -> None:
    told = json.dumps({"finding": FOUND})
    scan = f"case $5 in *broken) echo 'no symbols' >&2; exit 1;; *) echo '{told}';; esac"
    script(tmp_path / "govulncheck-v9" / "govulncheck", scan)
    binaries = [tmp_path / name for name in ("server", "broken", "tool")]
    found, away = golang(binaries, tmp_path / "no-go", tmp_path, "v9")
    assert [each.package for each in found] == ["example.org/a"] * 2
    assert away == ["govulncheck broken: no symbols"]


def test_another_version_of_govulncheck_is_built_anew(tmp_path: Path) -> None:
    built, program = tmp_path / "built", "$GOBIN/govulncheck"
    made = f"printf '#!/bin/sh\\necho {{}}\\n' > {program} && chmod +x {program}"
    go = script(tmp_path / "go", f"{made}; echo $2 >> {built}")
    for version in ("v1", "v1", "v2"):
        assert golang([tmp_path / "server"], go, tmp_path, version) == ([], [])
    assert built.read_text(encoding="utf-8").split() == [
        f"golang.org/x/vuln/cmd/govulncheck@{version}" for version in ("v1", "v2")
    ]


def test_a_list_that_does_not_answer_is_no_finding(tmp_path: Path) -> None:
    program = tmp_path / "pip-audit"
    program.write_text("#!/bin/sh\necho 'no way to the list' >&2\nexit 1\n")
    program.chmod(0o755)
    with pytest.raises(UnreachableError, match="no way to the list"):
        python(tmp_path / "requirements.txt", program)


def test_the_bill_has_what_is_built_from_go_and_taken_from_maven() -> None:
    document = bill({"bomFormat": "CycloneDX", "components": []}, ROOT / "infra" / "local")
    purls = {each["purl"] for each in document["components"]}
    assert len(purls) == len(document["components"])
    assert any(purl.startswith("pkg:golang/go.temporal.io/server@v") for purl in purls)
    kafka = [each for each in document["components"] if each["name"] == "kafka-clients"]
    assert kafka
    assert all(each["hashes"][0]["alg"] == "SHA-256" for each in kafka)
