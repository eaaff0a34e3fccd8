"""Files of .github: each has the form that GitHub wants, and workflows do nothing but call the Makefile."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT

GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
FORMS = sorted(path for path in (GITHUB / "ISSUE_TEMPLATE").glob("*.yml") if path.name != "config.yml")
FORMS_OF_GITHUB = {
    "vendor.github-workflows": WORKFLOWS,
    "custom.github-workflows-require-timeout": WORKFLOWS,
    "vendor.dependabot": [GITHUB / "dependabot.yml"],
    "vendor.github-issue-forms": FORMS,
    "vendor.github-issue-config": [GITHUB / "ISSUE_TEMPLATE" / "config.yml"],
}
MAKEFILES = ("Makefile", "infra/local/stack.mk")
DECLARED_IN = {"uv": "uv.lock", "gomod": "go.mod", "docker": "Dockerfile", "github-actions": ".github/workflows/*.yml"}
PINNED = re.compile(r"^[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")


def read(path: Path) -> dict[Any, Any]:
    content: dict[Any, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content


def targets() -> set[str]:
    """Return what can be made: names before a colon at the beginning of a line."""
    lines = [line for name in MAKEFILES for line in (ROOT / name).read_text(encoding="utf-8").splitlines()]
    return {name for line in lines if (found := re.match(r"([a-z][a-z -]*):(?!=)", line)) for name in found[1].split()}


def steps(workflow: Path) -> list[dict[str, Any]]:
    return [step for job in read(workflow)["jobs"].values() for step in job["steps"]]


def commands(workflow: Path) -> list[str]:
    """Return what a workflow runs, once for each entry of its matrix."""
    found = []
    for job in read(workflow)["jobs"].values():
        entries = job.get("strategy", {}).get("matrix", {}).get("include", [{}])
        for step in job["steps"]:
            run = step.get("run", "")
            of_matrix = re.fullmatch(r"make \$\{\{ matrix\.(\w+) \}\}", run)
            found += [f"make {entry[of_matrix[1]]}" for entry in entries] if of_matrix else [run] if run else []
    return found


@pytest.mark.parametrize("form", FORMS_OF_GITHUB)
def test_a_file_has_the_form_that_github_wants(form: str) -> None:
    command = [str(Path(sys.executable).with_name("check-jsonschema")), "--builtin-schema", form]
    done = subprocess.run(
        [*command, *map(str, FORMS_OF_GITHUB[form])], check=False, capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_runs_targets_of_the_makefile_and_nothing_else(workflow: Path) -> None:
    run = commands(workflow)
    made = [found[1] for each in run if (found := re.fullmatch(r"make ([a-z-]+)", each))]
    assert len(made) == len(run) >= 1
    assert set(made) - targets() == set()


def test_every_check_of_the_makefile_is_run_by_a_workflow() -> None:
    run = {command.removeprefix("make ") for workflow in WORKFLOWS for command in commands(workflow)}
    checks = {"check", "test", "nightly", "browsers", "docs", "audit", "deployment", "images", "console-stack"}
    checks |= {"integration", "faults", "fuzz", "mutants"}
    assert checks - targets() == set()
    assert checks - run == set()


def test_the_other_object_store_is_tried_too() -> None:
    (job,) = read(GITHUB / "workflows" / "weekly.yml")["jobs"].values()
    (entry,) = (each for each in job["strategy"]["matrix"]["include"] if each["target"] == "integration")
    assert entry["object_store"] == "minio"
    (step,) = (each for each in job["steps"] if each.get("run", "").startswith("make "))
    # `make` and the stack take no empty one.
    assert step["env"]["OBJECT_STORE"] == "${{ matrix.object_store || 'seaweedfs' }}"


def test_an_audit_has_the_programs_of_go_that_it_looks_at() -> None:
    assert commands(GITHUB / "workflows" / "audit.yml") == ["make setup", "make audit"]
    keys = {
        step["with"]["key"]
        for name in ("audit", "test", "weekly")
        for step in steps(GITHUB / "workflows" / f"{name}.yml")
        if step.get("uses", "").startswith("actions/cache")
    }
    assert len(keys) == 1, "one cache, which whoever builds all of it fills"
    kept = [step["uses"].partition("@")[0] for step in steps(GITHUB / "workflows" / "weekly.yml") if "key" in str(step)]
    assert kept == ["actions/cache/restore"]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_may_only_read(workflow: Path) -> None:
    content = read(workflow)
    assert content["permissions"] == {"contents": "read"}
    assert all("permissions" not in job for job in content["jobs"].values())
    assert content["concurrency"]["group"]
    checkouts = [step for step in steps(workflow) if step.get("uses", "").startswith("actions/checkout@")]
    assert [step["with"]["persist-credentials"] for step in checkouts] == [False]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned_by_commit_with_their_version_beside_it(workflow: Path) -> None:
    uses = re.findall(r"uses: (.+)$", workflow.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert uses
    assert [each for each in uses if not PINNED.match(each)] == []


def test_one_version_of_an_action_is_used_everywhere() -> None:
    uses = {each for path in WORKFLOWS for each in re.findall(r"uses: (.+)$", path.read_text(), flags=re.MULTILINE)}
    assert len({each.partition("@")[0] for each in uses}) == len(uses)


def test_the_parts_of_the_bug_form_are_those_of_the_repository() -> None:
    part = next(field for field in read(GITHUB / "ISSUE_TEMPLATE" / "bug.yml")["body"] if field.get("id") == "part")
    services = yaml.safe_load((ROOT / "contracts" / "services.yaml").read_text(encoding="utf-8"))["services"]
    told = " ".join(part["attributes"]["options"])
    assert [name for name in services if name not in told] == []


def test_dependabot_looks_where_dependencies_are_declared() -> None:
    for update in read(GITHUB / "dependabot.yml")["updates"]:
        file = DECLARED_IN[update["package-ecosystem"]]
        for directory in update.get("directories", [update.get("directory")]):
            assert list(ROOT.glob(f"{directory.strip('/')}/{file}".strip("/"))), directory
        assert update["groups"]


def test_a_pull_request_asks_for_what_the_contracts_change() -> None:
    assert "codegen diff" in (GITHUB / "PULL_REQUEST_TEMPLATE.md").read_text(encoding="utf-8")
