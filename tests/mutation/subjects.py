"""What is changed, and what the tests know of it: questions, each with the answer that they hold it to."""

from __future__ import annotations

import importlib
import shutil
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import payments_contracts.normalize as normalize_package
from codegen.findings import ContractError
from codegen.loader import load

from codegen import emit, lint
from tests.conftest import ROOT
from tests.contracts.cases import cases
from tests.contracts.equivalence import Pair, compiled, interpreted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from codegen.model import Catalog, Provider

    from tests.mutation.mutants import Mutant

EVERYWHERE = ""


@dataclass
class Subject:
    """A module, and the questions that its tests ask, by the function that answers; those of `EVERYWHERE` of all.

    An answer is taken from the module as it is, which the tests hold against what they expect.
    """

    name: str
    module: ModuleType
    questions: defaultdict[str, list[Callable[[], object]]] = field(default_factory=lambda: defaultdict(list))
    _answers: dict[str, list[object]] = field(default_factory=dict)

    def ask(self, mutant: Mutant) -> Iterator[tuple[Callable[[], object], object]]:
        """Yield each question that a mutant may change the answer of, with the answer that is due."""
        known = self.questions.keys() - {EVERYWHERE}
        names = mutant.functions if mutant.functions and mutant.functions <= known else known
        for name in (*sorted(names), EVERYWHERE):
            if name not in self._answers:
                self._answers[name] = [each() for each in self.questions[name]]
            yield from zip(self.questions[name], self._answers[name], strict=True)

    def learn(self) -> None:
        """Get all answers, of the module as it is."""
        for name, asked in self.questions.items():
            self._answers[name] = [each() for each in asked]


def mappings(names: Iterable[str], *, examples_alone: bool) -> Iterator[Subject]:
    """Yield each provider's compiled mapping; its tests know its examples and the cases that are made from it."""
    catalog = load(ROOT / "contracts")
    for provider in catalog.providers:
        if names and provider.name not in names:
            continue
        module = importlib.import_module(f"payments_contracts.normalize.{provider.name}")
        subject = Subject(provider.name, module)
        direct = ModuleType("direct")
        vars(direct).update(vars(normalize_package), normalize=_called(module))
        for function, body, merchant_id, found in _bodies(catalog, provider, examples_alone=examples_alone):
            question = _bind(compiled, direct, provider.name, body, merchant_id, found)
            subject.questions[function].append(question)
        yield subject


def _called(module: ModuleType) -> Callable[..., object]:
    def normalize(_: str, *found: object) -> object:
        # The groups are in a table that holds the functions themselves.
        groups = vars(module)["_GROUPS"]
        groups.update({event: vars(module)[each.__name__] for event, each in groups.items()})
        answer: object = module.normalize(*found)
        return answer

    return normalize


def _bodies(
    catalog: Catalog, provider: Provider, *, examples_alone: bool
) -> Iterator[tuple[str, bytes, str, tuple[Any, ...]]]:
    pair = Pair(catalog, provider, normalize_package)
    group_of = {event: f"_{group.name}" for group in pair.plan.groups for event in group.events}
    for each in pair.examples:
        found = pair.found(each.body, each.headers)
        yield group_of.get(str(each.event_type), EVERYWHERE), each.body, each.merchant_id, found
    for case in () if examples_alone else cases(pair):
        yield group_of[case.event_type], case.body, case.merchant_id, pair.found(case.body, pair.headers)


def interpreter(names: Iterable[str]) -> Iterator[Subject]:
    """Yield the modules of the interpreter of mappings, which the cases of all providers are held against."""
    catalog = load(ROOT / "contracts")
    questions: list[Callable[[], object]] = []
    for provider in catalog.providers:
        plan = Pair(catalog, provider, normalize_package).plan
        every = list(_bodies(catalog, provider, examples_alone=False))
        for _, body, merchant_id, found in every[:: max(1, len(every) // 1500)]:
            questions.append(_bind(interpreted, plan, body, merchant_id, found))
    for name in ("evaluate", "values", "checks"):
        if not names or name in names:
            subject = Subject(name, importlib.import_module(f"codegen.mapping.{name}"))
            subject.questions[EVERYWHERE] = questions
            yield subject


def rules(names: Iterable[str]) -> Iterator[Subject]:
    """Yield the modules of lint, with the cases below codegen/tests/rules, those of a rule first."""
    states = list(_states())
    of_module: defaultdict[str, list[lint.LintRule]] = defaultdict(list)
    for rule in lint.RULES:
        of_module[rule.check.__module__].append(rule)
    for name, found in of_module.items():
        if names and name.removeprefix("codegen.") not in names:
            continue
        module = importlib.import_module(name)
        subject = Subject(name.removeprefix("codegen."), module)
        for rule in found:
            # A rule is asked where what it needs is right, as lint asks it.
            asked = [state for state in states if not rule.needs & state[2]]
            for _, catalog, _ in sorted(asked, key=lambda state, rule=rule: state[0] != rule.id):  # type: ignore[misc]
                subject.questions[rule.check.__name__].append(_bind(_linted, module, rule.check.__name__, catalog))
        yield subject


def _linted(module: ModuleType, name: str, catalog: Catalog) -> object:
    return sorted({(each.file, each.line, each.rule, each.message) for each in getattr(module, name)(catalog)})


def _states() -> Iterator[tuple[str, Catalog, frozenset[str]]]:
    """Yield the rule of each case with its contracts, and the rules that lint finds broken."""
    with tempfile.TemporaryDirectory() as scratch:
        for number, case in enumerate(codegen_tests("rule_cases").cases()):
            try:
                catalog = case.new(Path(scratch) / str(number))
            except ContractError:
                continue
            yield case.rule, catalog, frozenset(finding.rule for finding in lint.lint(catalog))


def codegen_tests(name: str) -> ModuleType:
    """Return a module of codegen's tests, whose folder is a package to pytest alone."""
    package = sys.modules.setdefault("codegen_tests", ModuleType("codegen_tests"))
    package.__path__ = [str(ROOT / "codegen" / "tests")]
    return importlib.import_module(f"codegen_tests.{name}")


def emitters(names: Iterable[str]) -> Iterator[Subject]:
    """Yield the modules of the emitters, with the project's contracts and the golden ones of codegen's tests."""
    golden = ROOT / "codegen" / "tests" / "golden"
    catalogs = [load(ROOT / "contracts")]
    with tempfile.TemporaryDirectory() as scratch:
        for case in sorted(golden.iterdir()):
            target = Path(scratch) / case.name
            shutil.copytree(ROOT / "contracts" / "meta", target / "meta")
            for overlay in dict.fromkeys(("acme", case.name)):
                shutil.copytree(golden / overlay / "contracts", target, dirs_exist_ok=True)
            catalogs.append(load(target))
    for emitter in emit.EMITTERS:
        name = emitter.__module__.removeprefix("codegen.")
        if not names or name in names:
            module = importlib.import_module(emitter.__module__)
            subject = Subject(name, module)
            subject.questions[EVERYWHERE] = [_bind(_emitted, module, catalog) for catalog in catalogs]
            yield subject


def _emitted(module: ModuleType, catalog: Catalog) -> object:
    return [(file.path, file.content) for file in module.emit(catalog)]


def _bind(function: Callable[..., object], *arguments: object) -> Callable[[], object]:
    return lambda: function(*arguments)
