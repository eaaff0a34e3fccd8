"""Wherever a payload contract tags personal data, the data stay out of `metadata`."""

from __future__ import annotations

import pytest
import yaml
from codegen.document import parse
from codegen.language.model import Group, Path, Rest
from codegen.model import Payload
from codegen.payload import declared, leaves

TAG = "x-personal-data: true"
PERSON = f"{{type: string, {TAG}}}"
PLAIN = "{type: string}"

# A schema of a property, and what it is part of the metadata as.
KEPT = [
    PLAIN,
    "{type: string, x-personal-data: false}",
    "{type: array, items: {type: string}}",
    "{$ref: '#/components/schemas/Plain'}",
    "{type: string, oneOf: [{pattern: a}, {pattern: b}]}",
    f"{{type: string, $defs: {{Unused: {PERSON}}}}}",
]
LEFT_OUT = [
    PERSON,
    f"{{type: array, items: {PERSON}}}",
    f"{{type: array, items: {PLAIN}, prefixItems: [{PERSON}]}}",
    f"{{type: array, items: {PLAIN}, contains: {PERSON}}}",
    f"{{type: object, additionalProperties: {PERSON}}}",
    f"{{type: object, additionalProperties: {PLAIN}, patternProperties: {{'^mail': {PERSON}}}}}",
    f"{{type: object, additionalProperties: true, patternProperties: {{'^mail': {PERSON}}}}}",
    f"{{type: string, allOf: [{{{TAG}}}]}}",
    f"{{type: string, anyOf: [{{pattern: a}}, {{{TAG}}}]}}",
    f"{{type: string, oneOf: [{{pattern: a}}, {{allOf: [{{{TAG}}}]}}]}}",
    f"{{type: string, if: {{pattern: '@'}}, then: {{{TAG}}}}}",
    "{$ref: '#/components/schemas/Person'}",
    "{type: string, allOf: [{$ref: '#/components/schemas/Person'}]}",
    "{type: array, items: {$ref: '#/components/schemas/Person'}}",
    "{$ref: '#/components/schemas/Person', x-personal-data: false}",
]


@pytest.mark.parametrize("schema", KEPT)
def test_what_nothing_tags_is_kept(schema: str) -> None:
    assert _kept(f"properties: {{value: {schema}}}") == ["value"]


def test_keys_that_nobody_listed_are_left_out() -> None:
    assert _kept("properties: {value: {type: object, additionalProperties: {type: string}}}") == []


@pytest.mark.parametrize("schema", LEFT_OUT)
def test_what_is_tagged_anywhere_is_left_out(schema: str) -> None:
    assert _kept(f"properties: {{value: {schema}}}") == []


@pytest.mark.parametrize(
    "beside",
    [
        f"allOf: [{{properties: {{value: {PERSON}}}}}]",
        f"oneOf: [{{properties: {{other: {PLAIN}}}}}, {{properties: {{value: {PERSON}}}}}]",
        f"patternProperties: {{'^val': {PERSON}}}",
        f"patternProperties: {{'[': {PERSON}}}",
        "allOf: [{$ref: '#/components/schemas/Holder'}]",
    ],
)
def test_a_tag_in_another_schema_of_the_same_property_counts(beside: str) -> None:
    assert _kept(f"properties: {{value: {PLAIN}}}\n{beside}") == []


def test_a_tag_on_further_members_does_not_reach_the_properties_beside_them() -> None:
    assert _kept(f"properties: {{value: {PLAIN}}}\nadditionalProperties: {PERSON}") == ["value"]


def test_an_item_of_a_tagged_list_is_personal() -> None:
    payload = _payload(f"properties: {{mails: {{type: array, items: {PERSON}}}}}")
    found = declared(payload, "Event", Path(("mails", 0)))
    assert found is not None
    assert found.personal


def test_schemas_inside_themselves_have_an_end() -> None:
    value = "{type: array, items: {$ref: '#/components/schemas/Loop'}}"
    assert _kept(f"properties: {{value: {value}, other: {PLAIN}}}") == ["other"]


def _kept(schema: str) -> list[str]:
    group = Group("all", "Event", ("paid",), {})
    return [leaf.key for leaf in leaves(_payload(schema), group, Rest(Path(())))]


def _payload(schema: str) -> Payload:
    schemas = {
        "Event": {"type": "object", **yaml.safe_load(schema)},
        "Plain": {"type": "string"},
        "Person": {"type": "string", "x-personal-data": True},
        "Holder": {"properties": {"value": {"x-personal-data": True}}},
        "Loop": {
            "type": "object",
            "properties": {"inner": {"$ref": "#/components/schemas/Loop"}},
            "anyOf": [{"$ref": "#/components/schemas/Loop"}],
        },
    }
    text = yaml.safe_dump({"components": {"schemas": schemas}}, sort_keys=False)
    return Payload(parse("providers/shop/payload.openapi.yaml", text))
