"""Logs, as lines on standard error."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from kit.logging import configure


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def last_line(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    line: dict[str, Any] = json.loads(capsys.readouterr().err.splitlines()[-1])
    return line


def test_a_line_is_json_and_names_the_service(capsys: pytest.CaptureFixture[str]) -> None:
    configure("gateway-stripe", "INFO", "json")
    structlog.get_logger("door").info("open", topics=2)
    line = last_line(capsys)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "open", "topics": 2, "service": "gateway-stripe", "logger": "door", "level": "info"}


def test_the_standard_library_logs_the_same_way(capsys: pytest.CaptureFixture[str]) -> None:
    configure("gateway-stripe", "INFO", "json")
    logging.getLogger("uvicorn.error").warning("port %s", 1, extra={"color_message": "red"})
    line = last_line(capsys)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "port 1", "service": "gateway-stripe", "logger": "uvicorn.error", "level": "warning"}


def _fail(number: int) -> None:
    secret = f"whsec_{number}"
    raise RuntimeError("boom" if secret else "")


def test_nothing_below_the_level_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    configure("x", "warning", "json")
    structlog.get_logger().info("quiet")
    logging.getLogger("library").info("quiet")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("fmt", ["json", "console"])
def test_a_traceback_shows_no_local_variables(fmt: Any, capsys: pytest.CaptureFixture[str]) -> None:
    configure("x", "INFO", fmt)
    number = 40 + 2
    try:
        _fail(number)
    except RuntimeError:
        structlog.get_logger().exception("failed")
    said = capsys.readouterr().err
    assert "boom" in said
    assert "whsec_42" not in said


def test_refuses_a_level_that_does_not_exist() -> None:
    with pytest.raises(ValueError, match="LOG_LEVEL is 'loud'"):
        configure("x", "loud", "json")
