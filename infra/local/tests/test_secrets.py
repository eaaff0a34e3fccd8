from pathlib import Path

import pytest

from stack.errors import StackError
from stack.secrets import load, parse, render

PROVIDERS = ("stripe", "square")


def test_secrets_are_made_once_and_for_the_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "state" / "secrets.env"
    first = load(path, PROVIDERS)
    assert load(path, PROVIDERS) == first
    assert path.stat().st_mode & 0o777 == 0o600


def test_two_stacks_have_different_secrets(tmp_path: Path) -> None:
    assert load(tmp_path / "a", PROVIDERS) != load(tmp_path / "b", PROVIDERS)


def test_secrets_do_not_show_when_printed(tmp_path: Path) -> None:
    secrets = load(tmp_path / "secrets.env", PROVIDERS)
    assert secrets.postgres_password.get_secret_value() not in repr(secrets)


def test_says_which_secret_a_damaged_file_lacks(tmp_path: Path) -> None:
    path = tmp_path / "secrets.env"
    text = "\n".join(line for line in render(load(path, PROVIDERS)).splitlines() if not line.startswith("ICEBERG"))
    with pytest.raises(StackError, match="ICEBERG_PASSWORD"):
        parse(text, path)


def test_a_new_provider_gets_a_secret_and_all_others_stay(tmp_path: Path) -> None:
    path = tmp_path / "secrets.env"
    before = load(path, ["stripe"])
    after = load(path, PROVIDERS)
    assert after.webhook_secrets.keys() == set(PROVIDERS)
    assert before.values().items() <= after.values().items()
    assert load(path, PROVIDERS) == after
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["secrets.env"]


def test_a_file_of_before_the_console_gets_a_token_and_all_else_stays(tmp_path: Path) -> None:
    path = tmp_path / "secrets.env"
    before = load(path, PROVIDERS)
    path.write_text("".join(line for line in path.read_text().splitlines(keepends=True) if "CONSOLE" not in line))
    after = load(path, PROVIDERS)
    assert len(after.console_token.get_secret_value()) >= 16
    assert after.console_token != before.console_token
    kept = {name: value for name, value in before.values().items() if name != "console_token"}
    assert kept.items() <= after.values().items()
    assert load(path, PROVIDERS) == after
