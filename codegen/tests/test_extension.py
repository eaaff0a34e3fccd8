"""Record versions that are made from others are the schemas that would be written out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from codegen.loader import load

from .rule_cases import base_contracts

if TYPE_CHECKING:
    from pathlib import Path

    from codegen.model import Catalog


@pytest.fixture
def contracts(tmp_path: Path) -> Path:
    return base_contracts(tmp_path / "contracts")


def optional(name: str, **more: object) -> dict[str, Any]:
    return {"name": name, "type": ["null", "string"], "doc": f"The {name}.", "default": None, **more}


def write(contracts: Path, file: str, **data: object) -> None:
    target = contracts / "avro" / file
    target.parent.mkdir(exist_ok=True)
    target.write_text(yaml.safe_dump(data, sort_keys=False))


def names(catalog: Catalog, record: str, version: int) -> list[str]:
    return [field.name for field in catalog.record(record, version).record.fields]


def test_a_version_has_the_fields_of_the_one_before_and_its_own_after_them(contracts: Path) -> None:
    write(contracts, "notice/v2.yaml", kind="version", extends=1, fields=[optional("shelf")])
    catalog = load(contracts)
    assert names(catalog, "notice", 2) == [*names(catalog, "notice", 1), "shelf"]
    written = json.loads((contracts / "avro/notice/v1.avsc").read_text())
    written["fields"].append(optional("shelf"))
    assert catalog.record("notice", 2).schema == json.dumps(written, separators=(",", ":"), ensure_ascii=False)


def test_a_version_may_say_more_of_a_field_where_it_is(contracts: Path) -> None:
    wider = {"name": "event_type", "type": "string", "doc": "What happened.", "allowed_values": ["paid", "lost"]}
    write(contracts, "notice/v2.yaml", kind="version", extends=1, replace=[wider], fields=[])
    catalog = load(contracts)
    assert names(catalog, "notice", 2) == names(catalog, "notice", 1)
    assert catalog.record("notice", 2).record.fields[2].allowed == ("paid", "lost")


def test_a_version_may_be_made_from_one_that_is_made_from_another(contracts: Path) -> None:
    write(contracts, "notice/v2.yaml", kind="version", extends=1, fields=[optional("shelf")])
    write(contracts, "notice/v3.yaml", kind="version", extends=2, fields=[optional("row")])
    assert names(load(contracts), "notice", 3)[-2:] == ["shelf", "row"]


def test_what_is_wrong_with_a_field_is_reported_at_its_line(contracts: Path) -> None:
    write(contracts, "notice/v2.yaml", kind="version", extends=1, fields=[optional("shelf")])
    field = load(contracts).record("notice", 2).record.fields[-1]
    source = load(contracts).record("notice", 2).source
    line = (contracts / "avro/notice/v2.yaml").read_text().splitlines().index("- name: shelf") + 1
    assert source.line(*field.place) == line
    assert source.line("fields", 0, "name") == 2, "a field of the earlier version is told where that is named"


def test_an_extension_has_a_version_for_each_of_the_other_records(contracts: Path) -> None:
    write(contracts, "payment/v2.yaml", kind="version", extends=1, fields=[optional("shelf")])
    own = [optional("score"), optional("schema_version"), optional("reason", since=2)]
    write(contracts, "receipt/extension.yaml", kind="extension", extends="payment", doc="A row.", fields=own)
    catalog = load(contracts)
    theirs = [name for name in names(catalog, "payment", 1) if name != "schema_version"]
    assert names(catalog, "receipt", 1) == [*theirs, "score", "schema_version"]
    assert names(catalog, "receipt", 2) == [*theirs, "score", "schema_version", "shelf", "reason"]
    assert [each.base for each in catalog.records["receipt"]] == [("payment", 1), ("payment", 2)]
    assert "since" not in catalog.record("receipt", 2).schema


def test_an_own_field_may_say_more_from_a_later_version_on(contracts: Path) -> None:
    write(contracts, "payment/v2.yaml", kind="version", extends=1, fields=[optional("shelf")])
    own = [optional("score"), optional("reason"), optional("score", since=2) | {"doc": "Another."}]
    write(contracts, "receipt/extension.yaml", kind="extension", extends="payment", doc="A row.", fields=own)
    first, second = load(contracts).records["receipt"]
    assert [field.doc for field in first.record.fields if field.name == "score"] == ["The score."]
    assert [field.doc for field in second.record.fields if field.name == "score"] == ["Another."]
    assert [field.name for field in second.record.fields][-3:] == ["score", "reason", "shelf"]


def test_an_extension_may_get_a_field_of_its_own_without_a_version_of_the_other(contracts: Path) -> None:
    own = [optional("score"), optional("reason", since=2)]
    write(contracts, "receipt/extension.yaml", kind="extension", extends="payment", again=[1], doc="A row.", fields=own)
    write(contracts, "payment/v2.yaml", kind="version", extends=1, fields=[optional("shelf")])
    versions = load(contracts).records["receipt"]
    assert [each.base for each in versions] == [("payment", 1), ("payment", 1), ("payment", 2)]
    assert [field.name for field in versions[2].record.fields][-3:] == ["score", "reason", "shelf"]


def test_a_table_that_follows_a_topic_holds_what_goes_with_the_topics_version(contracts: Path) -> None:
    write(contracts, "payment/v2.yaml", kind="version", extends=1, fields=[optional("shelf")])
    write(contracts, "payment/v3.yaml", kind="version", extends=2, fields=[optional("draft")])
    write(
        contracts, "receipt/extension.yaml", kind="extension", extends="payment", doc="A row.", fields=[optional("why")]
    )
    change(contracts / "topics/shop.payments.yaml", "version: 1", "version: 2")
    change(contracts / "tables/bronze.payments.yaml", "record: stored\nversion: 1", FOLLOWS.format(record="receipt"))
    change(contracts / "database/payments.yaml", "record: stored\nversion: 1", FOLLOWS.format(record="payment"))
    change(contracts / "providers/shop/mapping.yaml", "version: 1\n", "")
    catalog = load(contracts)
    assert (catalog.tables[0].version, catalog.database[0].version) == (2, 2)
    assert catalog.providers[0].mapping.version == 2


FOLLOWS = "record: {record}\nfollows: shop.payments"


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
