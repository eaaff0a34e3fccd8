"""Files on the disk: all or none, and nothing stale."""

from __future__ import annotations

import resource
from typing import TYPE_CHECKING

import pytest
from codegen.model import GeneratedFile
from codegen.write import Change, add, changes, write

if TYPE_CHECKING:
    from pathlib import Path

ONE = GeneratedFile("a/one.txt", b"1\n")
TWO = GeneratedFile("two.txt", b"2\n")


def present(root: Path) -> set[str]:
    return {file.relative_to(root).as_posix() for file in root.rglob("*") if file.is_file()}


def test_writes_every_file_and_nothing_else(tmp_path: Path) -> None:
    assert write(tmp_path, [ONE, TWO]) == (Change("a/one.txt", "missing"), Change("two.txt", "missing"))
    assert present(tmp_path) == {"a/one.txt", "two.txt"}
    assert (tmp_path / "a" / "one.txt").read_bytes() == b"1\n"


def test_writing_again_changes_nothing(tmp_path: Path) -> None:
    write(tmp_path, [ONE, TWO])
    before = (tmp_path / "two.txt").stat().st_mtime_ns
    assert write(tmp_path, [ONE, TWO]) == ()
    assert (tmp_path / "two.txt").stat().st_mtime_ns == before


def test_removes_what_is_stale_with_its_empty_folders(tmp_path: Path) -> None:
    write(tmp_path, [ONE, TWO])
    assert Change("a/one.txt", "stale") in write(tmp_path, [TWO])
    assert present(tmp_path) == {"two.txt"}
    assert not (tmp_path / "a").exists()


def test_tells_each_kind_of_drift(tmp_path: Path) -> None:
    write(tmp_path, [ONE, TWO])
    (tmp_path / "two.txt").write_text("edited by hand")
    (tmp_path / "extra.txt").write_text("nobody generated this")
    (tmp_path / "a" / "one.txt").unlink()
    assert changes(tmp_path, [ONE, TWO]) == (
        Change("a/one.txt", "missing"),
        Change("extra.txt", "stale"),
        Change("two.txt", "different"),
    )


def test_leaves_what_tools_leave_behind_and_the_catalogue(tmp_path: Path) -> None:
    write(tmp_path, [ONE])
    for leftover in ("a/__pycache__/x.pyc", "x.egg-info/PKG-INFO", "target/manifest.json", "docs/index.html"):
        (tmp_path / leftover).parent.mkdir(parents=True)
        (tmp_path / leftover).write_text("")
    assert changes(tmp_path, [ONE]) == ()
    assert write(tmp_path, [ONE]) == ()


def test_a_folder_of_the_catalogues_name_further_down_is_like_any_other(tmp_path: Path) -> None:
    write(tmp_path, [ONE])
    (tmp_path / "a" / "docs").mkdir()
    (tmp_path / "a" / "docs" / "index.html").write_text("")
    assert changes(tmp_path, [ONE]) == (Change("a/docs/index.html", "stale"),)


def test_replaces_nothing_when_a_file_cannot_be_staged(tmp_path: Path) -> None:
    write(tmp_path, [ONE])
    broken = GeneratedFile("b.txt", "not bytes")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        write(tmp_path, [GeneratedFile("a/one.txt", b"changed\n"), broken])
    assert (tmp_path / "a" / "one.txt").read_bytes() == b"1\n"
    assert present(tmp_path) == {"a/one.txt"}


def test_puts_back_what_it_replaced_when_a_file_cannot_be_placed(tmp_path: Path) -> None:
    write(tmp_path, [ONE, TWO])
    (tmp_path / "b.txt").mkdir()
    with pytest.raises(IsADirectoryError):
        write(tmp_path, [GeneratedFile("a/one.txt", b"changed\n"), GeneratedFile("b.txt", b""), TWO])
    assert (tmp_path / "a" / "one.txt").read_bytes() == b"1\n"
    assert present(tmp_path) == {"a/one.txt", "two.txt"}


def test_leaves_everything_as_it_was_when_the_disk_takes_no_more(tmp_path: Path) -> None:
    write(tmp_path, [ONE])
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        with pytest.raises(OSError, match="large"):
            write(tmp_path, [GeneratedFile("a/one.txt", b"changed\n"), GeneratedFile("new/b.txt", b"x" * 100_000)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (tmp_path / "a" / "one.txt").read_bytes() == b"1\n"
    assert present(tmp_path) == {"a/one.txt"}
    assert not (tmp_path / "new").exists()


def test_adds_all_files_or_none(tmp_path: Path) -> None:
    add(tmp_path / "new", [ONE])
    with pytest.raises(FileExistsError):
        add(tmp_path / "new", [TWO, ONE])
    assert present(tmp_path) == {"new/a/one.txt"}
