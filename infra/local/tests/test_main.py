from io import StringIO
from pathlib import Path

import pytest
from pydantic import ValidationError
from rich.console import Console
from typer.testing import CliRunner

from stack.__main__ import report, sentences
from stack.cli import app
from stack.errors import StackError
from stack.session import Session
from stack.settings import Settings


def run(*arguments: str) -> tuple[int, str]:
    output = StringIO()
    result = CliRunner().invoke(app, arguments, obj=Session(Settings(), Console(file=output, width=200)))
    return result.exit_code, result.output + output.getvalue() + str(result.exception or "")


@pytest.fixture(autouse=True)
def own_directories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAYMENTS_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("PAYMENTS_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("PAYMENTS_PORT_OFFSET", "7000")


@pytest.mark.parametrize("command", ["setup", "up", "down", "restart", "status", "logs", "clean-state", "env"])
def test_every_command_explains_itself(command: str) -> None:
    code, output = run(command, "--help")
    assert code == 0
    assert "Usage" in output


def test_env_prints_assignments_for_a_shell() -> None:
    code, output = run("env")
    assert code == 0
    assert "export KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:26092" in output


def test_status_says_when_nothing_runs() -> None:
    assert run("status") == (1, "The stack is not running.\n1")


def test_down_without_a_stack_is_not_an_error() -> None:
    assert run("down") == (0, "The stack is not running.\n")


def test_clean_state_deletes_the_state(tmp_path: Path) -> None:
    run("env")
    assert (tmp_path / "state" / "secrets.env").exists()
    assert run("clean-state")[0] == 0
    assert not (tmp_path / "state").exists()


def test_logs_of_an_unknown_service_name_those_there_are(tmp_path: Path) -> None:
    logs = tmp_path / "state" / "logs"
    logs.mkdir(parents=True)
    (logs / "kafka.log").touch()
    assert "There is no log of 'kafak'; there are: kafka." in run("logs", "kafak")[1]


def test_a_wrong_setting_is_named_with_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAYMENTS_PORT_OFFSET", "-1")
    with pytest.raises(ValidationError) as caught:
        Settings()
    assert sentences(caught.value).startswith("PAYMENTS_PORT_OFFSET is '-1': ")


def test_a_failure_shows_the_end_of_its_log(tmp_path: Path) -> None:
    log = tmp_path / "kafka.log"
    log.write_text("".join(f"line {number}\n" for number in range(100)))
    output = StringIO()
    report(StackError("kafka does not start.", log), Console(file=output, width=200))
    lines = output.getvalue().splitlines()
    assert lines[0] == f"The end of {log}:"
    assert lines[1].strip() == "line 85"
    assert lines[-1] == "error: kafka does not start."


def test_an_object_store_that_does_not_exist_is_told_by_the_name_of_its_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OBJECT_STORE", "floppy")
    with pytest.raises(ValidationError) as caught:
        Settings()
    assert sentences(caught.value).startswith("OBJECT_STORE is 'floppy'")
