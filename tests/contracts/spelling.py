"""One reason as each provider spells it, from `alike/`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

# The tables of each provider that give a category: a code is looked up in the first that has it.
FAILURES = {
    "stripe": ("declines", "errors"),
    "square": ("failure_categories",),
    "adyen": ("failure_categories", "modification_failures"),
    "paypal": ("failure_categories", "status_categories"),
    "checkout": ("failure_categories",),
    "razorpay": ("failure_categories",),
}
DISPUTES = {
    "stripe": ("disputes",),
    "square": ("dispute_categories",),
    "adyen": ("dispute_categories",),
    "paypal": ("dispute_categories",),
    "checkout": ("dispute_categories", "network_dispute_categories"),
    "razorpay": ("dispute_categories",),
}


class Reason(NamedTuple):
    """What all codes of one reason are to become, and the codes of each provider."""

    category: str
    codes: Mapping[str, tuple[str, ...]]


def _read(name: str) -> dict[str, Reason]:
    text = (Path(__file__).parent / "alike" / f"{name}.yaml").read_text(encoding="utf-8")
    return {
        each: Reason(codes.pop("category"), {provider: tuple(those) for provider, those in codes.items()})
        for each, codes in yaml.safe_load(text).items()
    }


ALIKE = _read("failures")
ALIKE_IN_DISPUTES = _read("disputes")
