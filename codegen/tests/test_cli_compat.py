"""`codegen compat` and `codegen diff` as people use them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .repository import Repository

    Run = Callable[..., tuple[int, str, str]]

TOPIC = "topics/shop.payments.yaml"


def test_compat_says_with_what_it_compared(run_there: Run, repository: Repository) -> None:
    repository.edit(TOPIC, "retention_days: 14", "retention_days: 30")
    code, out, _ = run_there("compat", "--against", "main")
    head = repository.git("rev-parse", "HEAD")[:10]
    assert (code, out) == (0, f"compat: the contracts keep what they promised at {head} (main)\n")


def test_compat_names_file_line_rule_and_remedy(run_there: Run, repository: Repository) -> None:
    repository.edit(TOPIC, "partitions: 4", "partitions: 8")
    code, _, err = run_there("compat")
    assert code == 1
    assert "contracts/topics/shop.payments.yaml:7 [topic-partitions] shop.payments had 4 partitions" in err
    assert "→ leave the number, or move to a new topic" in err
    assert "1 finding against" in err


def test_compat_finds_a_limit_that_a_commit_did_not_know(run_there: Run, repository: Repository) -> None:
    limit, demand = "  max_text_characters: 255\n", '"max_body_bytes",\n        "max_text_characters"'
    repository.edit("providers/shop/provider.yaml", limit, "")
    repository.edit("meta/provider.schema.json", demand, '"max_body_bytes"')
    repository.commit("before the limit")
    repository.edit("meta/provider.schema.json", '"max_body_bytes"', demand)
    repository.edit("providers/shop/provider.yaml", "max_body_bytes: 65536\n", f"max_body_bytes: 65536\n{limit}")
    code, _, err = run_there("compat", "--against", "main")
    assert code == 1
    assert "[webhook-narrowed] shop: texts of the envelope may have 255 characters, and could have any number" in err


def test_compat_fails_for_none_but_the_rules_that_are_accepted(run_there: Run, repository: Repository) -> None:
    repository.edit(TOPIC, "partitions: 4", "partitions: 8")
    code, out, _ = run_there("compat", "--accept", "topic-partitions")
    assert code == 0
    assert "accepted: contracts/topics/shop.payments.yaml:7 [topic-partitions]" in out
    repository.edit(TOPIC, "retention_days: 14", "retention_days: 1")
    code, _, err = run_there("compat", "--accept", "topic-partitions")
    assert code == 1
    assert "[topic-retention]" in err
    assert "[topic-partitions]" not in err


def test_compat_knows_the_rules_that_can_be_accepted(run_there: Run) -> None:
    code, _, err = run_there("compat", "--accept", "everything")
    assert (code, err) == (1, "there is no rule everything: `codegen compat --rules` lists them\n")
    _, _, err = run_there("compat", "--accept", "topic-retentoin")
    assert err.startswith("there is no rule topic-retentoin (did you mean topic-retention?): ")


def test_compat_says_when_there_is_truly_nothing_to_compare_with(run_there: Run) -> None:
    code, out, _ = run_there("compat")
    assert code == 0
    assert out == (
        "compat: there is no git here, or no earlier commit, to compare with; "
        "all is new, and only a record's versions are compared\n"
    )


def test_compat_compares_the_versions_of_a_record_even_then(run_there: Run, repository: Repository) -> None:
    text = (repository.contracts / "avro/payment/v1.avsc").read_text()
    (repository.contracts / "avro/payment/v2.avsc").write_text(text.replace('"labels"', '"words"'))
    repository.git("add", "--all")
    repository.git("commit", "--quiet", "--amend", "--message", "one commit")
    code, _, err = run_there("compat")
    assert code == 1
    assert "avro/payment/v2.avsc:14 [version-backward] payment v2 cannot read v1: words:" in err


def test_compat_says_that_a_commit_had_no_contracts(run_there: Run, repository: Repository) -> None:
    repository.git("checkout", "--quiet", "--orphan", "bare")
    repository.git("rm", "--quiet", "-r", "--cached", ".")
    empty = repository.git("commit-tree", repository.git("mktree", "--missing"), "-m", "empty")
    code, out, _ = run_there("compat", "--against", empty)
    assert code == 0
    assert f"there are no contracts at {empty[:10]}" in out


@pytest.mark.parametrize("command", ["compat", "diff"])
def test_a_shallow_clone_is_refused_with_a_code_of_its_own(
    run_there: Run, repository: Repository, tmp_path: Path, command: str
) -> None:
    repository.commit()
    clone = tmp_path / "clone"
    repository.git("clone", "--quiet", "--depth=1", f"file://{repository.root}", str(clone))
    code, out, err = run_there(command, "--contracts", str(clone / "contracts"))
    assert (code, out) == (2, "")
    assert err.startswith("this is a shallow clone, which does not hold the commit to compare with")
    assert err.count("\n") == 1
    assert run_there(command, "--contracts", str(clone / "contracts"), "--base", "HEAD")[0] == 0


@pytest.mark.parametrize("command", ["compat", "diff"])
def test_an_unknown_commit_is_one_clear_sentence(run_there: Run, command: str) -> None:
    code, _, err = run_there(command, "--against", "nowhere")
    assert code == 1
    assert err.startswith("git knows no commit 'nowhere' here")
    assert err.count("\n") == 1


@pytest.mark.parametrize("command", ["compat", "lint"])
def test_rules_are_listed_with_id_and_purpose(run_there: Run, command: str) -> None:
    code, out, _ = run_there(command, "--rules")
    lines = out.splitlines()
    assert code == 0
    assert len(lines) > 15
    assert all(line.endswith(".") and len(line.split()) > 2 for line in lines)


def test_diff_shows_what_a_new_version_touches_and_marks_what_breaks(run_there: Run, repository: Repository) -> None:
    text = (repository.contracts / "avro/stored/v1.avsc").read_text()
    wider = text.replace('["low", "high"]', '["low", "high", "odd"]').replace(
        '"score", "type": ["null", "double"]', '"score", "type": ["null", "string"]'
    )
    (repository.contracts / "avro/stored/v2.avsc").write_text(wider)
    repository.edit("tables/bronze.payments.yaml", "version: 1", "version: 2")
    code, out, _ = run_there("diff")
    assert code == 0
    shown = [line for line in out.splitlines() if line.startswith((" ", "Tables", "Iceberg", "dbt", "Pydantic"))]
    assert shown[:8] == [
        "Tables",
        "    bronze.payments: version 1 → 2",
        "Iceberg columns",
        "  ! bronze.payments.score: double optional → string optional  [column-type]",
        "dbt sources",
        "    bronze.payments.level: the test takes odd too",
        "Pydantic models",
        (
            "  ! StoredV2: is new: level takes odd too; score: float | None → str | None  "
            "[version-backward, version-forward]"
        ),
    ]


def test_diff_tells_a_key_that_it_was_not_taught(run_there: Run, repository: Repository) -> None:
    table = "tables/bronze.payments.yaml"
    view = "staging: {name: stg_payments, description: A view., columns: {paid: amount_cents}}\n"
    repository.edit(table, "properties: {}\n", f"properties: {{}}\n{view}")
    told = "bronze.payments: staging none → name stg_payments, description A view., columns paid amount_cents"
    assert told in run_there("diff")[1]


def test_diff_writes_markdown_to_a_file(run_there: Run, repository: Repository) -> None:
    repository.edit(TOPIC, "partitions: 4", "partitions: 8")
    code, out, _ = run_there("diff", "--format", "markdown", "--output", "blast.md")
    assert (code, out) == (0, "")
    head = repository.git("rev-parse", "HEAD")[:10]
    said = (repository.root / "blast.md").read_text().splitlines()
    breaking = "partitions 4 → 8 ⚠️ **breaking**: `topic-partitions`"
    assert said[:-1] == [
        "## What this does to the contracts",
        "",
        (
            "3 things change, 3 of them breaking against "
            f"{head} (HEAD: the contracts have changes that are not committed)."
        ),
        "",
        "### Pinned consumers",
        "",
        f"- `operations on shop.payments` pinned to v1; {breaking}",
        f"- `orchestrator on shop.payments` pinned to v1; {breaking}",
        "",
        "### Topics",
        "",
        f"- `shop.payments` {breaking}",
        "",
        "### What breaks, and what to do",
        "",
        "| where | rule | what | what to do |",
        "| --- | --- | --- | --- |",
    ]
    assert said[-1].startswith(
        "| `topics/shop.payments.yaml:7` | `topic-partitions` | shop.payments had 4 partitions and"
    )


def test_diff_against_nothing_says_that_all_is_new(run_there: Run) -> None:
    code, out, _ = run_there("diff")
    assert code == 0
    assert "shop.payments: is new: payment v1, 4 partitions, 14 days" in out
    assert "none of them breaking" in out


def test_diff_of_nothing_says_so(run_there: Run) -> None:
    assert run_there("diff", "--against", "main")[1].startswith("nothing changes against ")


def test_a_report_that_cannot_be_written_is_one_clear_sentence(run_there: Run) -> None:
    code, _, err = run_there("diff", "--output", "nowhere/blast.md")
    assert code == 1
    assert "nowhere/blast.md" in err
    assert "Traceback" not in err


def test_compat_has_both_forms_and_marks_what_is_accepted(run_there: Run, repository: Repository) -> None:
    repository.edit(TOPIC, "partitions: 4", "partitions: 3")
    code, out, err = run_there("compat", "--against", "HEAD", "--format", "json")
    (found,) = json.loads(out)["findings"]
    assert (code, found["rule"], found["level"], found["file"]) == (
        1, "topic-partitions", "error", f"contracts/{TOPIC}",
    )  # fmt: skip
    assert found["line"] > 0
    assert found["column"] > 0
    assert "1 finding against" in err
    code, out, _ = run_there("compat", "--against", "HEAD", "--format", "github", "--accept", "topic-partitions")
    assert code == 0
    assert out.startswith(f"::warning file=contracts/{TOPIC},line=")


def test_diff_has_both_forms(run_there: Run, repository: Repository) -> None:
    repository.edit(TOPIC, "partitions: 4", "partitions: 3")
    code, out, _ = run_there("diff", "--against", "HEAD", "--format", "json")
    data = json.loads(out)
    assert code == 0
    assert {rule for each in data["changes"] for rule in each["rules"]} == {"topic-partitions"}
    assert [each["rule"] for each in data["findings"]] == ["topic-partitions"]
    _, out, _ = run_there("diff", "--against", "HEAD", "--format", "github")
    assert out.startswith("::notice title=")
    assert f"::warning file=contracts/{TOPIC}" in out


@pytest.mark.parametrize("command", ["compat", "diff"])
def test_what_cannot_be_compared_is_said_in_the_form_asked_for(run_there: Run, command: str) -> None:
    code, out, err = run_there(command, "--against", "nowhere", "--format", "json")
    data = json.loads(out)
    assert (code, data["findings"]) == (1, [])
    assert data["error"].startswith("git knows no commit 'nowhere' here")
    assert err == f"{data['error']}\n"
    code, out, _ = run_there(command, "--against", "nowhere", "--format", "github")
    assert (code, out) == (1, f"::error title=codegen::{data['error']}\n")


def test_diff_shows_each_entry_of_a_lookup_that_is_another(run_there: Run, repository: Repository) -> None:
    mapping = "providers/shop/mapping.yaml"
    repository.edit(mapping, "B: bad}", "B: worse}")
    _, out, _ = run_there("diff", "--against", "HEAD")
    assert "shop note: B: bad → worse (in PAID, REFUSED)" in out
    repository.edit(mapping, "{path: mood}", "{coalesce: [{path: mood}, {path: mood}]}")
    _, out, _ = run_there("diff", "--against", "HEAD")
    assert "shop note: mood → the first present of mood, mood; B: bad → worse (in" in out
