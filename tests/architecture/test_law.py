"""The parts of the law that an import linter cannot see; and that each of these checks finds what is planted."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from codegen.loader import load

from tests.architecture.law import (
    LONGEST_MODULE,
    Tree,
    foreign_imports,
    hidden_imports,
    long_modules,
    paths_into_contracts,
    registering,
    repeated_descriptions,
    restated_columns,
    restated_names,
    unlinted,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
HERE = Tree(ROOT, load(ROOT / "contracts"))
SERVICE = "services/gateway/src/gateway/planted.py"
LINES = "\n" * LONGEST_MODULE
NINE = [
    "event_id",
    "provider",
    "merchant_id",
    "amount_cents",
    "currency",
    "status",
    "card_brand",
    "card_last_four",
    "failure_code",
]


def test_names_of_topics_and_tables_are_in_the_contracts_alone() -> None:
    assert HERE.topics
    assert HERE.tables
    assert list(restated_names(HERE)) == []


def test_no_column_list_is_written_a_second_time() -> None:
    assert list(restated_columns(HERE)) == []


def test_models_refer_to_the_contracts_words_and_do_not_repeat_them() -> None:
    assert HERE.documented
    assert HERE.files("dbt/models")
    assert list(repeated_descriptions(HERE)) == []


def test_services_never_read_contracts_at_run_time() -> None:
    assert list(paths_into_contracts(HERE)) == []


def test_schemas_are_registered_by_the_deployment_alone() -> None:
    assert registering(HERE) == {"services/operations/src/operations/registry.py"}


def test_modules_stay_small() -> None:
    assert list(long_modules(HERE)) == []


def test_generated_code_imports_pydantic_a_json_parser_and_the_standard_library() -> None:
    assert list(foreign_imports(HERE)) == []


def test_nothing_is_imported_past_the_linter() -> None:
    assert list(hidden_imports(HERE)) == []


def test_the_linter_looks_at_every_package_of_every_service() -> None:
    assert list(unlinted(HERE)) == []


@pytest.fixture
def planted(tmp_path: Path) -> Callable[[str, str], Tree]:
    """Return a function that plants a file in an empty work tree."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)

    def plant(file: str, text: str) -> Tree:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(text, encoding="utf-8")
        return Tree(tmp_path, HERE.contracts)

    return plant


