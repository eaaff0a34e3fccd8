"""Logs, as lines on standard error."""

import json
import logging
import ssl
from collections.abc import Iterator
from itertools import product
from string import ascii_lowercase
from typing import Any

import pytest
import structlog
from kit.logging import configure
from kit.sampling import MOST_KINDS, SHOWN, WINDOW_SECONDS, Sampler


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
    assert line == {
        "event": "library",
        "message": "port 1",
        "service": "gateway-stripe",
        "logger": "uvicorn.error",
        "level": "warning",
    }


def test_a_name_that_came_through_the_standard_library_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    configure("orchestrator", "INFO", "json")
    logging.getLogger("workflow").warning("fallback_used", extra={"cause": "Unavailable"})
    line = last_line(capsys)
    assert (line["event"], line["cause"]) == ("fallback_used", "Unavailable")
    assert "message" not in line


@pytest.mark.parametrize("through", ["structlog", "library"])
def test_a_flood_of_one_kind_is_a_trickle_and_others_are_heard(
    through: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr("kit.logging.Sampler", lambda: Sampler(lambda: now[0]))
    configure("x", "INFO", "json")

    def say(number: int) -> None:
        if through == "structlog":
            structlog.get_logger("door").warning("forged_webhook", number=number)
        else:
            logging.getLogger("core").warning("task 01a218a6-%d took too long", number)

    for number in range(500):
        say(number)
    structlog.get_logger("door").warning("other")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert len(lines) == SHOWN + 1
    assert lines[-1]["event"] == "other"
    now[0] += WINDOW_SECONDS
    say(501)
    assert last_line(capsys)["left_out"] == 500 - SHOWN


def test_ids_in_the_words_of_a_library_do_not_make_another_kind_of_each_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure("x", "INFO", "json")
    for number in range(100):
        message = "".join(("[TMPRL1104] 01a218a6-ada0-779a-837e-", str(number), ": slow"))
        logging.getLogger("core").warning(message)
    assert len(capsys.readouterr().err.splitlines()) == SHOWN


def test_a_flood_of_which_each_line_has_other_words_is_a_trickle_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr("kit.logging.Sampler", lambda: Sampler(lambda: now[0]))
    configure("x", "INFO", "json")
    words = ["".join(letters) for letters in product(ascii_lowercase, repeat=3)][:5_000]
    for number, word in enumerate(words):
        logging.getLogger("core").warning("cannot find %s" % word)  # noqa: UP031, G002  # as libraries do
        now[0] = number / 1_000
    structlog.get_logger("door").warning("other")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert len(lines) == MOST_KINDS + SHOWN + 1
    assert lines[-1]["event"] == "other"
    now[0] += WINDOW_SECONDS
    logging.getLogger("core").warning("cannot find it")
    assert last_line(capsys)["left_out"] == len(words) - MOST_KINDS - SHOWN


@pytest.mark.parametrize("fmt", ["json", "console"])
def test_what_an_exception_quotes_is_not_shown(fmt: Any, capsys: pytest.CaptureFixture[str]) -> None:
    configure("x", "INFO", fmt)
    try:
        _refuse("4242424242424242 of jane@example.org")
    except RuntimeError:
        structlog.get_logger().exception("failed")
    said = capsys.readouterr().err
    assert "cannot use [removed] of [removed]" in said
    assert "RuntimeError" in said


def test_the_message_of_an_exception_that_is_what_it_could_not_use_is_left_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure("x", "INFO", "json")
    try:
        int("Jane Roe")
    except ValueError:
        structlog.get_logger().exception("failed")
    told = last_line(capsys)["exception"][0]
    assert (told["exc_type"], told["exc_value"]) == ("ValueError", "[removed]")
    assert told["frames"]


class _OwnError(ValueError):
    """Made from one that quotes."""


class _Refused(Exception):  # noqa: N818  # as a library calls it
    """One of a library that quotes."""

    __module__ = "jsonschema.exceptions"


def _noted(error: Exception) -> Exception:
    error.add_note("when it was given Jane Roe")
    return error


def _cause(error: Exception) -> Exception:
    try:
        try:
            raise error
        except type(error) as quoted:
            raise RuntimeError("step failed") from quoted
    except RuntimeError as caught:
        return caught


@pytest.mark.parametrize("fmt", ["json", "console"])
@pytest.mark.parametrize(
    "error",
    [
        _noted(ValueError("Jane Roe")),
        _OwnError("Jane Roe"),
        _Refused("Jane Roe"),
        _cause(KeyError("Jane Roe")),
        ExceptionGroup("two failed", [RuntimeError("boom"), ExceptionGroup("inner", [_cause(_OwnError("Jane Roe"))])]),
    ],
    ids=["itself", "made from it", "of a library", "a cause", "in a group"],
)
def test_what_could_not_be_used_is_shown_in_no_place_of_an_exception(
    error: Exception, fmt: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    configure("x", "INFO", fmt)
    structlog.get_logger().error("failed", exc_info=error)
    said = capsys.readouterr().err
    assert "[removed]" in said
    assert "Jane" not in said


@pytest.mark.parametrize("fmt", ["json", "console"])
def test_what_the_system_says_of_a_certificate_stays(fmt: Any, capsys: pytest.CaptureFixture[str]) -> None:
    configure("x", "INFO", fmt)
    try:
        raise ssl.SSLCertVerificationError("certificate has expired")
    except ssl.SSLError:
        structlog.get_logger().exception("failed")
    assert "certificate has expired" in capsys.readouterr().err


def _refuse(what: str) -> None:
    raise RuntimeError(f"cannot use {what}")


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
