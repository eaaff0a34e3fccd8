"""Files of every wrong sort: one finding for each thing to change, in words, and never a crash."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from codegen.findings import ContractError, Finding
from codegen.lint import RULES
from codegen.loader import READING, load

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TOPIC = "topics/payments.normalized.yaml"
VALIDATION = "rules/validation.yaml"
MAPPING = "providers/acme/mapping.yaml"
PAYLOAD = "providers/acme/payload.openapi.yaml"
META = "meta/topic.schema.json"
EXAMPLE = "kind: example\ndescription: x\noutcome: malformed\nexpected: {reason_codes: [not_json]}\n"


def findings(contracts: Path) -> tuple[Finding, ...]:
    with pytest.raises(ContractError) as caught:
        load(contracts)
    assert {each.rule for each in caught.value.findings} <= READING.keys() | {rule.id for rule in RULES}
    return caught.value.findings


@pytest.mark.parametrize(
    ("text", "rule", "message"),
    [
        ("", "syntax", "the file is empty"),
        ("# to be written\n\n", "syntax", "the file is empty"),
        ("null\n", "shape", "the file must be an object, not null"),
        ("kind: topic\r\nname: x\r\n", "syntax", "the line ends in CR LF"),
        ("\ufeffkind: topic\n", "syntax", "the file begins with a byte order mark (BOM)"),
        ("kind: topic\nname: x\nkind: topic\n", "syntax", "duplicate key 'kind': it is in line 1, too"),
        ("consumers:\n\ta: 1\n", "syntax", "a tab is not valid here"),
        (f"kind: {'x' * (1 << 20)}\n", "syntax", "and a contract has at most 1,048,576"),
        ("- a\n", "shape", 'the file must be an object, not ["a"]'),
        ("kind: topic\n\tname: x\n", "syntax", "a tab is not valid here"),
        ("kind: &a [*a]\n", "syntax", "the alias *a is not allowed"),
        (f"kind: {'[' * 3000}{']' * 3000}\n", "syntax", "nested too deeply"),
        (f"partitions: {'9' * 5000}\n", "syntax", "has more than 64 bits"),
        ("partitions: 18446744073709551616\n", "syntax", "has more than 64 bits"),
        ("partitions: -9223372036854775809\n", "syntax", "has more than 64 bits"),
        ("partitions: 1e999\n", "syntax", "is beyond a double"),
        ("kind: \x00topic\n", "syntax", "the character U+0000 is not valid here"),
        ("kind: topic\n---\nkind: topic\n", "syntax", "another document"),
    ],
)
def test_a_file_that_holds_something_else_is_one_finding(contracts: Path, text: str, rule: str, message: str) -> None:
    (contracts / TOPIC).write_bytes(text.encode())
    (found,) = findings(contracts)
    assert (found.rule, found.file) == (rule, TOPIC)
    assert found.line > 0 or "at most" in message
    assert message in found.message


def test_a_character_that_yaml_does_not_have_is_found_by_line(contracts: Path) -> None:
    (contracts / TOPIC).write_text("kind: topic\nname: a\x01b\n")
    (found,) = findings(contracts)
    assert (found.line, found.column, found.message) == (2, 8, "the character U+0001 is not valid here")


@pytest.mark.parametrize(
    ("moved", "rule", "hint"),
    [
        ("tables/payments.normalized.yaml", "shape", "a file of the kind topic belongs in topics/; if it is of"),
        ("topics/new/payments.normalized.yaml", "orphan", "a file of the kind topic belongs in topics/"),
        ("payments.normalized.yaml", "orphan", "a file of the kind topic belongs in topics/"),
        ("topic/payments.normalized.yaml", "orphan", "a file of the kind topic belongs in topics/"),
        ("topics/payments.normalized.yml", "orphan", "rename it to topics/payments.normalized.yaml"),
        ("topics/payments.normalized.yaml~", "orphan", "a file of the kind topic belongs in topics/"),
    ],
)
def test_a_file_in_the_wrong_folder_is_one_finding_that_names_the_right_one(
    contracts: Path, moved: str, rule: str, hint: str
) -> None:
    (contracts / moved).parent.mkdir(exist_ok=True)
    (contracts / TOPIC).rename(contracts / moved)
    (found,) = findings(contracts)
    assert (found.rule, found.file) == (rule, moved)
    assert found.hint.startswith(hint)


def test_what_others_are_made_from_is_found_wrong_in_its_own_file(contracts: Path) -> None:
    (contracts / "avro/payment_event/v2.yaml").write_text("kind: version\nextends: 1\nfields: []\n")
    file = contracts / "avro/payment_event/v1.avsc"
    file.write_text(file.read_text().replace('"type": "record"', '"type": "recrod"', 1))
    (found,) = findings(contracts)
    assert (found.rule, found.file) == ("avro-type", "avro/payment_event/v1.avsc")
    assert found.message == "the type 'recrod' is not supported (did you mean record?)"


def test_bytes_that_are_not_utf8_are_found_by_line(contracts: Path) -> None:
    (contracts / TOPIC).write_bytes(b"kind: topic\nname: \xff\n")
    (found,) = findings(contracts)
    assert (found.line, found.message) == (2, "this is not UTF-8: the byte 0xff is not valid here")


def test_utf_16_is_named(contracts: Path) -> None:
    (contracts / TOPIC).write_bytes("kind: topic\n".encode("utf-16"))
    (found,) = findings(contracts)
    assert (found.line, found.message) == (1, "this is UTF-16, not UTF-8")


@pytest.mark.parametrize(
    ("folder", "message", "hint"),
    [
        ("elsewhere", "there is no such folder", "name the folder of the contracts"),
        ("contracts/README.md", "this is a file", "name the folder of the contracts"),
        ("empty", "these are not contracts", "did you mean --contracts {root}/contracts?"),
        ("far/away/from/all", "these are not contracts", "name the folder that avro, meta, providers, rules are in"),
        (".", "these are not contracts", "did you mean --contracts {root}/contracts?"),
        ("contracts/topics", "these are not contracts", "did you mean --contracts {root}/contracts?"),
        ("contracts/providers/acme", "these are not contracts", "did you mean --contracts {root}/contracts?"),
        ("tests", "these are not contracts", "did you mean --contracts {root}/contracts?"),
    ],
)
def test_a_wrong_folder_is_one_finding_whatever_is_in_it(contracts: Path, folder: str, message: str, hint: str) -> None:
    root = contracts.parent
    for other in ("empty", "tests/rules", "far/away/from/all"):
        (root / other).mkdir(parents=True)
    (root / "contracts" / "README.md").write_text("Words.\n")
    (found,) = findings(root / folder)
    assert (found.rule, found.hint) == ("folder", hint.format(root=root))
    assert message in found.message


def test_a_file_that_cannot_be_read_is_one_finding_whatever_refers_to_it(contracts: Path) -> None:
    files = sorted(path for path in contracts.rglob("*") if path.is_file() and path.suffix != ".md")
    for file in (path for path in files if path.parent.name != "meta"):
        kept = file.read_bytes()
        file.write_text("kind: [\n", encoding="utf-8")
        found = findings(contracts)
        assert [each.file for each in found] == [file.relative_to(contracts).as_posix()], found
        file.write_bytes(kept)


# File, what to replace, by what, and what is then said.
MISSHAPEN = [
    (TOPIC, "kind: topic\n", "", "the file lacks kind"),
    (TOPIC, "kind: topic", "kind: table", 'kind must be "topic", not "table"'),
    (TOPIC, "partitions: 4", "partitions: 4.0", "partitions must be a whole number, not 4.0"),
    (TOPIC, "partitions: 4", "partitions: 0", "partitions must be at least 1, not be 0"),
    (TOPIC, "partitions: 4", "partition: 4", "partition is not known here (did you mean partitions?)"),
    (TOPIC, "producers: [normalizer]", "producers: [a, a]", "producers has a duplicate entry"),
    (TOPIC, "orchestrator: 1", "Orchestrator: 1", "consumers.Orchestrator is not an allowed name here"),
    (TOPIC, "FULL_TRANSITIVE", "FULL_TRANSITIV", "(did you mean FULL_TRANSITIVE?)"),
    (VALIDATION, "rule: minimum", "rule: minimun", "(did you mean minimum?)"),
    (
        VALIDATION,
        "rule: minimum, value: 1",
        "rule: minimum, value: one",
        "fields.amount_cents[0].value must be a whole",
    ),
    (VALIDATION, "2000-01-01T", "2000-13-01T", "2000-13-01T00:00:00Z is not a time that exists"),
    (VALIDATION, "2000-01-01T", "2200-01-01T", "no instant lies between"),
    (MAPPING, "{upper: {path: payment.currency}}", "{uper: {path: x}}", "(did you mean upper?)"),
    (MAPPING, "{upper: {path: payment.currency}}", "payment.currency", "currency takes one of path, const,"),
    (MAPPING, "{upper: {path: payment.currency}}", "{upper: x, path: y}", "here are path, upper"),
    (MAPPING, "{upper: {path: payment.currency}}", "{upper: {path: a..b}}", "currency.upper.path must match"),
    ("providers/acme/examples/malformed.yaml", "body_text:", "body: {}\nbody_text:", "here are body, body_text"),
    (PAYLOAD, '"#/components/schemas/Parent"', '"#/components/schemas/Nobody"', "there is no #/components/schemas/N"),
    (PAYLOAD, '"#/components/schemas/Parent"', '"file:///etc/passwd"', "leads out of the document"),
    (PAYLOAD, '"#/components/schemas/Parent"', "5", "a reference is a text, not 5"),
    (PAYLOAD, '"#/components/schemas/Parent"', '"#"', "the reference # leads to something that is not a schema"),
    (PAYLOAD, '"#/components/schemas/Parent"', '"#/info/title"', "leads to something that is not a schema"),
    (PAYLOAD, "    Parent:\n", '    Parent: {$ref: "#/components/schemas/Parent"}\n    Old:\n', "back to itself"),
]


@pytest.mark.parametrize("case", MISSHAPEN, ids=[case[3][:40] for case in MISSHAPEN])
def test_a_misshapen_contract_is_found_at_its_line_in_words(
    contracts: Path, edit: Callable[[str, str, str], None], case: tuple[str, str, str, str]
) -> None:
    file, old, new, message = case
    edit(file, old, new)
    found = [each for each in findings(contracts) if message in each.message]
    assert found, findings(contracts)
    assert all(each.file == file and each.line > 0 and each.hint for each in found)


def test_an_example_whose_base_is_broken_is_not_reported_twice(contracts: Path) -> None:
    (contracts / "providers/acme/examples/paid.yaml").write_text("kind: [\n")
    assert [each.file for each in findings(contracts)] == ["providers/acme/examples/paid.yaml"]


def test_a_body_that_is_not_base64_is_found(contracts: Path) -> None:
    (contracts / "providers/acme/examples/b.yaml").write_text(f"{EXAMPLE}body_base64: abcde\n")
    assert "this is not Base64" in findings(contracts)[0].message


@pytest.mark.parametrize(
    ("text", "rule", "message"),
    [
        ("{broken", "syntax", "this is not JSON"),
        ("[]", "meta", "this is not a JSON Schema"),
        ('{"type": "nonsense"}', "meta", "this is not a JSON Schema"),
        ('{"$ref": "#/nowhere"}', "meta", "there is no /nowhere"),
    ],
)
def test_a_meta_schema_that_is_broken_is_reported_once(contracts: Path, text: str, rule: str, message: str) -> None:
    (contracts / META).write_text(text)
    found = [each for each in findings(contracts) if each.rule != "topic"]
    assert {(each.rule, each.file) for each in found} == {(rule, META)}
    assert message in found[0].message


def test_a_meta_schema_that_is_missing_is_reported_once(contracts: Path) -> None:
    (contracts / META).unlink()
    assert [(each.rule, each.file) for each in findings(contracts)] == [("missing", META)]


def test_what_a_lax_meta_schema_lets_through_is_a_finding(contracts: Path) -> None:
    (contracts / "meta" / "identity.schema.json").write_text("{}")
    (contracts / "rules" / "identity.yaml").write_text("kind: identity\n")
    (found,) = findings(contracts)
    assert (found.rule, found.file) == ("meta", "rules/identity.yaml")


def test_links_folders_and_devices_in_the_place_of_files_are_refused(contracts: Path) -> None:
    for number, file in enumerate((TOPIC, MAPPING, "rules/identity.yaml", "topics/loop")):
        path = contracts / file
        path.unlink(missing_ok=True)
        (path.symlink_to, lambda _: path.mkdir(), lambda _: os.mkfifo(path), path.symlink_to)[number]("..")  # noqa: B023 - called at once
    found = {each.file: each.message for each in findings(contracts) if each.rule == "orphan"}
    assert found == {
        TOPIC: "this is a link, contracts are plain files",
        MAPPING: "this is a folder, contracts are plain files",
        "rules/identity.yaml": "this is a device, contracts are plain files",
        "topics/loop": "this is a link, contracts are plain files",
    }


def test_broken_files_are_all_reported_at_once(contracts: Path, edit: Callable[[str, str, str], None]) -> None:
    (contracts / TOPIC).write_text("a: [\n")
    (contracts / "avro/payment_event/v1.avsc").write_text("{")
    edit(VALIDATION, "2000-01-01T", "2000-13-01T")
    edit(PAYLOAD, '"#/components/schemas/Parent"', '"#/nowhere"')
    assert {each.file for each in findings(contracts)} == {TOPIC, "avro/payment_event/v1.avsc", VALIDATION, PAYLOAD}
