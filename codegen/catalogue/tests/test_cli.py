"""The command as people use it: what it writes, what it says, and when it writes nothing."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from catalogue import cli

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(contracts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def command(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["catalogue", *arguments])
        with pytest.raises(SystemExit) as left:
            cli.main()
        captured = capsys.readouterr()
        return int(left.value.code or 0), captured.out, captured.err

    return command


def test_builds_the_site_and_removes_pages_of_what_is_gone(run: Run, tmp_path: Path) -> None:
    site = tmp_path / "generated" / "docs"
    site.mkdir(parents=True)
    (site / "record-gone.html").write_text("")
    code, out, _ = run()
    assert code == 0
    assert out.startswith("generated/docs/index.html: ")
    assert "Contract catalogue" in (site / "index.html").read_text()
    assert not (site / "record-gone.html").exists()
    assert "none of them new or changed" in run()[1]


def test_builds_nothing_where_a_contract_breaks_a_rule(run: Run, contracts: Path, tmp_path: Path) -> None:
    mapping = contracts / "providers" / "acme" / "mapping.yaml"
    mapping.write_text(mapping.read_text().replace("payment.payer", "payment.payerr", 1))
    code, _, err = run()
    assert code == 1
    assert "providers/acme/mapping.yaml:31: [path] payer: payment.payerr is not declared" in err
    assert "the catalogue was not built" in err
    assert not (tmp_path / "generated").exists()


def test_builds_nothing_where_a_contract_cannot_be_read(run: Run, contracts: Path, tmp_path: Path) -> None:
    (contracts / "rules" / "validation.yaml").write_text("kind: [")
    code, _, err = run()
    assert code == 1
    assert "rules/validation.yaml:2: [syntax]" in err
    assert not (tmp_path / "generated").exists()


def test_builds_nothing_where_a_link_is_dead(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cli, "dead_links", lambda files: (("index.html", "gone.html"),))
    code, _, err = run()
    assert code == 1
    assert "index.html: the link 'gone.html' leads nowhere" in err
    assert not (tmp_path / "generated").exists()


def test_a_folder_that_cannot_be_written_is_one_sentence(run: Run, tmp_path: Path) -> None:
    (tmp_path / "generated").write_text("a file where the folder should be")
    code, _, err = run()
    assert code == 1
    assert "generated" in err
    assert "Traceback" not in err


def test_a_folder_of_contracts_that_is_not_there_is_one_sentence(run: Run) -> None:
    code, _, err = run("--contracts", "nowhere")
    assert code == 1
    assert "nowhere" in err
    assert "Traceback" not in err
