"""The rules on expressions of the mapping language find what they are for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from codegen.lint import lint
from codegen.loader import load

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MAPPING = "providers/acme/mapping.yaml"
KINDS = "{lookup: {value: {path: kind}, table: {paid: payment.succeeded, failed: payment.failed}}}"
PAID = "{lookup: {value: {path: kind}, table: {paid: payment.succeeded}}}"

# Rule, file to change, what to replace, by what, a part of what is then said.
CASES = [
    (
        "mapping",
        MAPPING,
        "{path: payment.risk}",
        "{when: {value: payment.live, in: [true], then: {lower: {const: null}}, else: {const: null}}}",
        "cannot be inside this expression",
    ),
    (
        "mapping",
        MAPPING,
        "{path: payment.risk}",
        "{money: {value: {path: payment.amount}, currency: payment.currency, exponents: {JPY: 2}}}",
        "an exponent and an amount are whole",
    ),
    (
        "mapping",
        MAPPING,
        KINDS,
        "{when: {value: kind, in: [paid], then: {const: payment.paid}, else: {const: payment.failed}}}",
        "'payment.paid' is not an allowed value",
    ),
    (
        "lookup",
        MAPPING,
        KINDS,
        f"{{when: {{value: kind, in: [paid], then: {KINDS}, else: {{const: payment.failed}}}}}}",
        "'failed' is not a value that can be looked up",
    ),
    (
        "lookup",
        MAPPING,
        KINDS,
        f"{{when: {{value: kind, in: [held], then: {{const: payment.failed}}, else: {PAID}}}}}",
        "does not know 'failed'",
    ),
    ("condition", MAPPING, "in: [false]", "in: [maybe]", "'maybe' is not a value that payment.live can have"),
    ("condition", MAPPING, "value: payment.live", "value: payment.method", "False is not a value that payment.method"),
    (
        "condition",
        MAPPING,
        "value: payment.live\n          in: [false]",
        "value: payment.method_code\n          in: [C, X]",
        "'X' is not a value that payment.method_code can have",
    ),
    ("condition", MAPPING, "in: [false]", "in: [0]", "0 is not a value that payment.live can have"),
    (
        "condition",
        MAPPING,
        "tries: {null_if: {value: {path: payment.tries}, values: [0, none]}}",
        "tries: {sum: {path: payment.orders, value: count, where: {path: kind, in: [gift, goods]}}}",
        "'goods' is not a value that payment.orders[0].kind can have",
    ),
    (
        "condition",
        MAPPING,
        "tries: {null_if: {value: {path: payment.tries}, values: [0, none]}}",
        "tries: {pick: {path: payment.orders, value: count, where: {path: kind, in: [goods]}}}",
        "'goods' is not a value that payment.orders[0].kind can have",
    ),
    (
        "mapping",
        MAPPING,
        "{path: payment.risk}",
        "{after: {value: {exponent: {path: payment.currency}}, text: /}}",
        "cannot be inside this expression",
    ),
    (
        "mapping",
        MAPPING,
        "{path: payment.risk}",
        "{coalesce: [{path: payment.risk}, {const: null}]}",
        "cannot be inside this expression",
    ),
    (
        "mapping",
        MAPPING,
        KINDS,
        "{sign: {value: {path: payment.amount}, negative: payment.refunded, otherwise: payment.succeeded}}",
        "'payment.refunded' is not an allowed value",
    ),
    ("mapping", MAPPING, "{path: payment.risk}", "{envelope: received_at}", "a time and `time` belong together"),
    ("exponent", MAPPING, "{JPY: 2, KWD: 2}", "{JPY: 2, KWD: 3}", "KWD has the exponent 3 in ISO 4217, too"),
    ("exponent", MAPPING, "{JPY: 2, KWD: 2}", "{JPY: 2, KWX: 2}", "KWX is not a currency of ISO 4217"),
    (
        "lookup",
        MAPPING,
        "{paid: payment.succeeded, failed: payment.failed}",
        "{paid: payment.succeeded}",
        "does not know 'failed'",
    ),
    ("lookup", MAPPING, "{C: card, B: bank}", "{C: card}", "does not know 'B'"),
    (
        "lookup",
        MAPPING,
        "{C: card, B: bank}",
        "{C: card, B: bank, X: cash}",
        "'X' is not a value that can be looked up",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=[f"{case[0]}-{case[4][:30]}" for case in CASES])
def test_a_rule_finds_what_it_is_for(
    contracts: Path, edit: Callable[[str, str, str], None], case: tuple[str, str, str, str, str]
) -> None:
    rule, file, old, new, message = case
    edit(file, old, new)
    found = [finding for finding in lint(load(contracts)) if finding.rule == rule]
    assert any(message in finding.message for finding in found), found
    assert all(finding.line > 0 and finding.hint for finding in found)


def test_every_rule_on_expressions_has_a_case() -> None:
    assert {case[0] for case in CASES} == {"mapping", "lookup", "condition", "exponent"}
