"""What is known against a dependency, and what of it is accepted for now."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path


@dataclass(frozen=True, order=True)
class Finding:
    """A weakness of a package in the version that is used; `names` are its ids in all lists that know it."""

    package: str
    version: str
    names: tuple[str, ...]
    mended_in: str = ""

    def __str__(self) -> str:
        remedy = f", mended in {self.mended_in}" if self.mended_in else ", not mended yet"
        return f"{self.package} {self.version}: {', '.join(self.names)}{remedy}"


@dataclass(frozen=True)
class Accepted:
    """A finding that does not fail the command up to and with a day."""

    id: str
    package: str
    reason: str
    until: date


def read_accepted(path: Path) -> list[Accepted]:
    """Return what a file accepts.

    Raises:
        ValueError: An entry lacks something; the message names the file and the entry.
    """
    found = []
    for number, entry in enumerate(tomllib.loads(path.read_text(encoding="utf-8")).get("accepted", []), start=1):
        try:
            each = Accepted(**entry)
        except TypeError as error:
            raise ValueError(
                f"{path}: entry {number}: it needs id, package, reason and until alone ({error})"
            ) from error
        if not each.reason.strip() or not isinstance(each.until, date):
            raise ValueError(f"{path}: entry {number}: it needs a reason, and a day as `until = 2027-01-31`")
        found.append(each)
    return found


def judge(findings: Iterable[Finding], accepted: Sequence[Accepted], today: date) -> tuple[list[str], list[str]]:
    """Return in words what has to be mended, and what is only to be known."""
    wrong, known = [], []
    used: set[Accepted] = set()
    for finding in sorted(findings):
        match = next((each for each in accepted if each.package == finding.package and each.id in finding.names), None)
        if match is None:
            wrong.append(str(finding))
            continue
        used.add(match)
        if match.until < today:
            wrong.append(f"{finding}; it was accepted until {match.until}: {match.reason}")
        else:
            known.append(f"{finding}; accepted until {match.until}: {match.reason}")
    wrong += [
        f"{each.id} of {each.package} is accepted and nobody finds it any more: remove the entry"
        for each in accepted
        if each not in used
    ]
    return wrong, known
