"""A line of a log has one name, which the code says as it is: it can be looked for, counted and alerted on."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

import pytest

from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
LOGGERS = {"log", "logger"}
NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
# Dagster's own, for its pages of runs.
LEFT = ("services/analytics/",)
# Hands on the names that it is given.
HANDED_ON = {("services/orchestrator/src/orchestrator/workflow.py", "what")}
SOURCES = [
    path
    for path in sorted(ROOT.glob("services/*/src/**/*.py"))
    if not path.relative_to(ROOT).as_posix().startswith(LEFT)
]


def is_logger(node: ast.expr) -> bool:
    """Tell whether something is called as a logger is: `log`, `_LOG`, `workflow.logger`."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name.lower().strip("_") in LOGGERS
    return False


def lines(text: str) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Call(func=ast.Attribute(value=said_by, attr=level)) if level in LEVELS and is_logger(said_by):
                yield node


def odd(text: str, file: str = "") -> list[str]:
    """Return what is said without a name, or with more than one."""
    found = []
    for call in lines(text):
        match call.args:
            case [ast.Constant(value=str(name))] if NAME.fullmatch(name):
                continue
            case [ast.Name(id=name)] if (file, name) in HANDED_ON:
                continue
        found.append(ast.unparse(call))
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT / "services").as_posix())
def test_each_line_has_a_name(path: Path) -> None:
    assert odd(path.read_text(encoding="utf-8"), path.relative_to(ROOT).as_posix()) == []


def test_there_are_lines() -> None:
    assert sum(len(list(lines(path.read_text(encoding="utf-8")))) for path in SOURCES) > 40


@pytest.mark.parametrize(
    "text",
    [
        '_log.info("not a name")',
        'LOG.error(f"gave_up_{why}")',
        'log.warning("gave %s", why)',
        "workflow.logger.info(why)",
    ],
)
def test_a_line_without_a_name_is_noticed(text: str) -> None:
    assert odd(text) == [ast.unparse(ast.parse(text))]


def test_a_line_with_a_name_is_sound() -> None:
    assert odd('_log.info("gave_up", why=str(error))') == []
