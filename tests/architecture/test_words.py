"""Sentences that people read are in the plain English of the field (docs/glossary.md)."""

import re
from pathlib import Path

import pytest

from tests.architecture.test_law import ROOT, tracked

# What was written before, and what is written instead.
ODD = {
    r"\bstands? twice\b": "duplicate",
    r"(?<!there )(?<!There )\b(is|are|was|were) no (?!longer|such|other|more|less|fewer|older)\w": "is not a",
    r"\bsays no\b": "refused",
    r"\bis upside down\b": "is in the wrong order",
    r"\bholds? no (JSON|YAML|Avro)\b": "is not valid",
    r"\b(cannot|may not) stand (here|there)\b": "is not valid here",
}
# Released versions of records are not edited, and what is generated from them says the same.
LEFT = ("contracts/avro/", "generated/", "codegen/tests/golden/", "codegen/catalogue/tests/acme.txt", "uv.lock")


def texts() -> list[tuple[str, str]]:
    """Return path and text of every file that people write."""
    named = [(path.relative_to(ROOT).as_posix(), path) for path in tracked(".")]
    return [
        (name, path.read_text(encoding="utf-8", errors="ignore"))
        for name, path in named
        if not name.startswith(LEFT) and path != Path(__file__)
    ]


@pytest.mark.parametrize(("odd", "instead"), ODD.items(), ids=ODD.values())
def test_no_sentence_has_a_phrase_that_nobody_else_uses(odd: str, instead: str) -> None:
    found = [
        f"{name}:{text.count(chr(10), 0, match.start()) + 1}: {match[0]!r}: write {instead!r}"
        for name, text in texts()
        for match in re.finditer(odd, text)
    ]
    assert found == []


def test_the_search_sees_what_it_is_for() -> None:
    for odd, said in {
        "the key 'a' stands twice": True,
        "this is no JSON": True,
        "True is no int": True,
        "there is no topic": False,
        "it is no longer read": False,
        "There are no rows": False,
    }.items():
        assert any(re.search(pattern, odd) for pattern in ODD) == said, odd
