"""Rules on what targets cannot follow: names, texts, defaults, columns of tables, schemas of APIs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from codegen.lint import lint
from codegen.loader import load

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

API = "openapi/gateway/v1.yaml"
DERIVED = "derived/silver.payments.yaml"
TABLE = "tables/bronze.payments.yaml"
EVENT = "avro/payment_event/v1.avsc"
STORED = "avro/stored_payment/v1.avsc"

# Rule, file to change, what to replace, by what, a part of what is then said.
CASES = [
    (
        "name",
        STORED,
        '"name": "advice",\n     "doc"',
        '"name": "Advice",\n     "doc"',
        "the record Advice is not in snake",
    ),
    ("name", EVENT, '"name": "method"', '"name": "order"', "order is a word of Trino's SQL"),
    ("name", EVENT, '"name": "method"', '"name": "class"', "class is a word of Python"),
    ("name", EVENT, '"name": "method"', '"name": "json"', "json is a word of Pydantic's models"),
    ("name", EVENT, '"name": "method"', '"name": "str"', "str is a word of Python's types"),
    ("table", TABLE, "key: [event_id]", "key: [flags]", "the key 'flags' is not a single value"),
    (
        "table",
        TABLE,
        "{field: amount_cents, transform: identity}",
        "{field: flags, transform: identity}",
        "not a single",
    ),
    ("table", TABLE, "  field: stored_at", "  field: event_id", "freshness needs a timestamp"),
    ("text", EVENT, '"doc": "How it was paid."', '"doc": "How {{ it }} was paid."', "the doc of method has a template"),
    ("text", EVENT, '"doc": "A unified event."', '"doc": "A {% unified event."', "the doc of payment_event has a"),
    ("text", EVENT, '"payment.failed"', '"payment.fai\'led"', "of event_type has a quote"),
    ("text", TABLE, "One row for each payment.", "'One {# row.'", "the description of bronze.payments has"),
    ("text", DERIVED, "doc: The day of storing", "doc: The {{ day }} of storing", "the doc of day has a template's"),
    ("api", API, '{type: [string, "null"], des', "{type: string, format: hostname, des", "check the format hostname"),
    ("api", API, '{type: [string, "null"], des', "{type: array, items: {not: {type: string}}, des", "do not check not"),
]


@pytest.mark.parametrize("case", CASES, ids=[f"{case[0]}-{case[4][:30]}" for case in CASES])
def test_a_rule_finds_what_a_target_could_not_follow(
    contracts: Path, edit: Callable[[str, str, str], None], case: tuple[str, str, str, str, str]
) -> None:
    rule, file, old, new, message = case
    edit(file, old, new)
    found = [finding for finding in lint(load(contracts)) if finding.rule == rule]
    assert any(message in finding.message for finding in found), found
    assert all(finding.line > 0 and finding.hint for finding in found)


def second_version(contracts: Path, old: str, new: str) -> None:
    """Write a second version of the table's record, and let the table hold it."""
    text = (contracts / STORED).read_text()
    assert old in text
    (contracts / STORED).with_name("v2.avsc").write_text(text.replace(old, new, 1))
    table = contracts / TABLE
    table.write_text(table.read_text().replace("version: 1", "version: 2"))


def test_a_table_takes_a_new_column_that_may_be_null(contracts: Path) -> None:
    field = '"name": "shop", "type": ["null", "string"], "doc": "Where.", "default": null}, {'
    second_version(contracts, '"name": "stored_at",', field + '"name": "stored_at",')
    assert lint(load(contracts)) == ()


def test_a_record_keeps_its_namespace(contracts: Path) -> None:
    second_version(contracts, '"namespace": "shop"', '"namespace": "store"')
    (finding,) = lint(load(contracts))
    assert (finding.rule, finding.line) == ("name", 4)
    assert "'store' here and 'shop' in v1" in finding.message
