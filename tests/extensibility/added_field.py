"""One optional field more in the unified event: the edits that it takes, in a copy of the contracts."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
FIELD = "statement_suffix"
PAYLOAD_PATH = "data.object.statement_descriptor_suffix"
"""Where Stripe has it: no example of a payment intent sends it, and it went to `metadata` until now."""

UNDECLARED_PATH = "data.object.excluded_from_review"
"""One that Stripe's payload contract does not declare, as of a field that is new at the provider, too."""

FORMER = int(yaml.safe_load((ROOT / "contracts/topics/payments.normalized.yaml").read_text())["version"])
LATTER = FORMER + 1
"""The versions of the unified event without and with the field."""

VERSION = f"""\
kind: version
extends: {FORMER}
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
    (contracts / f"avro/payment_event/v{LATTER}.yaml").write_text(VERSION)
    topic = contracts / "topics/payments.normalized.yaml"
    topic.write_text(topic.read_text().replace(f": {FORMER}\n", f": {LATTER}\n"))
    mapping = contracts / "providers/stripe/mapping.yaml"
    text = mapping.read_text()
    data = yaml.safe_load(text)
    first = data["groups"][0]["fields"]
    rest = (data["fields"] | first)["metadata"]
    kept = {"rest": rest["rest"] | {"keep": [*rest["rest"].get("keep", ()), PAYLOAD_PATH]}}
    assert "metadata" not in first, "its line would stand there twice"
    own = f"      {FIELD}: {{path: {PAYLOAD_PATH}}}\n      metadata: {json.dumps(kept)}\n"
    text = text.replace("\nfields:\n", f"\nfields:\n  {FIELD}: {{const: null}}\n", 1)
    mapping.write_text(text.replace("    fields:\n", f"    fields:\n{own}", 1))


def add_undeclared_field(contracts: Path) -> None:
    """Make the edits for a field at a path that nobody has declared yet; it was never in `metadata`."""
    add_field(contracts)
    mapping = contracts / "providers/stripe/mapping.yaml"
    text = mapping.read_text()
    (own,) = (line for line in text.splitlines() if line.startswith("      metadata: ") and PAYLOAD_PATH in line)
    text = text.replace(f"{own}\n", "").replace(f"{{path: {PAYLOAD_PATH}}}", f"{{path: {UNDECLARED_PATH}}}")
    assert text.count(UNDECLARED_PATH) == 1
    mapping.write_text(text)


def touched(contracts: Path) -> set[str]:
    """Return the files that differ from the contracts as they are."""
    before = {path.relative_to(ROOT / "contracts"): path.read_bytes() for path in files(ROOT / "contracts")}
    after = {path.relative_to(contracts): path.read_bytes() for path in files(contracts)}
    return {path.as_posix() for path in before.keys() | after.keys() if before.get(path) != after.get(path)}


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
