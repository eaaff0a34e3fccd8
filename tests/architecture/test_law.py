"""The parts of the law that an import linter cannot see."""

import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
NAMES = ("payments.stripe.raw", "payments.normalized", "payments.ingestion.dlq", "payments.validation.dlq")


def tracked(*patterns: str) -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return [ROOT / line for line in listing.stdout.splitlines() if (ROOT / line).is_file()]


def sources() -> list[Path]:
    files = tracked("services", "infra", "dbt", "codegen/src")
    return [path for path in files if "tests" not in path.parts and path.suffix not in {".md", ".lock"}]


@pytest.mark.parametrize("name", NAMES)
def test_topic_names_stand_in_the_contracts_alone(name: str) -> None:
    offenders = [path for path in sources() if name in path.read_text(encoding="utf-8", errors="ignore")]
    assert offenders == []


def test_no_column_list_is_written_a_second_time() -> None:
    columns = ("amount_cents", "card_brand", "card_last_four", "failure_code", "failure_message")
    allowed_readers = {".sql", ".yml"}
    offenders = [
        path
        for path in tracked("services", "infra")
        if "tests" not in path.parts
        and path.suffix not in allowed_readers | {".md"}
        and all(column in path.read_text(encoding="utf-8", errors="ignore") for column in columns)
    ]
    assert offenders == []


def test_models_refer_to_the_contracts_words_and_do_not_repeat_them() -> None:
    words = {
        field["doc"]
        for path in tracked("contracts/avro")
        for field in yaml.safe_load(path.read_text(encoding="utf-8"))["fields"]
    } | {
        column["doc"]
        for path in tracked("contracts/derived")
        for column in yaml.safe_load(path.read_text(encoding="utf-8"))["columns"].values()
        if "doc" in column
    }
    models = [path for path in tracked("dbt/models") if path.suffix == ".yml"]
    assert models
    repeated = {
        (path.name, column["name"])
        for path in models
        for model in yaml.safe_load(path.read_text(encoding="utf-8"))["models"]
        for column in model["columns"]
        if column["description"] in words
    }
    assert repeated == set()


def test_services_never_read_contracts_at_run_time() -> None:
    offenders = [
        path
        for path in tracked("services/*.py")
        if "tests" not in path.parts and '"contracts/' in path.read_text(encoding="utf-8")
    ]
    assert offenders == []


def test_schemas_are_registered_by_the_deployment_alone() -> None:
    signs = ("confluent_kafka.schema_registry", "auto.register", '/versions"')
    registering = {
        path.relative_to(ROOT).as_posix()
        for path in tracked("services/*.py")
        if "tests" not in path.parts
        and path.name != "testing.py"
        and any(sign in path.read_text(encoding="utf-8") for sign in signs)
    }
    assert registering == {"services/operations/src/operations/registry.py"}


def test_modules_stay_small() -> None:
    long = {
        str(path.relative_to(ROOT)): count
        for path in tracked("*.py")
        if "generated" not in path.parts and (count := len(path.read_text(encoding="utf-8").splitlines())) > 350
    }
    assert long == {}
