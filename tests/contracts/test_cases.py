"""Each value that a mapping knows, and each limit of a field, becomes the same in both forms of the mapping."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

import payments_contracts.normalize as normalize_package
import pytest
from codegen.language.model import Lookup
from codegen.language.parts import inside
from codegen.loader import load
from payments_contracts import providers

from tests.conftest import ROOT
from tests.contracts.cases import cases
from tests.contracts.equivalence import Pair

if TYPE_CHECKING:
    from codegen.model import Catalog


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load(ROOT / "contracts")


@pytest.fixture(scope="module", params=sorted(providers.PROVIDERS))
def pair(request: pytest.FixtureRequest, catalog: Catalog) -> Pair:
    (provider,) = (each for each in catalog.providers if each.name == request.param)
    return Pair(catalog, provider, normalize_package)


class Watched(dict[str, object]):
    """A table that remembers which of its keys were asked for."""

    def __init__(self, table: dict[str, object]) -> None:
        super().__init__(table)
        self.asked: set[str] = set()

    def __getitem__(self, key: str) -> object:
        self.asked.add(key)
        return super().__getitem__(key)

    def get(self, key: str, default: object = None) -> object:
        self.asked.add(key)
        return super().get(key, default)


@pytest.mark.many
def test_all_cases_become_the_same_in_both(pair: Pair) -> None:
    kinds = {pair.outcome(each.body, each.merchant_id)[0] for each in cases(pair)}
    assert kinds >= {"normalized", "rejected"}


def test_the_cases_use_each_entry_of_each_table(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module(f"payments_contracts.normalize.{pair.provider.name}")
    tables = {name: Watched(table) for name, table in vars(module).items() if name.startswith("_TABLE_")}
    for name, table in tables.items():
        monkeypatch.setattr(module, name, table)
    for each in cases(pair):
        pair.become(each.body, each.merchant_id)
    assert {name: set(table) - table.asked for name, table in tables.items() if set(table) - table.asked} == {}
    looked_up = {
        key
        for group in pair.plan.groups
        for target in group.targets
        for each in inside(target.expression)
        if isinstance(each, Lookup)
        for key in each.table
    }
    assert looked_up <= {key for table in tables.values() for key in table}
