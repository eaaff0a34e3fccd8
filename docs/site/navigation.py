"""Which documents the site has, in which order. A document that is not here fails the tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Section:
    """A heading of the navigation with its pages, by their paths on the site."""

    title: str
    pages: tuple[str, ...]


SECTIONS: Final = (
    Section("Begin", ("quick-start.md", "architecture.md", "glossary.md")),
    Section("Deployment", ("deployment.md", "security.md", "sizing.md", "rollout.md")),
    Section("Operations", ("operations.md", "runbooks.md", "metrics.md", "queries.md")),
    Section(
        "Reference",
        ("api/index.md", "specs/index.md", "catalogue.md", "contracts.md", "contract-keys.md", "model-card.md"),
    ),
    Section(
        "Development",
        (
            "development.md",
            "adding-a-provider.md",
            "changing-a-contract.md",
            "contributing.md",
            "decisions/index.md",
            "changelog.md",
        ),
    ),
    Section("Compliance", ("security-policy.md", "threat-model.md", "pci-scope.md")),
)

ELSEWHERE: Final = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security-policy.md",
    "contracts/README.md": "contracts.md",
}
"""Pages whose documents are not below docs/."""

FOLDERS: Final = {"specs": "Specifications", "decisions": "Decisions"}
"""Folders of docs/ whose documents are listed on a page of their own."""
