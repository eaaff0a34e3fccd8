from pathlib import Path

import pytest

from stack import checksums
from stack.errors import StackError


@pytest.fixture
def downloads(tmp_path: Path) -> Path:
    directory = tmp_path / "jars"
    directory.mkdir()
    (directory / "a.jar").write_bytes(b"a")
    (directory / "b.jar").write_bytes(b"b")
    return directory


@pytest.fixture
def listed(tmp_path: Path, downloads: Path) -> Path:
    file = tmp_path / "tool.sha256"
    file.write_text(checksums.listing(downloads))
    return file


def test_accepts_what_is_listed(downloads: Path, listed: Path) -> None:
    checksums.verify(downloads, listed)


def test_rejects_a_file_whose_content_has_changed(downloads: Path, listed: Path) -> None:
    (downloads / "b.jar").write_bytes(b"evil")
    with pytest.raises(StackError, match=r"b\.jar has SHA-256 .* nothing was installed"):
        checksums.verify(downloads, listed)


def test_rejects_a_file_that_is_not_listed(downloads: Path, listed: Path) -> None:
    (downloads / "c.jar").write_bytes(b"c")
    with pytest.raises(StackError, match=r"not listed: c\.jar"):
        checksums.verify(downloads, listed)


def test_rejects_a_download_that_lacks_a_file(downloads: Path, listed: Path) -> None:
    (downloads / "a.jar").unlink()
    with pytest.raises(StackError, match=r"lacks a\.jar"):
        checksums.verify(downloads, listed)


@pytest.mark.parametrize("line", ["short  a.jar", f"{'0' * 64} a.jar", f"{'0' * 64}  ../a.jar"])
def test_says_which_line_of_a_list_is_wrong(tmp_path: Path, line: str) -> None:
    file = tmp_path / "list"
    file.write_text(f"{'0' * 64}  good.jar\n{line}\n")
    with pytest.raises(StackError, match="line 2"):
        checksums.read(file)
