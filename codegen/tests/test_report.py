"""What checks found, for programs and for GitHub: with file, line and column."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from codegen.findings import Finding
from codegen.report import Level, annotation

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

MAPPING = "providers/acme/mapping.yaml"
NORMALIZED = "topics/payments.normalized.yaml"


def test_a_finding_is_json_with_line_and_column(
    run: Callable[..., tuple[int, str, str]], edit: Callable[[str, str, str], None], contracts: Path
) -> None:
    edit(MAPPING, "risk: {path: payment.risk}", "risk: {path: payment.live}")
    code, out, err = run("lint", "--format", "json")
    (found,) = json.loads(out)["findings"]
    line = (contracts / MAPPING).read_text(encoding="utf-8").splitlines()[found["line"] - 1]
    assert (code, err) == (1, "1 finding; nothing was written\n")
    assert line[found["column"] - 1 :].startswith("path: payment.live")
    assert {key: found[key] for key in ("file", "rule", "level", "message")} == {
        "file": f"contracts/{MAPPING}",
        "rule": "type",
        "level": "error",
        "message": "risk: payment.live is true or false, and the field takes a number",
    }
    assert found["hint"]


def test_a_finding_is_an_annotation_of_github(
    run: Callable[..., tuple[int, str, str]], edit: Callable[[str, str, str], None]
) -> None:
    edit(MAPPING, "risk: {path: payment.risk}", "risk: {path: payment.live}")
    code, out, _ = run("lint", "--format", "github")
    assert code == 1
    assert out.startswith("::error file=contracts/providers/acme/mapping.yaml,line=")
    assert ",col=14,title=codegen%3A type::risk: payment.live is true or false" in out


def test_what_would_end_a_command_of_github_is_escaped() -> None:
    found = Finding("a,b:c.yaml", 0, "x", "50 %\nnext", "do\rthis")
    assert annotation(Path("contracts"), found, Level.WARNING) == (
        "::warning file=contracts/a%2Cb%3Ac.yaml,title=codegen%3A x::50 %25%0Anext → do%0Dthis\n"
    )


def test_an_annotation_names_its_file_from_the_root_of_the_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "contracts" / "topics").mkdir(parents=True)
    for here, root in (("contracts", Path()), ("contracts/topics", Path("..")), (".", tmp_path / "contracts")):
        monkeypatch.chdir(tmp_path / here)
        written = annotation(root, Finding("topics/a.yaml", 3, "x", "wrong", "mend it"), Level.ERROR)
        assert written.startswith("::error file=contracts/topics/a.yaml,line=3,")


def test_contracts_without_findings_are_an_empty_list(run: Callable[..., tuple[int, str, str]]) -> None:
    assert run("lint", "--format", "json") == (0, '{\n  "findings": []\n}\n', "")
    assert run("lint", "--format", "github") == (0, "", "")


def test_syntax_errors_have_the_same_form(run: Callable[..., tuple[int, str, str]], contracts: Path) -> None:
    (contracts / NORMALIZED).write_text("kind: topic\nname: [\n", encoding="utf-8")
    code, out, _ = run("lint", "--format", "json")
    assert code == 1
    assert {each["file"] for each in json.loads(out)["findings"]} == {f"contracts/{NORMALIZED}"}


def test_drift_names_each_file(run: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    run("generate")
    (tmp_path / "generated" / "kafka" / "topics.json").write_text("{}")
    code, out, _ = run("drift", "--format", "json")
    (found,) = json.loads(out)["findings"]
    assert code == 1
    assert (found["file"], found["rule"]) == ("generated/kafka/topics.json", "drift")
    code, out, _ = run("drift", "--format", "github")
    assert out.startswith("::error file=generated/kafka/topics.json,title=codegen%3A drift::the file is different")
