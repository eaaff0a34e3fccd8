from pathlib import Path

import pytest

from stack.tools.installation import fingerprint, install


def test_a_tool_has_its_name_only_when_it_is_complete(tmp_path: Path) -> None:
    target = tmp_path / "tool" / "1"

    def fill(directory: Path) -> None:
        (directory / "half").touch()
        assert not target.exists()
        raise InterruptedError

    with pytest.raises(InterruptedError):
        install(target, fill)
    assert not target.exists()


def test_what_an_interruption_left_is_discarded(tmp_path: Path) -> None:
    target = tmp_path / "tool" / "1"
    rest = target.parent / "1.unfinished"
    rest.mkdir(parents=True)
    (rest / "half").touch()
    install(target, lambda directory: (directory / "whole").touch())
    assert [file.name for file in target.iterdir()] == ["whole"]


def test_an_installed_tool_is_left_alone(tmp_path: Path) -> None:
    def fail(_: Path) -> None:
        raise AssertionError

    install(tmp_path, fail)


def test_the_fingerprint_follows_files_and_words(tmp_path: Path) -> None:
    file = tmp_path / "go.sum"
    file.write_text("one")
    before = fingerprint([file], "flag")
    assert before == fingerprint([file], "flag")
    assert before != fingerprint([file], "other flag")
    file.write_text("two")
    assert before != fingerprint([file], "flag")
