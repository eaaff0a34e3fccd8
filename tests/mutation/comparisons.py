"""The modules of compat and diff, and what tests know of both: changes of contracts, and what is said of each."""

from __future__ import annotations

import importlib
import pkgutil
import sys
import tempfile
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codegen.findings import ContractError

from codegen import compat, diff
from tests.mutation.subjects import EVERYWHERE, Subject, codegen_tests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import ModuleType

    from codegen.compat.breakage import CompatRule
    from codegen.model import Catalog

    Compare = Callable[[Catalog, Catalog], Iterable[Any]]

_FUNCTIONS: tuple[Compare, ...] = vars(diff)["_COMPARISONS"]


@dataclass(frozen=True, eq=False)
class Changed:
    """Contracts before and after a change.

    Attributes:
        rule: Of which rule it is a case, if of one: its tests hold places and messages, and of diff what it marks.
        is_key: Whether it is a change of one key, which is a matter of diff alone.
    """

    old: Catalog
    new: Catalog
    rule: str = ""
    is_key: bool = False


@cache
def changes() -> tuple[Changed, ...]:
    """Return what the tests compare: the corpus, the cases of the rules of compat, and the keys of contracts."""
    with tempfile.TemporaryDirectory() as scratch:
        return tuple(_changes(Path(scratch)))


def _changes(scratch: Path) -> Iterator[Changed]:
    corpus, cases, keys = map(codegen_tests, ("test_corpus", "rule_cases", "test_contract_keys"))
    for number, entry in enumerate(corpus.corpus()):
        yield Changed(*corpus.states(entry, scratch / f"entry-{number}"))
    compared = {rule.id for rule in compat.RULES}
    for number, case in enumerate(case for case in cases.cases() if case.rule in compared):
        try:
            yield Changed(case.old(scratch / f"case-{number}"), case.new(scratch / f"case-{number}"), case.rule)
        except ContractError:
            continue
    folder = keys.with_every_key(scratch / "keys")
    before = keys.load(folder)
    for row in keys.shown():
        yield Changed(before, keys.after(row, folder), is_key=True)


def compatibility(names: Iterable[str]) -> Iterator[Subject]:
    """Yield the modules of compat; each function of a rule is asked of all changes, those of the rule first."""
    for module in _modules(compat, names):
        subject = Subject(module.__name__.removeprefix("codegen."), module)
        if module is compat:
            subject.questions[EVERYWHERE] += [_rules]
        for rule in compat.RULES:
            ruled = sys.modules[rule.check.__module__]
            # What a module gives to others is seen by their rules.
            if any(getattr(each, "__module__", "") == module.__name__ for each in vars(ruled).values()):
                asked = sorted((each for each in changes() if not each.is_key), key=partial(_is_of_another, rule))
                name = rule.check.__name__ if ruled is module else EVERYWHERE
                subject.questions[name] += [partial(_broken, rule, each) for each in asked]
        yield subject


def _rules() -> object:
    return [(rule.id, rule.purpose[-1]) for rule in compat.RULES]


def _is_of_another(rule: CompatRule, change: Changed) -> bool:
    return change.rule != rule.id


def _broken(rule: CompatRule, change: Changed) -> object:
    found: set[tuple[object, ...]] = set()
    for each in _now(rule.check)(change.old, change.new):
        words = (each.file, each.line, each.message) if change.rule else (str(each.finding(rule.id)),)
        found.add((*words, each.concern in _told_of(change)))
    return found


@cache
def _told_of(change: Changed) -> frozenset[tuple[str, ...]]:
    """Return what diff tells of: tests hold that it marks all that is broken."""
    return frozenset(concern for each in diff.diff(change.old, change.new) for concern in each.concerns)


def differences(names: Iterable[str]) -> Iterator[Subject]:
    """Yield the modules of diff; each comparison is asked of all changes."""
    told = [_Told(each) for each in changes()]
    for module in _modules(diff, names):
        subject = Subject(module.__name__.removeprefix("codegen."), module)
        for function in _FUNCTIONS:
            if function.__module__ == module.__name__:
                subject.questions[function.__name__] += [partial(each.by, function) for each in told]
            elif module.__name__ == "codegen.diff.change":
                subject.questions[EVERYWHERE] += [partial(each.by, function) for each in told]
        if module is diff:
            subject.questions[EVERYWHERE] += [each.by_all for each in told]
        if module.__name__ == "codegen.diff.render":
            subject.questions[EVERYWHERE] += [each.rendered for each in told if not each.change.rule]
        yield subject


class _Told:
    """What diff tells of a change; of a case of a rule tests hold what all comparisons mark together."""

    def __init__(self, change: Changed) -> None:
        self.change = change
        self._all = diff.diff(change.old, change.new)
        self._findings = compat.compat(change.old, change.new)
        self._broken: dict[tuple[str, ...], set[str]] = {}
        for rule, breakage in compat.breakages(change.old, change.new):
            self._broken.setdefault(breakage.concern, set()).add(rule)
        self._marked = {each: self._marks(each(change.old, change.new)) for each in _FUNCTIONS if change.rule}

    def by(self, function: Compare) -> object:
        """Return what tests hold of it, where one comparison is made anew."""
        found = tuple(_now(function)(self.change.old, self.change.new))
        if self.change.rule:
            return self._marks(found).union(*(each for other, each in self._marked.items() if other is not function))
        return [(each.section, each.name, each.text, sorted(self._marks([each]))) for each in found]

    def by_all(self) -> object:
        """Return what tests hold of it, of diff as a whole."""
        found = diff.diff(self.change.old, self.change.new)
        if self.change.rule:
            return {rule for each in found for rule in each.rules}
        return [(each.section, each.name, each.text, each.rules) for each in found]

    def rendered(self) -> object:
        """Return what people read of it."""
        forms = (vars(sys.modules["codegen.diff.render"])[name] for name in ("text", "markdown"))
        return [form(self._all, self._findings, "before") for form in forms]

    def _marks(self, found: Iterable[Any]) -> frozenset[str]:
        return frozenset(rule for each in found for concern in each.concerns for rule in self._broken.get(concern, ()))


def _modules(package: ModuleType, names: Iterable[str]) -> Iterator[ModuleType]:
    every = (package.__name__, *(f"{package.__name__}.{each.name}" for each in pkgutil.iter_modules(package.__path__)))
    yield from (importlib.import_module(each) for each in every if not names or each.removeprefix("codegen.") in names)


def _now(function: Compare) -> Compare:
    """Return a function as its module has it: lists of functions hold it as it was before a change."""
    changed: Compare = vars(sys.modules[function.__module__])[function.__name__]
    return changed
