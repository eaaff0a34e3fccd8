"""The contracts of another commit: which commit it is, and what can be wrong with it."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest
from codegen.revision import Revision, RevisionError, UntoldError, chosen, load_at, named

from .repository import Repository

if TYPE_CHECKING:
    from pathlib import Path

TOPIC = "topics/shop.payments.yaml"


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
    assert chosen(repository.contracts) == Revision(left, "where this work left main")


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


def cloned(repository: Repository, folder: Path, *options: str) -> Repository:
    """Clone a repository as from a server."""
    repository.git("clone", "--quiet", *options, f"file://{repository.root}", str(folder))
    return Repository.at(folder)


def told(folder: Path, event: object) -> Path:
    """Write an event as a job of continuous integration gets it."""
    file = folder / "event.json"
    file.write_text(json.dumps(event))
    return file


def pushed(before: str, branch: str = "main") -> dict[str, object]:
    return {"ref": f"refs/heads/{branch}", "before": before, "repository": {"default_branch": "main"}}


def test_chooses_nothing_where_there_is_one_commit(repository: Repository, tmp_path: Path) -> None:
    assert chosen(cloned(repository, tmp_path / "clone").contracts) is None


def test_refuses_to_choose_in_a_shallow_clone(repository: Repository, tmp_path: Path) -> None:
    repository.commit()
    with pytest.raises(UntoldError, match=r"this is a shallow clone, .*git fetch --unshallow.* or name a commit with"):
        chosen(cloned(repository, tmp_path / "clone", "--depth=1").contracts)


def test_refuses_to_choose_in_a_clone_of_a_single_branch(repository: Repository, tmp_path: Path) -> None:
    repository.git("checkout", "--quiet", "-b", "work")
    repository.commit("one on the branch")
    repository.commit("two on the branch")
    repository.git("checkout", "--quiet", "main")
    clone = cloned(repository, tmp_path / "clone", "--single-branch", "--branch=work", "--origin=server")
    remedy = r"fetch it with `git fetch server main:refs/remotes/server/main`, or name a commit with --base"
    with pytest.raises(UntoldError, match=rf"this clone does not hold main, .*: {remedy}"):
        chosen(clone.contracts)
    clone.git("fetch", "--quiet", "server", "main:refs/remotes/server/main")
    revision = chosen(clone.contracts)
    assert revision is not None
    assert revision.words == "where this work left server/main"


def test_refuses_to_choose_where_no_branch_is_called_main(repository: Repository) -> None:
    repository.git("branch", "--move", "main", "trunk")
    repository.commit()
    with pytest.raises(UntoldError, match=r"does not hold main, .* compare with: name a commit with --base"):
        chosen(repository.contracts)


def test_refuses_to_choose_where_main_has_another_history(repository: Repository) -> None:
    repository.git("checkout", "--quiet", "--orphan", "work")
    repository.commit("a first commit of its own")
    repository.commit("on the branch")
    with pytest.raises(UntoldError, match=r"checked out and main have no commit in common, .* a commit with --base"):
        chosen(repository.contracts)


def test_finds_main_at_a_remote_of_any_name(repository: Repository, tmp_path: Path) -> None:
    left = repository.git("rev-parse", "HEAD")
    repository.git("checkout", "--quiet", "-b", "work")
    repository.commit("one on the branch")
    repository.commit("two on the branch")
    clone = cloned(repository, tmp_path / "clone", "--branch=work", "--origin=server")
    assert chosen(clone.contracts) == Revision(left, "where this work left server/main")


def test_takes_main_of_origin_before_that_of_other_remotes(repository: Repository, tmp_path: Path) -> None:
    there = repository.commit()
    clone = cloned(repository, tmp_path / "clone")
    clone.git("checkout", "--quiet", "-b", "work")
    clone.git("branch", "--delete", "--force", "main")
    ours = clone.commit("on the branch")
    clone.git("update-ref", "refs/remotes/a/main", ours)
    clone.git("remote", "add", "a", "nowhere")
    assert chosen(clone.contracts) == Revision(there, "where this work left origin/main")


def test_finds_main_at_the_remote(repository: Repository, tmp_path: Path) -> None:
    clone = cloned(repository, tmp_path / "clone")
    clone.git("checkout", "--quiet", "-b", "work")
    clone.git("branch", "--delete", "--force", "main")
    clone.commit()
    revision = chosen(clone.contracts)
    assert revision is not None
    assert revision.words == "where this work left origin/main"


def test_compares_what_is_not_yet_pushed_with_what_is(repository: Repository, tmp_path: Path) -> None:
    there = repository.commit()
    clone = cloned(repository, tmp_path / "clone")
    clone.commit("one ahead")
    clone.commit("two ahead")
    assert chosen(clone.contracts) == Revision(there, "where this work left origin/main")


def test_takes_main_as_it_is_pushed_for_the_base_of_a_branch(repository: Repository, tmp_path: Path) -> None:
    there = repository.commit()
    clone = cloned(repository, tmp_path / "clone")
    clone.commit("on main, and not pushed")
    clone.git("checkout", "--quiet", "-b", "work")
    clone.commit("on the branch")
    assert chosen(clone.contracts) == Revision(there, "where this work left origin/main")


def test_follows_the_upstream_of_main_whatever_the_remote_is_called(repository: Repository, tmp_path: Path) -> None:
    there = repository.commit()
    clone = cloned(repository, tmp_path / "clone", "--origin=server")
    clone.commit("one ahead")
    clone.commit("two ahead")
    assert chosen(clone.contracts) == Revision(there, "where this work left server/main")


def test_compares_what_was_just_pushed_with_what_was_there_before(repository: Repository, tmp_path: Path) -> None:
    there = repository.commit()
    repository.git("checkout", "--quiet", "--detach")
    clone = cloned(repository, tmp_path / "clone")
    clone.git("checkout", "--quiet", "-B", "main", "origin/main")
    clone.commit("one ahead")
    clone.commit("two ahead")
    clone.git("push", "--quiet", "origin", "main")
    assert chosen(clone.contracts) == Revision(there, "origin/main before the last push")


def test_forgets_what_was_pushed_before_where_it_was_no_part_of_what_is(repository: Repository, tmp_path: Path) -> None:
    repository.git("checkout", "--quiet", "--detach")
    clone = cloned(repository, tmp_path / "clone")
    clone.git("checkout", "--quiet", "-B", "main", "origin/main")
    clone.commit("pushed, and taken back")
    clone.git("push", "--quiet", "origin", "main")
    before = clone.git("rev-parse", "HEAD^1")
    clone.git("commit", "--quiet", "--amend", "--allow-empty", "--message", "another")
    clone.git("push", "--quiet", "--force", "origin", "main")
    assert chosen(clone.contracts) == Revision(before, "HEAD^1: nothing here is newer than origin/main")


def test_believes_the_event_of_a_push(repository: Repository, tmp_path: Path) -> None:
    before = repository.git("rev-parse", "HEAD")
    repository.commit("one of the push")
    repository.commit("two of the push")
    clone = cloned(repository, tmp_path / "clone")
    event = told(tmp_path, pushed(before))
    assert chosen(clone.contracts, event) == Revision(before, "what main was before the push")


def test_believes_the_event_of_a_push_to_main_alone(repository: Repository, tmp_path: Path) -> None:
    left = repository.git("rev-parse", "HEAD")
    repository.git("checkout", "--quiet", "-b", "work")
    before = repository.commit("pushed before")
    repository.commit("pushed now")
    event = told(tmp_path, pushed(before, "work"))
    assert chosen(repository.contracts, event) == Revision(left, "where this work left main")


def test_takes_no_commit_from_the_event_of_a_first_push(repository: Repository, tmp_path: Path) -> None:
    before = repository.git("rev-parse", "HEAD")
    repository.commit()
    event = told(tmp_path, pushed("0" * 40))
    assert chosen(repository.contracts, event) == Revision(before, "HEAD^1: nothing here is newer than main")


def test_compares_a_pull_request_with_where_it_left_its_base(repository: Repository, tmp_path: Path) -> None:
    left = repository.git("rev-parse", "HEAD")
    repository.git("checkout", "--quiet", "-b", "work")
    repository.commit("on the branch")
    repository.git("checkout", "--quiet", "main")
    base = repository.commit("meanwhile on main")
    repository.git("checkout", "--quiet", "--detach", "work")
    event = told(tmp_path, {"pull_request": {"base": {"sha": base}}})
    assert chosen(repository.contracts, event) == Revision(left, "where the pull request left its base")


def test_refuses_an_event_whose_commit_the_clone_lacks(repository: Repository, tmp_path: Path) -> None:
    before = repository.git("rev-parse", "HEAD")
    repository.commit()
    clone = cloned(repository, tmp_path / "clone", "--depth=1")
    with pytest.raises(UntoldError, match=f"this clone does not hold {before[:10]}, what main was before the push"):
        chosen(clone.contracts, told(tmp_path, pushed(before)))


def test_takes_the_commit_of_an_event_that_a_shallow_clone_holds(repository: Repository, tmp_path: Path) -> None:
    repository.commit()
    before = repository.git("rev-parse", "HEAD")
    repository.commit()
    clone = cloned(repository, tmp_path / "clone", "--depth=2")
    revision = chosen(clone.contracts, told(tmp_path, pushed(before)))
    assert revision is not None
    assert revision.commit == before


def test_says_that_an_event_cannot_be_read(repository: Repository, tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    event.write_text("push")
    with pytest.raises(RevisionError, match=r"the event in .*event.json cannot be read: .*; name a commit with --base"):
        chosen(repository.contracts, event)


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
