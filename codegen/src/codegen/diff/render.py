"""A list of changes as text for a terminal, or as Markdown for a pull request."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from codegen.diff.change import Change
    from codegen.findings import Finding


def text(changes: Iterable[Change], findings: Iterable[Finding], against: str) -> str:
    """Return a report for a terminal; a breaking change is marked with `!` and its rules."""
    return "\n".join(_text(tuple(changes), tuple(findings), against)) + "\n"


def markdown(changes: Iterable[Change], findings: Iterable[Finding], against: str) -> str:
    """Return a report for a pull request."""
    return "\n".join(_markdown(tuple(changes), tuple(findings), against)) + "\n"


def _text(changes: tuple[Change, ...], findings: tuple[Finding, ...], against: str) -> Iterator[str]:
    yield f"{_summary(changes)} against {against}"
    for section, members in groupby(changes, key=lambda change: change.section):
        yield ""
        yield section.value
        for change in members:
            rules = f"  [{', '.join(change.rules)}]" if change.breaking else ""
            yield f"  {'!' if change.breaking else ' '} {change.name}: {change.text}{rules}"
    if findings:
        yield ""
        yield "What breaks, and what to do"
        yield from (f"  {finding}" for finding in findings)


def _markdown(changes: tuple[Change, ...], findings: tuple[Finding, ...], against: str) -> Iterator[str]:
    yield "## What this does to the contracts"
    yield ""
    yield f"{_summary(changes)} against {against}."
    for section, members in groupby(changes, key=lambda change: change.section):
        yield ""
        yield f"### {section.value}"
        yield ""
        for change in members:
            mark = f" ⚠️ **breaking**: {', '.join(f'`{rule}`' for rule in change.rules)}" if change.breaking else ""
            yield f"- `{change.name}` {_escaped(change.text)}{mark}"
    if findings:
        yield ""
        yield "### What breaks, and what to do"
        yield ""
        yield "| where | rule | what | what to do |"
        yield "| --- | --- | --- | --- |"
        for each in findings:
            place = f"{each.file}:{each.line}" if each.line else each.file
            cells = (f"`{place}`", f"`{each.rule}`", _escaped(each.message), _escaped(each.hint))
            yield f"| {' | '.join(cells)} |"


def _summary(changes: tuple[Change, ...]) -> str:
    if not changes:
        return "nothing changes"
    count, breaking = len(changes), sum(change.breaking for change in changes)
    said = f"{count} {'thing changes' if count == 1 else 'things change'}"
    return f"{said}, {breaking} of them breaking" if breaking else f"{said}, none of them breaking"


def _escaped(text: str) -> str:
    """Return a text without what Markdown would take for its own."""
    for character in ("\\", "|", "*", "_", "`", "[", "]", "<", ">"):
        text = text.replace(character, f"\\{character}")
    return text
