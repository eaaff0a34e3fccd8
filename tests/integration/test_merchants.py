"""`payments merchants` on the real Postgres, and its rows copied to the real lake."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from analytics.copies import COPIES, append_missing
from kit.lake import load_catalog
from kit.settings import LakeSettings
from operations.errors import DeploymentError
from operations.merchants.register import Register
from operations.merchants.terms import next_version
from pydantic import SecretStr

from tests.integration.operational import NOON, dsn

__all__ = ["dsn"]

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def payments(stack: Mapping[str, str]) -> Run:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        program = str(Path(sys.executable).with_name("payments"))
        return subprocess.run(  # ours
            [program, "merchants", *arguments], check=False, capture_output=True, text=True, env={**os.environ, **stack}
        )

    return run


def test_a_merchant_is_registered_changed_and_copied_to_the_lake(stack: Mapping[str, str], payments: Run) -> None:
    merchant = f"merch_{uuid.uuid4().hex}"
    assert payments("show", merchant).returncode == 1
    done = payments("set", merchant, "--currency", "EUR", "--limit", "EUR=50000", "--as", "anna", "--note", "signed")
    assert done.stdout == f"{merchant}: version 1, active\n", done.stderr
    assert payments("set", merchant, "--status", "suspended").stdout == f"{merchant}: version 2, suspended\n"
    assert "nothing to change" in payments("set", merchant, "--status", "suspended").stdout
    assert "is not a currency" in payments("set", merchant, "--currency", "EURO").stderr

    versions = json.loads(payments("show", merchant, "--json").stdout)["merchants"]
    assert [each["status"] for each in versions] == ["active", "suspended"]
    assert versions[0] | {"changed_at": ""} == {
        "merchant_id": merchant,
        "version": 1,
        "status": "active",
        "allowed_currencies": ["EUR"],
        "payment_limits": {"EUR": 50_000},
        "changed_at": "",
        "changed_by": "anna",
        "note": "signed",
        "schema_version": 1,
    }

    settings = LakeSettings.model_validate({name.lower(): value for name, value in stack.items()})
    catalog, address = load_catalog(settings), SecretStr(stack["POSTGRES_DSN"])
    assert append_missing(COPIES[0], address, catalog) >= 2
    assert append_missing(COPIES[0], address, catalog) == 0
    rows = catalog.load_table(COPIES[0].table.identifier).scan().to_arrow().to_pylist(maps_as_pydicts="strict")
    copied = sorted((row for row in rows if row["merchant_id"] == merchant), key=lambda row: row["version"])
    assert [(row["version"], row["status"], row["payment_limits"]) for row in copied] == [
        (1, "active", {"EUR": 50_000}),
        (2, "suspended", {"EUR": 50_000}),
    ]


def test_of_two_changes_at_once_the_first_stays(stack: Mapping[str, str]) -> None:
    register = Register(SecretStr(stack["POSTGRES_DSN"]))
    merchant = f"merch_{uuid.uuid4().hex}"
    first = next_version(None, merchant, status="active", at=NOON, by="anna")
    second = next_version(None, merchant, status="closed", at=NOON, by="ben")
    assert first is not None
    assert second is not None
    assert (register.add(first), register.add(second)) == (True, False)
    assert [each.changed_by for each in register.versions(merchant)] == ["anna"]


def test_says_what_to_run_where_the_table_is_missing(dsn: SecretStr) -> None:
    with pytest.raises(DeploymentError, match="make database"):
        Register(dsn).current()
