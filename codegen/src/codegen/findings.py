"""What is wrong with a contract, where, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing that is wrong: `file` is relative to the contracts folder.

    `line` and `column` count from 1; 0 stands for the whole file, or the whole line.
    """

    file: str
    line: int
    rule: str
    message: str
    hint: str
    column: int = 0

    def __str__(self) -> str:
        """Return it in the form that editors and terminals turn into a link."""
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: [{self.rule}] {self.message} → {self.hint}"


class ContractError(Exception):
    """The contracts cannot be used as they are; carries every finding."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        """Keep the findings in the order of files and lines."""
        self.findings = tuple(sorted(findings))
        super().__init__("\n".join(str(finding) for finding in self.findings))