# The check, where something is planted, what, and what is then found.
PLANTS = [
    (restated_names, SERVICE, 'TOPIC = "payments.normalized"\n', ":1: payments.normalized"),
    (restated_names, SERVICE, "x = 1\nTOPIC = 'payments.square.raw'\n", ":2: payments.square.raw"),
    (restated_names, SERVICE, 'def topic(p): return f"payments.{p}.raw"\n', ":1: payments.stripe.raw"),
    (restated_names, SERVICE, 'def topic(p): return "payments." + p + ".raw"\n', ":1: payments.stripe.raw"),
    (restated_names, SERVICE, 'def topic(p): return "payments.%s.raw" % p\n', ":1: payments.stripe.raw"),
    (restated_names, SERVICE, 'def topic(p): return "payments.{}.raw".format(p)\n', ":1: payments.stripe.raw"),
    (restated_names, SERVICE, 'TOPIC = ".".join(("payments", "validation", "dlq"))\n', ":1: payments.validation.dlq"),
    (restated_names, SERVICE, 'TOPIC = ("payments"\n  ".normalized")\n', ":1: payments.normalized"),
    (restated_names, SERVICE, "TOPIC = f\"{'payments'}.{'normalized'}\"\n", ":1: payments.normalized"),
    (restated_names, SERVICE, 'TOPIC = "{}.{}".format("payments", "normalized")\n', ":1: payments.normalized"),
    (restated_names, SERVICE, 'TOPIC = "{a}.{b}".format(b="normalized", a="payments")\n', ":1: payments.normalized"),
    (restated_names, SERVICE, 'TOPIC = "{1}.{0}".format("normalized", "payments")\n', ":1: payments.normalized"),
    (restated_names, SERVICE, 'TOPIC = "%s.%s" % ("payments", "normalized")\n', ":1: payments.normalized"),
    (restated_names, SERVICE, 'def topic(p): return "payments.%(p)s.raw" % {"p": p}\n', ":1: payments.stripe.raw"),
    (restated_names, SERVICE, 'def topic(p): return "payments.{0.name!s}.raw".format(p)\n', ":1: payments.stripe.raw"),
    (restated_names, SERVICE, 'TOPIC = b"payments.normalized"\n', ":1: payments.normalized"),
    (restated_names, SERVICE, r'TOPICS = "^payments\\.[a-z]+\\.raw$"' + "\n", ":1: payments.stripe.raw"),
    (restated_names, SERVICE, r'TOPICS = re.compile(r"payments\..*\.raw")' + "\n", ":1: payments.stripe.raw"),
    (restated_names, SERVICE, 'TOPICS = "payments.*.raw"\n', ":1: payments.stripe.raw"),
    (restated_names, SERVICE, 'SQL = "select 1 from bronze.payment_events"\n', ":1: bronze.payment_events"),
    (restated_names, "infra/compose.yaml", "a: 1\ntopic: payments.normalized\n", ":2: payments.normalized"),
    (restated_names, "dbt/macros/x.sql", "{% set topic = 'payments.normalized' %}\n", ":1: payments.normalized"),
    (restated_names, "codegen/src/codegen/x.py", 'A = "payments.ingestion.dlq"\n', ":1: payments.ingestion.dlq"),
    (restated_columns, SERVICE, f"COLUMNS = {NINE}\n", ":1: 9 columns of"),
    (restated_columns, SERVICE, f"COLUMNS = {tuple(NINE)}\n", ":1: 9 columns of"),
    (restated_columns, SERVICE, f"COLUMNS = {set(NINE)}\n", ":1: 9 columns of"),
    (restated_columns, SERVICE, f"TYPES = {dict.fromkeys(NINE, 'string')}\n", ":1: 9 columns of"),
    (restated_columns, SERVICE, f"TYPES = {[(name, 'string') for name in NINE]}\n", ":1: 9 columns of"),
    (restated_columns, SERVICE, f"SQL = 'insert into t ({', '.join(NINE)})'\n", ":1: 9 columns of"),
    (restated_columns, SERVICE, "class Row:\n" + "".join(f"    {name}: str\n" for name in NINE), ":1: 9 columns of"),
    (restated_columns, SERVICE, f"COLUMNS = '{' '.join(NINE)}'.split()\n", ":1: 9 columns of"),
    (
        restated_columns,
        SERVICE,
        f"A = [{', '.join(f'field({name!r}, string())' for name in NINE)}]\n",
        ":1: 9 columns of",
    ),
    (
        restated_columns,
        SERVICE,
        f"A = Schema({', '.join(f'Field(1, {name!r})' for name in NINE)})\n",
        ":1: 9 columns of",
    ),
    (restated_columns, SERVICE, f"A = {[{'name': name, 'type': 'string'} for name in NINE]}\n", ":1: 9 columns of"),
    (restated_columns, SERVICE, f"A = dict({', '.join(f'{name}=1' for name in NINE)})\n", ":1: 9 columns of"),
    (restated_columns, SERVICE, f"A = {NINE[:4]} + {NINE[4:]}\n", ":1: 9 columns of"),
    (restated_columns, SERVICE, f"A = '{' '.join(NINE[:4])} ' + '{' '.join(NINE[4:])}'\n", ":1: 9 columns of"),
    (restated_columns, SERVICE, f"A = b'{','.join(NINE)}'\n", ":1: 9 columns of"),
    (restated_columns, SERVICE, f"def of(row): return {', '.join(f'row[{n!r}]' for n in NINE)}\n", ":1: 9 columns of"),
    (restated_columns, SERVICE, "class A:\n" + "".join(f"    {n} = Column()\n" for n in NINE), ":1: 9 columns of"),
    (restated_columns, SERVICE, "class A:\n" + "".join(f"    {n.upper()} = {n!r}\n" for n in NINE), ":1: 9 columns of"),
    (restated_columns, "infra/local/tables.sql", f"create table t ({' text, '.join(NINE)} text)", ":1: 9 columns of"),
    (restated_columns, "services/gateway/columns.yaml", "\n".join(f"- {name}" for name in NINE), ":1: 9 columns of"),
    (paths_into_contracts, SERVICE, 'FILE = "contracts/rules/identity.yaml"\n', ":1: contracts/rules/identity.yaml"),
    (paths_into_contracts, SERVICE, 'FOLDER = ROOT / "contracts" / "rules"\n', ":1: contracts"),
    (paths_into_contracts, SERVICE, "FILE = '../../contracts/topics'\n", ":1: ../../contracts/topics"),
    (paths_into_contracts, SERVICE, 'FILE = f"{ROOT}/contracts/topics"\n', ":1: …/contracts/topics"),
    (paths_into_contracts, SERVICE, 'FILE = "%s/%s" % (ROOT, "contracts")\n', ":1: …/contracts"),
    (paths_into_contracts, SERVICE, 'FILE = b"contracts/topics"\n', ":1: contracts/topics"),
    (paths_into_contracts, SERVICE, 'FILE = os.path.join(ROOT, "contracts")\n', ":1: contracts"),
    (long_modules, SERVICE, f"{LINES}x = 1\n", f":{LONGEST_MODULE + 1}: {LONGEST_MODULE + 1} lines"),
    (long_modules, "services/a/src/a/generated/x.py", f"{LINES}x = 1\n", " lines"),
    (foreign_imports, "generated/python/payments_contracts/x.py", "import requests\n", ":1: requests"),
    (foreign_imports, "generated/python/payments_contracts/x.py", "from kit.clock import Clock\n", ":1: kit"),
    (hidden_imports, SERVICE, 'import_module("codegen.lint")\n', ":1: codegen.lint"),
    (hidden_imports, SERVICE, '__import__("orchestrator")\n', ":1: orchestrator"),
    (unlinted, "services/refunds/src/refunds/__init__.py", "", "root_packages leaves out refunds"),
    (unlinted, "services/refunds/src/refunds/__init__.py", "", "Services do not know each other leaves out refunds"),
    (unlinted, "services/refunds/src/refunds/__init__.py", "", "The kit knows nothing of payments leaves out refunds"),
]


