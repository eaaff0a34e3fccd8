"""The compiled mapping of every provider and the function that chooses among them: `normalize/`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.language.model import Path
from codegen.language.parts import origin
from codegen.language.reasons import absence
from codegen.mapping.compile import compile_plan
from codegen.mapping.plan import MISSING, TYPE_INVALID, UNREADABLE, Plan, Refusal, found_elsewhere, plan, unreadable
from codegen.text import PACKAGE, notice, render

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.model import Catalog, GeneratedFile

_FOLDER = f"{PACKAGE}/normalize"

MODULES = frozenset({"outcome", "values"})
"""Modules of the package that are not a provider's."""


def emit(catalog: Catalog) -> Iterator[GeneratedFile]:
    """Yield the package `normalize`."""
    plans = [plan(catalog, provider) for provider in catalog.providers]
    yield render(
        f"{_FOLDER}/__init__.py",
        "normalize.py",
        notice=notice("contracts/providers"),
        plans=plans,
        needs={each.provider: found_elsewhere(each) for each in plans},
    )
    yield render(f"{_FOLDER}/outcome.py", "outcome.py", notice=notice("codegen/src/codegen/templates"))
    yield render(
        f"{_FOLDER}/values.py",
        "values.py",
        notice=notice("contracts/rules/validation.yaml"),
        null_values=catalog.validation.null_values,
    )
    for provider, each in zip(catalog.providers, plans, strict=True):
        yield module(each, f"contracts/{provider.mapping_source.path}")


def module(each: Plan, source: str) -> GeneratedFile:
    """Return the compiled mapping of one provider; `source` is the file that it comes from."""
    compiled = compile_plan(each)
    name = origin(each.event_type)
    return render(
        f"{_FOLDER}/{each.provider}.py",
        "mapping.py",
        notice=notice(source),
        plan=each,
        compiled=compiled,
        is_found=not isinstance(each.event_type, Path),
        unreadable=Refusal(UNREADABLE, "", unreadable(each)),
        not_object=Refusal(UNREADABLE, "", "the payload is not a JSON object"),
        missing=Refusal(MISSING, "event_type", absence(each.event_type)),
        not_text=Refusal(TYPE_INVALID, "event_type", f"{name} must be text"),
    )
