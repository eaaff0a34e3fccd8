"""One optional field more, from the payload of a provider to Silver: three files of contracts, no other by hand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from codegen.compat import compat
from codegen.expectation import expectation
from codegen.lint import lint
from codegen.loader import load
from codegen.mapping.plan import plan
from payments_contracts.tables import BRONZE_PAYMENT_EVENTS

from tests.extensibility.added_field import (
    FIELD,
    LATTER,
    PAYLOAD_PATH,
    ROOT,
    UNDECLARED_PATH,
    add_field,
    add_undeclared_field,
    copied,
    touched,
)

CODEGEN = Path(sys.executable).parent / "codegen"
# What is scored has had a version more: `rules_undecided` came beside an event that stayed as it was.
SCORED = LATTER + 1


BY_HAND = {
    f"avro/payment_event/v{LATTER}.yaml",
    "topics/payments.normalized.yaml",
    "providers/stripe/mapping.yaml",
}


@pytest.fixture(scope="module")
def contracts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = copied(tmp_path_factory.mktemp("added") / "contracts")
    add_field(folder)
    return folder


@pytest.fixture(scope="module")
def generated(contracts: Path) -> Path:
    folder = contracts.parent / "generated"
    command = [str(CODEGEN), "generate", "--contracts", str(contracts), "--generated", str(folder)]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    return folder


def in_package(generated: Path, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python with the generated package of the copy before the real one."""
    environment = os.environ | {"PYTHONPATH": str(generated / "python")}
    command = [sys.executable, "-W", "error", "-c", program, *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def printed(generated: Path, program: str) -> object:
    finished = in_package(generated, f"import json\n{program}")
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)


def test_it_takes_three_files_of_contracts(contracts: Path) -> None:
    assert touched(contracts) == BY_HAND


