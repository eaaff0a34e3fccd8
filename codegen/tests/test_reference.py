"""References inside documents: every form of a JSON Pointer, read in one place by all that meet one."""

from __future__ import annotations

import re
from pathlib import Path as File
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
import yaml
from codegen.compat import compat
from codegen.diff import diff
from codegen.document import parse
from codegen.language.read import read_path
from codegen.loader import load
from codegen.model import Payload
from codegen.payload import declared
from codegen.reference import DanglingError, followed, resolved, target, to_schema
from codegen.specification import findings
from hypothesis import given
from hypothesis import strategies as st
from referencing import Registry
from referencing.jsonschema import DRAFT202012

import codegen

if TYPE_CHECKING:
    from codegen.model import Catalog

SOURCES = File(codegen.__file__).parent
PAYLOAD = "providers/acme/payload.openapi.yaml"
API = "openapi/gateway/v1.yaml"
# A name with all that a pointer has to escape, and the ways to write a reference to it.
NAME = "a/b~1c%20d é"
SPELLINGS = ["a~1b~01c%2520d%20%C3%A9", "a~1b~01c%2520d é", "%61%7E1b~01c%2520d%20é"]


def payload(schemas: dict[str, Any]) -> Payload:
    return Payload(parse(PAYLOAD, yaml.safe_dump({"components": {"schemas": schemas}}, allow_unicode=True)))


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_reference_is_followed_however_it_is_escaped(spelling: str) -> None:
    schemas = {NAME: {"type": "string"}, "Event": {"properties": {"x": {"$ref": f"#/components/schemas/{spelling}"}}}}
    assert target({"components": {"schemas": schemas}}, f"#/components/schemas/{spelling}")[0][-1] == NAME
    found = declared(payload(schemas), "Event", read_path("x"))
    assert found is not None
    assert found.schema == {"type": "string"}


def test_a_reference_may_lead_to_an_item_of_a_list_or_to_the_whole_document() -> None:
    document = {"components": [{"x": 1}, {"x": 2}]}
    assert target(document, "#/components/1/x") == (("components", 1, "x"), 2)
    assert target(document, "#") == ((), document)


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("#/schemas/Evnt", r"there is no #/schemas/Evnt \(did you mean Event\?\)"),
        ("#/schemas/Event/01", "there is no #/schemas/Event/01"),
        ("#/list/01", "there is no #/list/01"),
        ("#/list/-", "there is no #/list/-"),
        ("#/list/1", "there is no #/list/1"),
        ("#schemas", "a slash follows the #"),
        ("other.yaml#/x", "leads out of the document"),
        ("#/~2", "a ~ that is not followed by 0 or 1"),
        ("#/%FF", "a percent-encoding that is not UTF-8"),
    ],
)
def test_a_reference_that_leads_nowhere_says_why(reference: str, message: str) -> None:
    with pytest.raises(DanglingError, match=message):
        target({"schemas": {"Event": {}}, "list": [1]}, reference)


def test_references_in_a_circle_are_refused_and_not_followed_for_ever() -> None:
    document = {"a": {"$ref": "#/b"}, "b": {"$ref": "#/a"}}
    with pytest.raises(DanglingError, match="leads back to itself"):
        followed(document, (), document["a"])


def test_what_is_written_beside_a_reference_counts_before_what_it_refers_to() -> None:
    document = {"a": {"type": "string", "description": "Of a."}}
    assert resolved(document, {"$ref": "#/a", "description": "Here."}) == {"type": "string", "description": "Here."}


@given(name=st.text(max_size=8))
def test_any_name_of_a_schema_can_be_referred_to_as_another_library_reads_it(name: str) -> None:
    document = {"components": {"schemas": {name: {"const": name}}}}
    pointer = to_schema(name)
    assert target(document, pointer) == (("components", "schemas", name), {"const": name})
    oracle = Registry().with_resource("urn:x", DRAFT202012.create_resource(document)).resolver("urn:x")
    # The library takes the name that stands in a URI: what JSON holds is text, in which other characters may stand.
    assert oracle.lookup(quote(pointer, safe="#/~%")).contents == {"const": name}


def test_no_reference_takes_the_tag_of_personal_data_away() -> None:
    schemas = {
        "Person": {"type": "string", "x-personal-data": True},
        "Payer": {"$ref": "#/components/schemas/Person", "x-personal-data": False},
        "Event": {"properties": {"payer": {"$ref": "#/components/schemas/Payer"}}},
    }
    found = declared(payload(schemas), "Event", read_path("payer"))
    assert found is not None
    assert found.personal


def test_a_wrong_reference_is_found_at_its_line_with_what_was_probably_meant() -> None:
    text = "openapi: 3.1.0\ninfo: {title: x, version: '1'}\npaths: {}\ncomponents:\n  schemas:\n    Event: {}\n"
    (found,) = findings(parse(PAYLOAD, f"{text}    Other:\n      $ref: '#/components/schemas/Evnt'\n"))
    assert (found.line, found.message) == (8, "there is no #/components/schemas/Evnt (did you mean Event?)")


def test_compat_and_diff_follow_references_into_a_path(contracts: File) -> None:
    """What is behind a reference with a slash in it is compared like what is written in its place."""
    kinds: dict[str, Any] = {"type": "object", "properties": {"a/b c": {"type": "string"}}}
    pointer = "#/paths/~1kinds/post/requestBody/content/application~1json/schema/properties/a~1b%20c"

    def with_apis(kinds: dict[str, Any]) -> Catalog:
        text = yaml.safe_load((contracts / API).read_text(encoding="utf-8"))
        for path, schema in (("/kinds", kinds), ("/notes", {"$ref": pointer})):
            body = {"required": True, "content": {"application/json": {"schema": schema}}}
            answers = {"200": {"description": "Taken."}}
            text["paths"][path] = {"post": {"operationId": path[1:], "requestBody": body, "responses": answers}}
        # A path's item may be elsewhere, too.
        text["components"]["pathItems"] = {"notes": text["paths"]["/notes"]}
        text["paths"]["/notes"] = {"$ref": "#/components/pathItems/notes"}
        (contracts / API).write_text(yaml.safe_dump(text, allow_unicode=True), encoding="utf-8")
        return load(contracts)

    before = with_apis(kinds)
    kinds["properties"]["a/b c"]["maxLength"] = 5
    after = with_apis(kinds)
    narrowed = [each.message for each in compat(before, after) if each.rule == "request-narrowed"]
    assert len(narrowed) == 2
    assert {change.name for change in diff(before, after)} == {
        f"gateway-acme v1 POST /{name}" for name in ("kinds", "notes")
    }


def test_references_are_read_in_one_module() -> None:
    reads = re.compile(r"""["']\$ref["']\s*(\]|\)| in |,)""")
    others = {
        file.relative_to(SOURCES).as_posix() for file in SOURCES.rglob("*.py") if reads.search(file.read_text("utf-8"))
    }
    # The check words what is not text at all; the difference stops where a reference leads to itself.
    assert others == {"reference.py", "specification.py", "diff/apis.py"}
