"""The contracts of another commit: which commit it is, and what can be wrong with it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from codegen.revision import Revision, RevisionError, chosen, load_at, named

from .repository import Repository

if TYPE_CHECKING:
    from pathlib import Path

TOPIC = "topics/shop.payments.yaml"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository.with_contracts(tmp_path / "repository")


def test_reads_the_contracts_of_a_commit_and_not_those_of_the_work_tree(repository: Repository) -> None:
    repository.edit(TOPIC, "partitions: 4", "partitions: 5")
    catalog = load_at(repository.contracts, named(repository.contracts, "main"))
    assert catalog is not None
    assert [topic.partitions for topic in catalog.topics if topic.name == "shop.payments"] == [4]


def test_reads_a_commit_by_its_own_meta_schemas(repository: Repository) -> None:
    meta = "meta/provider.schema.json"
    repository.edit(meta, '"title",', '"title", "colour",')
    repository.edit(meta, '"properties": {', '"properties": {"colour": {"type": "string"},')
    repository.edit("providers/shop/provider.yaml", "title: Shop", "title: Shop\ncolour: red")
    repository.edit("providers/shop/provider.yaml", "  encoding: hex\n", "")
    repository.edit(meta, '"encoding",', "")
    commit = repository.commit("another language")
    catalog = load_at(repository.contracts, named(repository.contracts, commit))
    assert catalog is not None
    assert catalog.providers[0].source.data["colour"] == "red"


def test_leaves_out_files_of_which_there_is_no_kind_any_more(repository: Repository) -> None:
    (repository.contracts / "weather").mkdir()
    (repository.contracts / "weather" / "rain.yaml").write_text("kind: weather\n")
    commit = repository.commit()
    assert load_at(repository.contracts, named(repository.contracts, commit)) is not None


def test_asks_nothing_of_the_examples_of_a_commit(repository: Repository) -> None:
    repository.edit("providers/shop/examples/paid.yaml", "outcome: accepted", "outcome: maybe")
    commit = repository.commit()
    catalog = load_at(repository.contracts, named(repository.contracts, commit))
    assert catalog is not None
    assert catalog.providers[0].examples == ()


def test_says_that_a_commit_had_no_contracts(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "repository")
    first = repository.commit("nothing yet")
    repository.contracts.mkdir()
    assert load_at(repository.contracts, named(repository.contracts, first)) is None


def test_says_what_is_wrong_with_the_contracts_of_a_commit(repository: Repository) -> None:
    repository.edit(TOPIC, "partitions: 4", "partitions: many")
    commit = repository.commit()
    with pytest.raises(RevisionError, match=r"cannot be read; compare with a later commit:\n.*shop.payments.yaml:7"):
        load_at(repository.contracts, named(repository.contracts, commit))


def test_says_that_a_commit_is_in_a_form_no_longer_read(repository: Repository) -> None:
    meta = "meta/identity.schema.json"
    repository.edit(meta, '"event_namespace"', '"events"')
    repository.edit(meta, '"event_namespace"', '"events"')
    repository.edit("rules/identity.yaml", "event_namespace", "events")
    commit = repository.commit()
    with pytest.raises(RevisionError, match=r"rules/identity.yaml:1: \[meta\]"):
        load_at(repository.contracts, named(repository.contracts, commit))


def test_says_that_there_is_no_such_commit(repository: Repository) -> None:
    with pytest.raises(RevisionError, match="git knows no commit 'release-9' here: name a branch"):
        named(repository.contracts, "release-9")


def test_takes_no_option_for_a_commit(repository: Repository) -> None:
    with pytest.raises(RevisionError, match="git knows no commit"):
        named(repository.contracts, "--all")


def test_says_that_there_is_no_git(repository: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RevisionError, match="there is no git: install it"):
        named(repository.contracts, "main")
    assert chosen(repository.contracts) is None


def test_says_that_a_folder_is_in_no_work_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(RevisionError, match="is not in a git work tree"):
        named(tmp_path, "main")
    assert chosen(tmp_path) is None


def test_chooses_the_commit_at_which_a_branch_left_main(repository: Repository) -> None:
    left = repository.git("rev-parse", "HEAD")
    repository.git("checkout", "--quiet", "-b", "work")
    repository.commit("on the branch")
    repository.git("checkout", "--quiet", "main")
    repository.commit("meanwhile on main")
    repository.git("checkout", "--quiet", "work")
    assert chosen(repository.contracts) == Revision(left, "where this branch left main")


def test_chooses_on_main_the_commit_before(repository: Repository) -> None:
    before = repository.git("rev-parse", "HEAD")
    repository.commit()
    assert chosen(repository.contracts) == Revision(before, "HEAD^1: nothing here is newer than main")


def test_chooses_on_main_the_last_commit_for_changes_that_are_not_committed(repository: Repository) -> None:
    head = repository.commit()
    repository.edit(TOPIC, "owner: payments", "owner: platform")
    revision = chosen(repository.contracts)
    assert revision is not None
    assert revision.commit == head
    assert "not committed" in str(revision)


def test_chooses_in_a_detached_checkout_without_main(repository: Repository, tmp_path: Path) -> None:
    before = repository.git("rev-parse", "HEAD")
    last = repository.commit()
    clone = tmp_path / "clone"
    repository.git("clone", "--quiet", f"file://{repository.root}", str(clone))
    other = Repository.__new__(Repository)
    other.root, other.contracts = clone, clone / "contracts"
    other.git("checkout", "--quiet", "--detach", last)
    other.git("branch", "--delete", "--force", "main")
    other.git("update-ref", "-d", "refs/remotes/origin/main")
    other.git("update-ref", "-d", "refs/remotes/origin/HEAD")
    revision = chosen(other.contracts)
    assert revision is not None
    assert revision.commit == before


def test_chooses_nothing_in_a_checkout_of_one_commit(repository: Repository, tmp_path: Path) -> None:
    repository.commit()
    clone = tmp_path / "clone"
    repository.git("clone", "--quiet", "--depth=1", f"file://{repository.root}", str(clone))
    assert chosen(clone / "contracts") is None


def test_finds_main_at_the_remote(repository: Repository, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    repository.git("clone", "--quiet", f"file://{repository.root}", str(clone))
    other = Repository.__new__(Repository)
    other.root, other.contracts = clone, clone / "contracts"
    other.git("checkout", "--quiet", "-b", "work")
    other.git("branch", "--delete", "--force", "main")
    other.commit()
    revision = chosen(other.contracts)
    assert revision is not None
    assert revision.words == "where this branch left origin/main"


def test_reads_contracts_at_the_root_of_a_work_tree(tmp_path: Path) -> None:
    repository = Repository.with_contracts(tmp_path / "repository")
    root = Repository(tmp_path / "flat")
    shutil.copytree(repository.contracts, root.root, dirs_exist_ok=True)
    commit = root.commit()
    assert load_at(root.root, named(root.root, commit)) is not None


def test_finds_its_way_in_a_hook(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    before = repository.git("rev-parse", "HEAD")
    repository.commit()
    monkeypatch.setenv("GIT_DIR", str(repository.root / ".git"))
    revision = chosen(repository.contracts)
    assert revision is not None
    assert revision.commit == before
    assert load_at(repository.contracts, revision) is not None
