"""No key of a contract is forgotten: each is in a row of docs/contract-keys.md, and what a row says is so.

contract_keys.txt holds what diff tells of a change of each; UPDATE_GOLDEN=1 accepts other words.
"""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from codegen.compat import RULES as COMPAT_RULES
from codegen.diff import diff, text
from codegen.diff.change import Section
from codegen.lint import RULES as LINT_RULES
from codegen.loader import load

from .accepted import accepted, held
from .contract_values import OTHERWISE
from .meta_keys import keys
from .rule_cases import ROOT, TESTS, base_contracts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from codegen.model import Catalog

WORDS = TESTS / "contract_keys.txt"
PAGE = ROOT / "docs" / "contract-keys.md"
COMPAT = {rule.id for rule in COMPAT_RULES}
LINT = {rule.id for rule in LINT_RULES}


@dataclass(frozen=True)
class Row:
    """A row of the page: a key, or with `/**` all below it, and what watches over it."""

    kind: str
    key: str
    compat: str
    diff: str

    @property
    def name(self) -> str:
        return f"{self.kind} {self.key}"

    def takes(self, key: str) -> bool:
        if not self.key.endswith("/**"):
            return key == self.key
        root = self.key.removesuffix("/**")
        return not root or key == root or key.startswith((f"{root}.", f"{root}["))


@cache
def rows() -> tuple[Row, ...]:
    found: list[Row] = []
    kind = ""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        kind = line.removeprefix("## ") if line.startswith("## ") else kind
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if kind and line.startswith("| `"):
            assert len(cells) == 3, line
            found.append(Row(kind, cells[0].strip("`"), *cells[1:]))
    return tuple(found)


def test_every_key_of_every_meta_schema_is_in_one_row() -> None:
    known = [(kind, key) for kind, names in keys(ROOT / "contracts" / "meta").items() for key in sorted(names)]
    takers = {each: [row.key for row in rows() if row.kind == each[0] and row.takes(each[1])] for each in known}
    assert {each: found for each, found in takers.items() if len(found) != 1} == {}


def test_no_row_is_about_a_key_that_is_gone() -> None:
    known = keys(ROOT / "contracts" / "meta")
    assert [row for row in rows() if not any(row.takes(key) for key in known.get(row.kind, ()))] == []


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.name)
def test_a_row_names_rules_that_exist_or_says_why_there_is_none(row: Row) -> None:
    named = set(re.findall(r"`([a-z-]+)`", row.compat.partition("free:")[0]))
    assert named <= COMPAT
    assert bool(named) or row.compat.startswith("free: ")
    assert set(re.findall(r"lint `([a-z-]+)`", row.compat)) <= LINT
    assert row.diff in {section.value for section in Section} or row.diff.startswith("none: ")


def test_every_rule_of_compat_on_a_kind_with_a_meta_schema_is_in_a_row_or_above() -> None:
    text = PAGE.read_text(encoding="utf-8")
    said = set(re.findall(r"`([a-z-]+)`", text)) | {
        rule for rule in COMPAT for stem in re.findall(r"`([a-z]+-)\*`", text) if rule.startswith(stem)
    }
    assert COMPAT - said == {"record-removed"}


FAMILIES = """
kind: families
record: payment
identity: event_id
order: [[happened_at, processed_at], [processed_at]]
families:
  paid: {description: Paid., role: payment, belongs_to: [note], statuses: [done, over], amounts: [amount_cents]}
  refused: {description: Not paid., role: none, belongs_to: [note], statuses: [done], amounts: [amount_cents]}
"""
STAGING = "staging: {name: stg_payments, description: A view., columns: {}}\n"
FILES = {
    "topic": "topics/shop.payments.yaml",
    "table": "tables/bronze.payments.yaml",
    "derived": "derived/silver.payments.yaml",
    "database": "database/payments.yaml",
    "provider": "providers/shop/provider.yaml",
    "mapping": "providers/shop/mapping.yaml",
    "rules": "rules/validation.yaml",
    "identity": "rules/identity.yaml",
    "families": "families.yaml",
    "retry": "rules/retry.yaml",
    "business": "rules/business.yaml",
    "reference": "reference/iso4217.yaml",
    "services": "services.yaml",
    "file": "files/receipts.yaml",
}
FILE = """
kind: file
name: receipts
description: What was sold, a line for each sale.
record: payment
version: 1
format: json_lines
owner: payments
writer: orchestrator
readers: [operations]
"""
# What stands for the file's place, and is another file when it is another name.
PLACES = {(kind, "name") for kind in ("topic", "table", "derived", "database", "provider", "file")}


def shown() -> list[Row]:
    """Return the rows of single keys whose changes are told."""
    return [
        row
        for row in rows()
        if row.kind in FILES and not row.diff.startswith("none: ") and (row.kind, row.key) not in PLACES
    ]


