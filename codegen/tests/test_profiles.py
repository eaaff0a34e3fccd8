"""A signature that a contract takes from a profile is lint's and the gateway's as if it stood there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml
from codegen.lint import lint
from codegen.loader import load

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from codegen.findings import Finding
    from codegen.webhooks import Signature

KEPT = ["webhook-id", "webhook-timestamp", "webhook-signature"]


def taken(folder: Path, signature: dict[str, Any], kept: list[str]) -> tuple[Signature, list[Finding]]:
    """Return bolt's signature where its contract says this of it, and what lint has against signatures."""
    file = folder / "providers/bolt/provider.yaml"
    data = yaml.safe_load(file.read_text(encoding="utf-8"))
    data["signature"] = signature
    data["envelope"] |= {"headers_kept": kept, "event_id": {"header": "webhook-id"}}
    file.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
    catalog = load(folder)
    bolt = next(each for each in catalog.providers if each.name == "bolt")
    return bolt.signature, [each for each in lint(catalog) if each.rule == "signature"]


def test_one_line_is_enough(small: Callable[[str], Path]) -> None:
    signature, findings = taken(small("providers"), {"profile": "standard-webhooks"}, KEPT)
    assert (signature.header, signature.digest, signature.secret_prefix) == (KEPT[2], "hmac-sha256", "whsec_")
    assert findings == []


def test_what_a_contract_says_itself_goes_before_the_profile(small: Callable[[str], Path]) -> None:
    own = {"profile": "standard-webhooks", "header": "svix-signature", "tolerance_seconds": 60}
    signature, findings = taken(small("providers"), own, KEPT[:2])
    assert (signature.header, signature.tolerance_seconds) == ("svix-signature", 60)
    assert [each.message for each in findings] == ["the header svix-signature is needed and not kept"]
