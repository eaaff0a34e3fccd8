"""One optional field more in the unified event: the edits that it takes, in a copy of the contracts."""

from __future__ import annotations

import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FIELD = "statement_suffix"
PAYLOAD_PATH = "data.object.statement_descriptor_suffix"
"""Where Stripe has it: no example of a payment intent sends it, and it went to `metadata` until now."""

VERSION = f"""\
kind: version
extends: 2
fields:
  - name: {FIELD}
    type: ["null", string]
    doc: "What the payer's statement says after the merchant's own text."
    default: null
"""


def copied(target: Path) -> Path:
    """Copy the contracts to a folder and return it."""
    return Path(shutil.copytree(ROOT / "contracts", target))


def add_field(contracts: Path) -> None:
    """Make the edits: what the field is, which version is on the topic, and where one provider has it."""
    (contracts / "avro/payment_event/v3.yaml").write_text(VERSION)
    topic = contracts / "topics/payments.normalized.yaml"
    topic.write_text(topic.read_text().replace("version: 2\n", "version: 3\n").replace(": 2\n", ": 3\n"))
    mapping = contracts / "providers/stripe/mapping.yaml"
    text = mapping.read_text()
    head, *groups = text.split("      related_payment_id:")
    for index, group in enumerate(groups):
        filled = f"{{path: {PAYLOAD_PATH}}}" if index == 0 else "{const: null}"
        groups[index] = f"      {FIELD}: {filled}\n      related_payment_id:{group}"
    text = head + "".join(groups)
    rest = "{rest: {path: data.object}}"
    text = text.replace(rest, rest.replace("data.object}", f"data.object, keep: [{PAYLOAD_PATH}]}}"), 1)
    mapping.write_text(text)


def touched(contracts: Path) -> set[str]:
    """Return the files that differ from the contracts as they are."""
    before = {path.relative_to(ROOT / "contracts"): path.read_bytes() for path in files(ROOT / "contracts")}
    after = {path.relative_to(contracts): path.read_bytes() for path in files(contracts)}
    return {path.as_posix() for path in before.keys() | after.keys() if before.get(path) != after.get(path)}


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
