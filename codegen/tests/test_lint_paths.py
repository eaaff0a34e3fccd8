"""The types of paths: through every function of the mapping language, and against examples."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import pytest
import yaml
from codegen.document import parse
from codegen.language.model import Expression, TimeFormat
from codegen.lint import lint
from codegen.loader import load
from codegen.mapping.plan import Kind
from codegen.mapping.types import FIELDS, FUNCTIONS, TIMES
from codegen.model import Payload
from codegen.payload import possible

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MAPPING = "providers/acme/mapping.yaml"
PAYLOAD = "providers/acme/payload.openapi.yaml"
RISK, LIVE, UPPER = "{path: payment.risk}", "{path: payment.live}", "{upper: {path: payment.currency}}"
CONCAT = '{concat: [{path: payment.shop}, {const: /}, {path: "payment.orders[0].number"}]}'
WHEN = "value: payment.live\n          in: [false]"
METADATA, AT = "{rest: {path: payment}}", "{value: {path: at}, format: iso8601}"
METHOD = "- {lower: {null_if: {value: {path: payment.method}, values: [NONE, none]}}}"

# What to replace in the mapping, by what, and all that the rule `type` then says.
CASES = [
    (RISK, "{path: payment.live}", "risk: payment.live is true or false, and the field takes a number"),
    (RISK, "{const: high}", "risk: the constant high is a text, and the field takes a number"),
    (RISK, "{envelope: merchant_id}", "risk: the envelope's merchant_id is a text, and the field takes a number"),
    (RISK, "{lower: {path: payment.channel}}", "risk: payment.channel is a text, and the field takes a number"),
    (LIVE, "{path: payment.tries}", "live: payment.tries is a whole number, and the field takes true or false"),
    (UPPER, "{upper: {path: payment.risk}}", "currency: payment.risk is a number, and `upper` takes a text"),
    (UPPER, "{lower: {path: payment.fee}}", "currency: payment.fee is an object, and `lower` takes a text"),
    (UPPER, "{path: payment.basket}", "currency: payment.basket is a text or an object, and the field takes a text"),
    (UPPER, "{coalesce: [{path: payment.basket.id}, {path: payment.tries}]}",
     "currency: payment.tries is a whole number, and the field takes a text"),
    (CONCAT, "{concat: [{path: payment.shop}, {path: payment.orders}]}",
     "reference: payment.orders is a list, and `concat` takes a text"),
    ("{exponent: {path: payment.currency}}", "{exponent: {path: payment.tries}}",
     "exponent: payment.tries is a whole number, and `exponent` takes a text"),
    ("value: {path: payment.amount}, currency: payment.currency", "value: {path: at}, currency: payment.currency",
     "amount_cents: at is a text, and `money` takes a whole number"),
    ("currency: payment.currency, exponents", "currency: payment.fee, exponents",
     "amount_cents: payment.fee is an object, and `money`, as the currency, takes a text"),
    ("{lookup: {value: {path: payment.channel}", "{lookup: {value: {path: payment.tries}",
     "channel: payment.tries is a whole number, and `lookup` takes a text"),
    ("otherwise: {lower: {path: payment.channel}}", "otherwise: {path: payment.tags}",
     "channel: payment.tags is a list, and the field takes a text"),
    (METHOD, "- {null_if: {value: {path: payment.live}, values: [none]}}",
     "method: payment.live is true or false, and the field takes a text"),
    (AT, "{value: {path: payment.settled}, format: iso8601}",
     "provider_created_at: payment.settled is a whole number, and `time` takes a text"),
    (RISK, "{const: true}", "risk: the constant true is true or false, and the field takes a number"),
    (LIVE, "{lookup: {value: {path: payment.channel}, table: {S: true, W: 0}}}",
     "live: payment.channel is a whole number or true or false, and the field takes true or false"),
    (METHOD, "- {sole: payment.shop}", "method: payment.shop is a text, and `sole` takes a list"),
    (METHOD, "- {sole: payment.orders}",
     "method: payment.orders[0] is an object, and the field takes a text"),
    (RISK, "{sum: {path: payment.orders, value: number}}",
     "risk: payment.orders[0].number is a text, and `sum` takes a whole number"),
    (METHOD, "- {pick: {path: payment.shop, where: {path: kind, in: [gift]}, value: number}}",
     "method: payment.shop is a text, and `pick`, as the list, takes a list"),
    (METHOD, "- {pick: {path: payment.orders, where: {path: kind, in: [gift]}, value: count}}",
     "method: payment.orders[0].count is a whole number, and the field takes a text"),
    (METHOD, "- {after: {value: {path: payment.tries}, text: /}}",
     "method: payment.tries is a whole number, and `after` takes a text"),
    (RISK, "{after: {value: {path: payment.shop}, text: /}}",
     "risk: what follows / in payment.shop is a text, and the field takes a number"),
    (RISK, "{difference: [{path: payment.tries}, {path: payment.risk}]}",
     "risk: payment.risk is a number, and `difference` takes a whole number"),
    (UPPER, "{sign: {value: {path: payment.shop}, negative: A, otherwise: B}}",
     "currency: payment.shop is a text, and `sign` takes a number"),
    (METADATA, "{rest: {path: payment.shop}}", "metadata: payment.shop is a text, and `rest` takes an object"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=[case[2][:40] for case in CASES])
def test_a_path_of_another_type_is_found_at_its_line(
    contracts: Path, edit: Callable[[str, str, str], None], case: tuple[str, str, str]
) -> None:
    old, new, message = case
    edit(MAPPING, old, new)
    found = [each for each in lint(load(contracts)) if each.rule == "type"]
    assert [each.message for each in found] == [message]
    line = (contracts / MAPPING).read_text(encoding="utf-8").splitlines()[found[0].line - 1]
    assert new.split(":")[-1].strip(" {}[]") in line


def test_a_condition_on_an_object_is_found(contracts: Path, edit: Callable[[str, str, str], None]) -> None:
    edit(MAPPING, WHEN, "value: payment.fee\n          in: [x]")
    messages = [each.message for each in lint(load(contracts)) if each.rule == "type"]
    assert messages == ["channel: payment.fee is an object, and `when` takes a text or a number or true or false"]


def test_an_object_that_may_be_its_id_alone_fits_after_its_id(
    contracts: Path, edit: Callable[[str, str, str], None]
) -> None:
    edit(MAPPING, UPPER, "{coalesce: [{path: payment.basket.id}, {path: payment.basket}]}")
    assert [each for each in lint(load(contracts)) if each.rule == "type"] == []


def test_every_function_field_and_format_is_in_the_table() -> None:
    assert set(FUNCTIONS) == set(get_args(Expression))
    assert set(FIELDS) == set(Kind)
    assert set(TIMES) == set(TimeFormat)


@pytest.mark.parametrize(
    ("schema", "types"),
    [
        ("{type: [string, 'null']}", {"string"}),
        ("{type: number}", {"number", "integer"}),
        ("{enum: [a, null]}", {"string"}),
        ("{const: 5}", {"integer"}),
        ("{type: number, enum: [1, 2]}", {"integer"}),
        ("{anyOf: [{type: string}, {$ref: '#/components/schemas/Id'}]}", {"string", "integer"}),
        ("{oneOf: [{type: string}, {type: object}]}", {"string", "object"}),
        ("{allOf: [{type: [string, integer]}, {$ref: '#/components/schemas/Id'}]}", {"integer"}),
        ("{$ref: '#/components/schemas/Self'}", {"string", "integer", "number", "boolean", "object", "array"}),
        ("{}", {"string", "integer", "number", "boolean", "object", "array"}),
    ],
)
def test_a_schema_has_the_types_that_all_of_it_leaves(schema: str, types: set[str]) -> None:
    named = "{Id: {type: integer}, Self: {allOf: [{$ref: '#/components/schemas/Self'}]}}"
    document = parse("payload.openapi.yaml", f"components: {{schemas: {named}}}\n")
    assert possible(Payload(document), yaml.safe_load(schema)) == types


def test_one_wrong_line_of_the_payload_contract_is_one_finding_however_many_examples(
    contracts: Path, edit: Callable[[str, str, str], None]
) -> None:
    paid = (contracts / "providers/acme/examples/paid.yaml").read_text(encoding="utf-8")
    for number in range(3):
        (contracts / f"providers/acme/examples/paid.{number}.yaml").write_text(paid, encoding="utf-8")
    edit(PAYLOAD, "tags: {type: array, description: The shop's words., items: {type: string}}",
         "tags: {type: array, description: The shop's words., items: {type: integer}}")  # fmt: skip
    found, *others = lint(load(contracts))
    assert [str(each) for each in others] == []
    assert (found.rule, found.file) == ("payload", "providers/acme/examples/paid.0.yaml")
    assert found.message.endswith("says PaymentEvent; the same place is wrong in 3 other examples")