@pytest.mark.parametrize(
    ("check", "file", "text", "found"), PLANTS, ids=[f"{check.__name__}-{n}" for n, (check, *_) in enumerate(PLANTS)]
)
def test_a_check_finds_what_is_planted(
    planted: Callable[[str, str], Tree], check: Callable[[Tree], Iterator[str]], file: str, text: str, found: str
) -> None:
    findings = list(check(planted(file, text)))
    assert any(found in each and each.startswith((file, "pyproject.toml")) for each in findings), findings


def test_a_description_that_repeats_the_contract_is_found_however_it_is_broken(
    planted: Callable[[str, str], Tree],
) -> None:
    words = next(each for each in sorted(HERE.documented) if " " in each and ":" not in each)
    model = f"models:\n  - name: m\n    columns:\n      - name: c\n        description: >\n          {words}\n"
    assert list(repeated_descriptions(planted("dbt/models/silver/m.yml", model))) == ["dbt/models/silver/m.yml:1: m.c"]


@pytest.mark.parametrize(
    "text",
    [
        "import confluent_kafka.schema_registry\n",
        "from confluent_kafka.schema_registry.avro import AvroSerializer\n",
        "from confluent_kafka import schema_registry\n",
        'SETTINGS = {"auto.register.schemas": True}\n',
        'def register(s): return post(f"/subjects/{s}/versions")\n',
    ],
)
def test_a_service_that_registers_schemas_itself_is_found(planted: Callable[[str, str], Tree], text: str) -> None:
    assert registering(planted(SERVICE, text)) == {SERVICE}


@pytest.mark.parametrize(
    "text",
    [
        '"""Reads what contracts/topics says of payments.normalized."""\n',
        'MESSAGE = "declare its topic in contracts/topics"\n',
        'def name(a, b): return f"{a}.{b}"\n',
        'NAMES = ("event_id", "provider", "merchant_id")\n',
        "row = PaymentEvent(" + ", ".join(f"{name}={name}" for name in NINE) + ")\n",
        "from payments_contracts.topics import TOPICS\n",
    ],
)
def test_prose_and_the_use_of_generated_code_are_not_findings(planted: Callable[[str, str], Tree], text: str) -> None:
    tree = planted(SERVICE, text)
    for check in (restated_names, restated_columns, paths_into_contracts, hidden_imports):
        assert list(check(tree)) == []