def with_every_key(target: Path) -> Path:
    """Copy the base contracts to a folder, with a second version of each record to move to, and more of the keys."""
    root = base_contracts(target)
    for file in root.glob("avro/*/v1.avsc"):
        file.with_name("v2.avsc").write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    (root / "files").mkdir()
    (root / FILES["file"]).write_text(FILE)
    later = root / "rules" / "validation.yaml"
    dated = (
        "dated_by: happened_at, undated_families: [paid], blank: {value: XXX, families: [paid], amount: amount_cents}"
    )
    later.write_text(
        later.read_text(encoding="utf-8")
        + f"  note:\n    - {{rule: reference, value: iso4217, code: currency_unknown, {dated}}}\n"
    )
    added = "texts: {max_characters: 99, code: type_invalid}\n"
    added += "later_reason_codes: {row_large: The row is large.}\nretired_reason_codes: {row_long: The row is long.}\n"
    later.write_text(later.read_text(encoding="utf-8") + added)
    provider = root / FILES["provider"]
    provider.write_text(provider.read_text(encoding="utf-8") + "currencies: {QQQ: {exponent: 2}}\n")
    permitted = root / FILES["services"]
    stores = '      database: ["*"]\n'
    changes = "    changes: {updates: [payments], erases: [payments]}\n"
    permitted.write_text(permitted.read_text(encoding="utf-8").replace(stores, stores + changes))
    listed = root / FILES["reference"]
    gone = 'currencies:\n  DEM: {exponent: 2, name: Deutsche Mark, withdrawn: "2002-03", successors: [EUR, JPY]}\n'
    listed.write_text(listed.read_text(encoding="utf-8").replace("currencies:\n", gone))
    table = root / FILES["table"]
    table.write_text(
        table.read_text(encoding="utf-8").replace("{}", "{write.parquet.compression-codec: zstd}") + STAGING
    )
    (root / FILES["families"]).write_text(FAMILIES, encoding="utf-8")
    payload = root / "providers" / "shop" / "payload.openapi.yaml"
    payload.write_text(payload.read_text(encoding="utf-8") + '    Other: {$ref: "#/components/schemas/Event"}\n')
    notices = (root / "topics" / "shop.notices.yaml").read_text(encoding="utf-8")
    stored = notices.replace("shop.notices", "shop.stored").replace("record: notice", "record: stored")
    (root / "topics" / "shop.stored.yaml").write_text(stored, encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_every_key(tmp_path_factory.mktemp("keys") / "contracts")


@pytest.fixture(scope="module")
def before(folder: Path) -> Catalog:
    return load(folder)


@pytest.mark.parametrize("row", shown(), ids=lambda row: row.name)
def test_diff_tells_a_change_of_the_key(row: Row, folder: Path, before: Catalog) -> None:
    changes = diff(before, after(row, folder))
    assert row.diff in {change.section.value for change in changes}
    said = text(changes, (), "before")
    assert said == held(WORDS, row.name, said, [each.name for each in shown()])


def test_nothing_is_accepted_of_a_key_that_is_not_there() -> None:
    assert list(accepted(WORDS)) == [row.name for row in shown()]


def after(row: Row, folder: Path) -> Catalog:
    """Return the contracts of a folder as they are with another value of a key; the folder stays as it is."""
    file = folder / FILES[row.kind]
    text = file.read_text(encoding="utf-8")
    try:
        file.write_text(yaml.safe_dump(changed(row, yaml.safe_load(text)), sort_keys=False), encoding="utf-8")
        return load(folder)
    finally:
        file.write_text(text, encoding="utf-8")


def changed(row: Row, data: dict[str, Any]) -> dict[str, Any]:
    """Return a file's data in which the first value of a key is another one, or the key is new."""
    data = deepcopy(data)
    steps = re.findall(r"\[\]|[^.\[\]]+", row.key.removesuffix("/**"))
    otherwise = OTHERWISE.get((row.kind, row.key.removesuffix("/**")))
    holders = list(_holders(data, steps[:-1], otherwise is not None and steps[-1] != "*"))
    holder = next((each for each in holders if steps[-1] in each), holders[0])
    last = next(iter(holder)) if steps[-1] == "*" else steps[-1]
    value = holder.get(last)
    new = _another(value) if otherwise is None else otherwise(value) if callable(otherwise) else otherwise
    holder[last] = new
    if last in {"version", "follows"}:
        holder.pop({"version": "follows", "follows": "version"}[last], None)
    assert new != value
    return data


def _holders(data: Any, steps: list[str], absent: bool) -> Iterator[dict[str, Any]]:  # noqa: FBT001 - a step of a walk
    """Yield what holds the last of the steps; every name takes its turn where a step is any name."""
    if not steps:
        if isinstance(data, dict) and (data or absent):
            yield data
        return
    step, *rest = steps
    if step == "[]":
        for each in data:
            yield from _holders(each, rest, absent)
    elif step == "*":
        for each in data.values():
            yield from _holders(each, rest, absent)
    elif step in data:
        yield from _holders(data[step], rest, absent)


def _another(value: Any) -> Any:
    """Return a value of the same shape that is not this one."""
    match value:
        case None:
            return "another"
        case int():
            return value + 1
        case str():
            return value[:-1] + ("2" if value[-1] != "2" else "3")
        case [*kept, last]:
            return kept if kept and isinstance(last, dict) else [*kept, _another(last)]
        case dict():
            last = list(value)[-1]
            return {**value, last: _another(value[last])}
    raise AssertionError(value)
