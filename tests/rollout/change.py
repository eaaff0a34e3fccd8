"""What the new version of the unified event brings: fields of two types that two providers fill, and who gains them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from codegen.loader import load
from codegen.trial import outdated

from tests.extensibility.added_field import FIELD, LATTER, PAYLOAD_PATH, ROOT, add_field

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True)
class Brought:
    """A new field, and where a provider has it; it was in `metadata` under `key` until now, and stays there.

    `root` is the path below which all that is not mapped goes to `metadata`.
    """

    name: str
    type: str
    provider: str
    root: str
    key: str

    @property
    def path(self) -> str:
        return f"{self.root}.{self.key}"

    def told(self, number: int) -> str | bool:
        """Return what the webhook of a number says, in a text that no other one has."""
        return number % 2 == 0 if self.type == "boolean" else f"{self.provider} {number}"

    def in_metadata(self, value: object) -> str:
        """Return a value as `metadata` has it."""
        return value if isinstance(value, str) else json.dumps(value)


_STRIPE, _SQUARE = "data.object", "data.object.payment"
BROUGHT = (
    Brought(FIELD, "string", "stripe", _STRIPE, PAYLOAD_PATH.removeprefix(f"{_STRIPE}.")),
    Brought("receipt_number", "string", "square", _SQUARE, "receipt_number"),
    Brought("taken_offline", "boolean", "square", _SQUARE, "is_offline_payment"),
)
PROVIDERS = tuple(dict.fromkeys(each.provider for each in BROUGHT))
_KEPT = f"            - {_SQUARE}.created_at\n"


def bring(contracts: Path) -> None:
    """Edit a copy of the contracts: Stripe's field is the one of `added_field`, Square's are two more."""
    add_field(contracts)
    version = contracts / f"avro/payment_event/v{LATTER}.yaml"
    mapping = contracts / "providers/square/mapping.yaml"
    text = mapping.read_text()
    assert text.count(_KEPT) == 1, "its metadata has another form"
    for each in (each for each in BROUGHT if each.provider == "square"):
        field = {"name": each.name, "type": ["null", each.type], "doc": "New in this version.", "default": None}
        version.write_text(f"{version.read_text()}  - {json.dumps(field)}\n")
        text = text.replace("\nfields:\n", f"\nfields:\n  {each.name}: {{const: null}}\n", 1)
        text = text.replace("    fields:\n", f"    fields:\n      {each.name}: {{path: {each.path}}}\n", 1)
        text = text.replace(_KEPT, f"{_KEPT}            - {each.path}\n")
    mapping.write_text(text)
    catalog = load(contracts)
    # As `codegen examples --update` does: they have these fields.
    for example, content in outdated(catalog, catalog.providers)[0]:
        (contracts / example.source.path).write_text(content)


def gaining(contracts: Path) -> Mapping[str, frozenset[str]]:
    """Return each table of Silver and Gold that has columns more than with the contracts as they are, and those."""
    before, after = (
        {each.identifier: {column.name for column in each.columns} for each in load(folder).derived}
        for folder in (ROOT / "contracts", contracts)
    )
    return {name: frozenset(columns - before[name]) for name, columns in after.items() if columns > before[name]}