def codegen(*arguments: str, contracts: Path) -> subprocess.CompletedProcess[str]:
    command = [str(CODEGEN), *arguments, "--contracts", str(contracts)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_it_takes_the_same_three_where_nobody_has_declared_the_path_and_a_command_that_lint_names_writes_the_fourth(
    tmp_path: Path,
) -> None:
    contracts = copied(tmp_path / "contracts")
    add_undeclared_field(contracts)
    assert touched(contracts) == BY_HAND
    found = codegen("lint", contracts=contracts)
    command = f"codegen declare stripe {UNDECLARED_PATH}"
    assert f"[path] {FIELD}: {UNDECLARED_PATH} is not declared" in found.stderr
    assert f"(`{command}` writes it)" in found.stderr
    assert found.stderr.count("\n    → ") == 1, "nothing else is to be edited"

    by_hand = {name: (contracts / name).read_bytes() for name in BY_HAND}
    declared = codegen(*command.split()[1:], contracts=contracts)
    assert declared.returncode == 0, declared.stderr
    assert touched(contracts) == BY_HAND | {"providers/stripe/payload.openapi.yaml"}
    assert {name: (contracts / name).read_bytes() for name in BY_HAND} == by_hand
    catalog = load(contracts)
    assert lint(catalog) == ()
    assert compat(load(ROOT / "contracts"), catalog) == ()

    (stripe,) = (each for each in catalog.providers if each.name == "stripe")
    (example,) = (each for each in stripe.examples if each.name == "payment_intent.created")
    body = json.loads(example.body)
    body["data"]["object"][UNDECLARED_PATH.rpartition(".")[2]] = "ORDER 7"
    wanted = expectation(stripe.envelope, plan(catalog, stripe), json.dumps(body).encode(), "merch_1")
    assert wanted["expected"]["event"][FIELD] == "ORDER 7"


def test_the_contracts_keep_all_rules_and_break_nobody(contracts: Path) -> None:
    finished = subprocess.run([CODEGEN, "lint", "--contracts", contracts], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    assert compat(load(ROOT / "contracts"), load(contracts)) == ()


def test_the_payload_is_mapped_to_it(generated: Path) -> None:
    program = """
from payments_contracts.examples import EXAMPLES
from payments_contracts.normalize import normalize
import orjson
example = next(each for each in EXAMPLES if each.name == "payment_intent.created")
body = orjson.loads(example.body)
body["data"]["object"]["statement_descriptor_suffix"] = "ORDER 7"
event = normalize("stripe", orjson.dumps(body), "merch_1").event
print(json.dumps({name: event[name] for name in ("statement_suffix", "metadata")}))
"""
    event = printed(generated, program)
    assert isinstance(event, dict)
    assert event[FIELD] == "ORDER 7"
    kept = PAYLOAD_PATH.removeprefix("data.object.")
    assert event["metadata"][kept] == "ORDER 7", "readers of metadata have not moved yet"


def test_flink_the_registry_iceberg_and_postgres_have_it(generated: Path) -> None:
    assert f"`{FIELD}` STRING" in (generated / "flink/tables.sql").read_text()
    subjects = json.loads((generated / "kafka/subjects.json").read_text())["subjects"]
    versions = next(each["versions"] for each in subjects if each["topic"] == "payments.normalized")
    assert [version["version"] for version in versions] == [*range(1, LATTER + 1)]
    assert versions[-1]["schema"]["fields"][-1]["name"] == FIELD
    columns = json.loads((generated / "iceberg/bronze.payment_events.json").read_text())["schema"]["fields"]
    assert [(each["name"], each["required"]) for each in columns][-1] == (FIELD, False)
    database = (generated / "postgres/payment_events.sql").read_text()
    assert f'ADD COLUMN IF NOT EXISTS "{FIELD}" text;' in database


def test_what_is_there_keeps_its_place(generated: Path) -> None:
    def columns(folder: Path) -> list[tuple[int, str]]:
        data = json.loads((folder / "iceberg/bronze.payment_events.json").read_text())
        return [(each["id"], each["name"]) for each in data["schema"]["fields"]]

    assert columns(generated)[:-1] == columns(ROOT / "generated")


def test_services_have_it_in_what_they_read_and_write(generated: Path) -> None:
    program = """
from payments_contracts.pins import orchestrator
print(json.dumps([
    orchestrator.PaymentEvent.__name__, "statement_suffix" in orchestrator.PaymentEvent.model_fields,
    orchestrator.ScoredPayment.__name__, "statement_suffix" in orchestrator.ScoredPayment.model_fields,
    list(orchestrator.PAYMENT_EVENT_VERSIONS),
]))
"""
    assert printed(generated, program) == [
        f"PaymentEventV{LATTER}",
        True,
        f"ScoredPaymentV{SCORED}",
        True,
        [*range(1, LATTER + 1)],
    ]


def test_dbt_has_it_from_bronze_to_silver(generated: Path) -> None:
    sources = yaml.safe_load((generated / "dbt/models/sources.yml").read_text())
    (table,) = (each for each in sources["sources"][0]["tables"] if each["name"] == BRONZE_PAYMENT_EVENTS.name)
    assert FIELD in [column["name"] for column in table["columns"]]
    macros = (generated / "dbt/macros/payments_cleaned.sql").read_text()
    assert f"{{{{ relation }}}}.{FIELD}" in macros
    assert f"\n{FIELD},\n" in macros, "Silver knows that it gains a column, and takes every event anew"
    assert f"    {FIELD}\n" in (generated / "dbt/macros/stg_payments.sql").read_text()
    assert f"silver__payments_cleaned__{FIELD} %}}" in (generated / "dbt/models/columns.md").read_text()
    assert (
        f"doc(''silver__payments_cleaned__{FIELD}'')" in (generated / "dbt/described/payments_cleaned.yml").read_text()
    )


def test_the_catalogue_tells_its_way(contracts: Path, tmp_path: Path) -> None:
    command = [str(CODEGEN.with_name("catalogue")), "--contracts", str(contracts), "--output", str(tmp_path / "docs")]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    pages = {path.name: path.read_text() for path in (tmp_path / "docs").glob("*.html")}
    for page in ("record-payment_event.html", "record-scored_payment.html", "tables.html", "lineage.html"):
        assert FIELD in pages[page], page


def test_the_code_of_the_services_needs_no_edit(generated: Path) -> None:
    """Their own tests of what they do with events pass with the new package, written for whatever version is pinned."""
    # What this test runs in, such as a worker of several, is nothing to the inner one.
    outer = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    environment = outer | {"PYTHONPATH": str(generated / "python")}
    tests = [f"services/orchestrator/tests/test_{name}.py" for name in ("routing", "scoring", "rules", "row", "source")]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests]
    finished = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout
    where = in_package(generated, "import payments_contracts; print(payments_contracts.__file__)").stdout
    assert Path(where.strip()).is_relative_to(generated)
