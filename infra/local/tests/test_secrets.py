from pathlib import Path

import pytest

from stack.errors import StackError
from stack.secrets import load, parse, render


def test_secrets_are_made_once_and_for_the_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "state" / "secrets.env"
    first = load(path)
    assert load(path) == first
    assert path.stat().st_mode & 0o777 == 0o600


def test_two_stacks_have_different_secrets(tmp_path: Path) -> None:
    assert load(tmp_path / "a") != load(tmp_path / "b")


def test_secrets_do_not_show_when_printed(tmp_path: Path) -> None:
    secrets = load(tmp_path / "secrets.env")
    assert secrets.postgres_password.get_secret_value() not in repr(secrets)


def test_says_which_secret_a_damaged_file_lacks(tmp_path: Path) -> None:
    path = tmp_path / "secrets.env"
    text = "\n".join(line for line in render(load(path)).splitlines() if not line.startswith("ICEBERG"))
    with pytest.raises(StackError, match="ICEBERG_PASSWORD"):
        parse(text, path)
