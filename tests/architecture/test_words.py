"""Sentences that people read are in the plain English of the field (docs/glossary.md)."""

from __future__ import annotations

import ast
import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

# What was written before, and what is written instead.
ODD = {
    r"\bstands? twice\b": "duplicate",
    r"(?<!there )(?<!There )\b(is|are|was|were) no (?!longer|such|other|more|less|fewer|older)\w": "is not a",
    r"\bsays no\b": "refused",
    r"\bis upside down\b": "is in the wrong order",
    r"\bholds? no (JSON|YAML|Avro)\b": "is not valid",
    r"\b(cannot|may not) stand (here|there)\b": "is not valid here",
    r"\b[Nn]obody\s+knows\b": "is unknown, or was not found",
    r"\b(is|are)\s+not\s+any\s+more\b": "no longer is",
    r"\bdropped\s+unsaid\b": "removed",
}
PROSE = (".md", ".yaml", ".yml", ".json", ".jinja", ".mk", ".sh", "Makefile")
# Released versions of records are not edited, and what is generated from them says the same.
LEFT = ("contracts/avro/", "generated/", "codegen/tests/golden/", "codegen/catalogue/tests/", "tests/architecture/")


def sentences() -> Iterator[tuple[str, int, str]]:
    """Yield file, line and text of whatever people read: prose as it is, of Python its messages."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines():
        path = ROOT / name
        if name.startswith(LEFT) or not path.is_file():
            continue
        if name.endswith(".py"):
            yield from ((name, line, text) for line, text in strings(path.read_text(encoding="utf-8")))
        elif name.endswith(PROSE):
            lines = path.read_text(encoding="utf-8").splitlines()
            yield from ((name, number, line) for number, line in enumerate(lines, start=1))


def strings(source: str) -> Iterator[tuple[int, str]]:
    """Yield line and text of each string in a module, of an f-string the parts that are written out."""
    for node in ast.walk(ast.parse(source)):
        statements = [node.value] if isinstance(node, ast.Expr) else []
        for each in ast.iter_child_nodes(node):
            if isinstance(each, ast.Constant) and isinstance(each.value, str) and each not in statements:
                yield each.lineno, each.value


def odd_phrases(text: str) -> list[str]:
    return [f"{match[0]!r}: write {instead!r}" for odd, instead in ODD.items() for match in re.finditer(odd, text)]


def test_no_sentence_has_a_phrase_that_nobody_else_uses() -> None:
    found = [f"{name}:{line}: {phrase}" for name, line, text in sentences() for phrase in odd_phrases(text)]
    assert found == []


@pytest.mark.parametrize(
    ("text", "odd"),
    [
        ("the key 'a' stands twice", True),
        ("this is no JSON", True),
        ("True is no int", True),
        ("nobody knows evt_1. Looked for it in", True),
        ("Nobody knows this id.", True),
        ("the header was kept, and is not any more", True),
        ("A property is not dropped unsaid.", True),
        ("evt_1 was not found. Looked for it in", False),
        ("the header was kept, and no longer is", False),
        ("there is no topic", False),
        ("it is no longer read", False),
        ("There are no rows", False),
    ],
)
def test_the_search_sees_what_it_is_for(text: str, *, odd: bool) -> None:
    assert bool(odd_phrases(text)) == odd


def test_strings_of_a_module_are_its_messages_and_not_its_docstrings() -> None:
    source = '"""Module."""\ndef f(x):\n    """Function."""\n    raise ValueError(f"{x} is odd", "so")\n'
    assert set(strings(source)) == {(4, " is odd"), (4, "so")}
