"""Contracts that cannot be read: each finding names file, line, rule and what to do, and all come at once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from codegen.build import merge
from codegen.diff import diff
from codegen.document import parse
from codegen.emit import emit
from codegen.findings import ContractError, Finding
from codegen.language.read import read_expression, read_path
from codegen.lint import lint
from codegen.loader import load

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def findings(contracts: Path) -> tuple[Finding, ...]:
    with pytest.raises(ContractError) as caught:
        load(contracts)
    return caught.value.findings


def only(contracts: Path) -> Finding:
    (finding,) = findings(contracts)
    return finding


def test_reads_the_small_contracts(contracts: Path) -> None:
    catalog = load(contracts)
    assert [topic.name for topic in catalog.topics] == [
        "payments.acme.raw",
        "payments.normalized",
        "payments.validation.dlq",
    ]
    assert catalog.providers[0].accepted_event_types == {"paid", "failed"}
    assert catalog.record("payment_event", 1).record.name == "payment_event"
    with pytest.raises(KeyError):
        catalog.record("payment_event", 2)


def test_what_several_readings_share_is_changed_by_none(contracts: Path) -> None:
    files = [file for file in contracts.rglob("*") if file.suffix in {".yaml", ".json", ".avsc"}]
    documents = [parse(file.relative_to(contracts).as_posix(), file.read_text(encoding="utf-8")) for file in files]
    before = [json.dumps(document.data) for document in documents]
    catalog = load(contracts)
    lint(catalog)
    emit(catalog)
    diff(catalog, load(contracts))
    assert parse(documents[0].path, files[0].read_text(encoding="utf-8")) is documents[0], "they are shared"
    assert [json.dumps(document.data) for document in documents] == before


def test_refuses_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert only(tmp_path / "nothing").rule == "folder"


def test_names_the_line_of_broken_yaml(contracts: Path) -> None:
    (contracts / "topics" / "payments.normalized.yaml").write_text("kind: topic\nname: [unclosed\n")
    finding = only(contracts)
    assert (finding.rule, finding.file, finding.line) == ("syntax", "topics/payments.normalized.yaml", 3)
    assert str(finding).startswith("topics/payments.normalized.yaml:3: [syntax] ")


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "duplicate key 'a'"),
        ("[x, y]: 1\n", 1, "a key must be text"),
        ("a: !!python/object:os.system x\n", 1, "is not allowed"),
        ("a: *nobody\n", 1, "this is not YAML"),
    ],
)
def test_refuses_yaml_beyond_json(text: str, line: int, message: str) -> None:
    with pytest.raises(ContractError, match=message) as caught:
        parse("x.yaml", text)
    assert caught.value.findings[0].line == line


def test_keeps_what_looks_like_a_date_or_an_answer_as_text() -> None:
    assert parse("x.yaml", "[2018-11-08, yes, no, 0123, 1.5, -7, true, null, '5']").data == [
        "2018-11-08",
        "yes",
        "no",
        "0123",
        1.5,
        -7,
        True,
        None,
        "5",
    ]


def test_refuses_json_that_is_only_yaml(contracts: Path) -> None:
    (contracts / "avro" / "payment_event" / "v1.avsc").write_text("type: record\n")
    assert findings(contracts)[0].message.startswith("this is not JSON")


def test_refuses_a_file_that_is_not_utf8(contracts: Path) -> None:
    (contracts / "rules" / "identity.yaml").write_bytes(b"kind: \xff")
    assert only(contracts).rule == "syntax"


def test_refuses_files_that_are_not_contracts(contracts: Path) -> None:
    (contracts / "topics" / "notes.txt").write_text("later")
    (contracts / "tables" / "deep").mkdir()
    (contracts / "tables" / "deep" / "x.yaml").write_text("kind: table")
    assert [(each.rule, each.file) for each in findings(contracts)] == [
        ("orphan", "tables/deep/x.yaml"),
        ("orphan", "topics/notes.txt"),
    ]


def test_misses_what_must_be_there(contracts: Path) -> None:
    (contracts / "rules" / "identity.yaml").unlink()
    (contracts / "providers" / "acme" / "mapping.yaml").unlink()
    assert [(each.rule, each.file) for each in findings(contracts)] == [
        ("missing", "providers/acme/mapping.yaml"),
        ("missing", "rules/identity.yaml"),
    ]


def test_reports_everything_that_is_misshapen_at_once(contracts: Path, edit: Callable[[str, str, str], None]) -> None:
    edit("topics/payments.normalized.yaml", "partitions: 4", "partitions: 0")
    edit("topics/payments.normalized.yaml", "owner: payments", "owner: Pay Ments")
    edit("providers/acme/mapping.yaml", "tries: {null_if:", "tries: {guess:")
    found = findings(contracts)
    assert {(each.rule, each.file, each.line) for each in found} == {
        ("shape", "topics/payments.normalized.yaml", 7),
        ("shape", "topics/payments.normalized.yaml", 10),
        ("shape", "providers/acme/mapping.yaml", 28),
    }


def test_refuses_a_broken_openapi_document(contracts: Path, edit: Callable[[str, str, str], None]) -> None:
    edit("openapi/gateway/v1.yaml", "description: The gateway is alive.", "summary: The gateway is alive.")
    edit("providers/acme/payload.openapi.yaml", '#/components/schemas/Parent"}\n    Parent', '#/nowhere"}\n    Parent')
    assert {(each.rule, each.file) for each in findings(contracts)} == {
        ("openapi", "openapi/gateway/v1.yaml"),
        ("openapi", "providers/acme/payload.openapi.yaml"),
    }


def test_refuses_an_example_whose_base_is_missing_or_itself(
    contracts: Path, edit: Callable[[str, str, str], None]
) -> None:
    edit("providers/acme/examples/unsupported.yaml", "base: paid", "base: unsupported")
    edit("providers/acme/examples/rejected.failed.yaml", "base: failed", "base: nobody")
    messages = [each.message for each in findings(contracts)]
    assert messages == ["there is no example 'nobody'", "the example 'unsupported' is its own base"]


def test_a_place_that_is_not_there_has_the_line_of_what_is_around_it() -> None:
    document = parse("topics/t.yaml", "# A comment.\nconsumers:\n  first: 1\n")
    assert document.line("consumers", "second") == 2
    assert document.line("producers", 0) == 1


def test_reads_the_texts_of_json_as_json_does() -> None:
    document = parse("r.avsc", '{"a": "\\ud83d\\ude00 \x7f\x80",\n "b": 1e2}')
    assert document.data == {"a": "😀 \x7f\x80", "b": 100.0}
    assert document.line("b") == 2
    with pytest.raises(ContractError, match="NaN is not valid JSON"):
        parse("r.avsc", '{"a": NaN}')
    with pytest.raises(ContractError, match="half of a surrogate pair"):
        parse("r.avsc", '{"a": "\\ud83d"}')
    assert parse("r.avsc", r'{"a": "\\ud83d"}').data == {"a": r"\ud83d"}


def test_merges_as_rfc_7396_says() -> None:
    base = {"a": "b", "c": {"d": "e", "f": "g"}, "h": [1]}
    assert merge(base, {"a": "z", "c": {"f": None}, "h": {"i": 1}}) == {"a": "z", "c": {"d": "e"}, "h": {"i": 1}}
    assert merge(base, ["c"]) == ["c"]


def test_writes_a_path_as_it_was_read() -> None:
    assert str(read_path("data.object.charges.data[0].id")) == "data.object.charges.data[0].id"


def test_knows_no_expression_beyond_the_language() -> None:
    with pytest.raises(ValueError, match="has no 'guess'"):
        read_expression({"guess": "x"})
