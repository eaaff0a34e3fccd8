"""The pages that dbt makes of the project: `make dbt-docs`, which needs no server."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from dagster_dbt import DbtProject

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def pages(project: DbtProject, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    where = [f"DBT_PROJECT_DIR={project.project_dir}", f"DBT_DOCS={folder}"]
    # No server listens there, should one be asked.
    environment = {**os.environ, "TRINO_PORT": "1"}
    done = subprocess.run(  # noqa: S603  # the command is ours
        ["make", "dbt-docs", *where],  # noqa: S607  # wherever the system has it
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{folder}/static_index.html" in done.stdout
    return folder


def read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_bytes())
    return content


def test_the_pages_are_one_file_with_all_models(pages: Path) -> None:
    page = (pages / "static_index.html").read_text(encoding="utf-8")
    models = [each for each in read(pages / "manifest.json")["nodes"].values() if each["resource_type"] == "model"]
    assert len(models) > 15
    assert {each["unique_id"] for each in models if each["unique_id"] not in page} == set()
    assert read(pages / "catalog.json")["nodes"] == {}


def test_each_model_source_and_column_has_a_description(pages: Path) -> None:
    manifest = read(pages / "manifest.json")
    tables = [each for each in manifest["nodes"].values() if each["resource_type"] == "model"]
    tables += manifest["sources"].values()
    assert [each["unique_id"] for each in tables if not each["description"].strip()] == []
    assert [each["unique_id"] for each in tables if not each["columns"]] == []
    columns = [(each["unique_id"], column) for each in tables for column in each["columns"].values()]
    assert [f"{table}.{column['name']}" for table, column in columns if not column["description"].strip()] == []
