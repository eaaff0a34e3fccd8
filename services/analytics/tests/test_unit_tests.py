"""Unit tests of the models run on Trino, in the integration tests; what they are made of needs no server."""

import warnings

import pytest
from analytics.project import read_manifest
from dagster_dbt import DbtProject
from sqlglot import exp, parse_one

with warnings.catch_warnings():
    # Libraries of dbt warn about each other, once, on import.
    warnings.simplefilter("ignore")
    from dbt.cli.main import dbtRunner

TYPES = "{'name': 'varchar(2)', 'tags': 'map(varchar, varchar)', 'day': 'date'}"


@pytest.mark.parametrize(
    ("rows", "given"),
    [
        (
            "[{'name': 'long', 'DAY': '2025-01-01'}, {'tags': none}]",
            [
                [
                    "TRY_CAST('long' AS VARCHAR)",
                    "TRY_CAST(NULL AS MAP(VARCHAR, VARCHAR))",
                    "TRY_CAST('2025-01-01' AS DATE)",
                ],
                ["TRY_CAST(NULL AS VARCHAR(2))", "TRY_CAST(NULL AS MAP(VARCHAR, VARCHAR))", "TRY_CAST(NULL AS DATE)"],
            ],
        ),
        ("[]", [["TRY_CAST(NULL AS VARCHAR(2))", "TRY_CAST(NULL AS MAP(VARCHAR, VARCHAR))", "TRY_CAST(NULL AS DATE)"]]),
    ],
)
def test_the_given_rows_of_a_unit_test_are_one_list_of_values(
    project: DbtProject, rows: str, given: list[list[str]]
) -> None:
    folders = ["--project-dir", str(project.project_dir), "--profiles-dir", str(project.profiles_dir)]
    call = f"{{{{ get_fixture_sql({rows}, {TYPES}) }}}}"
    silent = ["--quiet", "--log-level-file", "none", "--no-write-json"]
    done = dbtRunner().invoke([*silent, "compile", "--no-populate-cache", *folders, "--inline", call])
    assert done.success, done.exception
    (compiled,) = getattr(done.result, "results", [])
    query = parse_one(compiled.node.compiled_code, dialect="trino")
    (values,) = query.find_all(exp.Values)
    assert [[cell.sql(dialect="trino") for cell in row.expressions] for row in values.expressions] == given
    assert values.alias_column_names == ["name", "tags", "day"]
    assert (query.args.get("where") is not None) == (rows == "[]")


def test_each_model_has_unit_tests(project: DbtProject) -> None:
    manifest = read_manifest(project)
    models = {each["name"] for each in manifest["nodes"].values() if each["resource_type"] == "model"}
    # The view that renames Bronze has nothing to get wrong but its columns, which a test of the contracts compares.
    assert models - {each["model"] for each in manifest["unit_tests"].values()} == {"stg_payments"}
