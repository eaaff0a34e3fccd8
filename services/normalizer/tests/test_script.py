from pathlib import Path

import pytest
from normalizer.errors import UnusableScript
from normalizer.script import read, statements

SET = "EXECUTE STATEMENT SET BEGIN\nINSERT INTO a SELECT 1;\nINSERT INTO b SELECT 2;\nEND;"
VALUES = {"bootstrap_servers": "kafka:9092"}


def written(folder: Path, tables: str, pipeline: str) -> Path:
    (folder / "tables.sql").write_text(tables)
    (folder / "pipeline.sql").write_text(pipeline)
    return folder


def test_cuts_files_into_definitions_and_one_statement_set(tmp_path: Path) -> None:
    folder = written(
        tmp_path, "CREATE TABLE a (x INT) WITH ('p' = '${bootstrap_servers}');\n", f"CREATE VIEW v AS SELECT 1;\n{SET}"
    )

    script = read(folder, VALUES)

    assert script.definitions == ("CREATE TABLE a (x INT) WITH ('p' = 'kafka:9092')", "CREATE VIEW v AS SELECT 1")
    assert script.statement_set == SET


def test_a_statement_does_not_end_inside_a_literal_a_name_or_a_comment() -> None:
    text = "-- one; two\nCREATE TABLE `a;b` (x INT) WITH ('doc' = 'it''s; so -- not a comment');\nSELECT 1 - 2;"

    found = list(statements(text))

    assert found == ["CREATE TABLE `a;b` (x INT) WITH ('doc' = 'it''s; so -- not a comment')", "SELECT 1 - 2"]


def test_a_quote_in_a_value_stays_inside_its_literal(tmp_path: Path) -> None:
    folder = written(tmp_path, "CREATE TABLE a WITH ('p' = '${bootstrap_servers}');", SET)

    script = read(folder, {"bootstrap_servers": "it's"})

    assert script.definitions == ("CREATE TABLE a WITH ('p' = 'it''s')",)


def test_names_the_placeholder_that_has_no_value(tmp_path: Path) -> None:
    folder = written(tmp_path, "CREATE TABLE a WITH ('p' = '${password}');", SET)

    with pytest.raises(UnusableScript, match=r"tables\.sql asks for \$\{password\}; known are bootstrap_servers"):
        read(folder, VALUES)


def test_explains_a_stray_dollar(tmp_path: Path) -> None:
    folder = written(tmp_path, "CREATE TABLE a COMMENT '5 $ each';", SET)

    with pytest.raises(UnusableScript, match=r"write \$\$"):
        read(folder, VALUES)


def test_says_how_to_get_sql_that_is_absent(tmp_path: Path) -> None:
    with pytest.raises(UnusableScript, match="make codegen"):
        read(tmp_path / "nowhere", VALUES)


@pytest.mark.parametrize("pipeline", ["CREATE VIEW v AS SELECT 1;", SET + SET])
def test_refuses_anything_but_one_statement_set(tmp_path: Path, pipeline: str) -> None:
    folder = written(tmp_path, "CREATE TABLE a (x INT);", pipeline)

    with pytest.raises(UnusableScript, match="exactly one"):
        read(folder, VALUES)


def test_refuses_a_statement_set_without_end(tmp_path: Path) -> None:
    folder = written(tmp_path, "", SET.removesuffix("END;"))

    with pytest.raises(UnusableScript, match="no END"):
        read(folder, VALUES)


def test_knows_the_topics_that_its_sinks_write(tmp_path: Path) -> None:
    (tmp_path / "tables.sql").write_text(
        "CREATE TABLE a (x INT) WITH ('topic' = 'in', 'properties.x' = 'y');"
        "CREATE TABLE b (x INT) WITH ('topic' = 'out', 'sink.delivery-guarantee' = 'exactly-once');"
    )
    (tmp_path / "pipeline.sql").write_text("EXECUTE STATEMENT SET BEGIN INSERT INTO b SELECT x FROM a; END;")

    assert read(tmp_path, {}).written_topics() == ("out",)


def test_leaves_out_the_topics_of_providers_that_are_not_received(tmp_path: Path) -> None:
    source = "CREATE TABLE a (x INT) WITH ('topic' = 'one;two;three');"
    sink = "CREATE TABLE b (x INT) WITH ('topic' = 'two', 'sink.delivery-guarantee' = 'exactly-once');"
    script = read(written(tmp_path, source + sink, SET), {}, {"two"})

    assert script.definitions[0] == "CREATE TABLE a (x INT) WITH ('topic' = 'one;three')"
    assert script.written_topics() == ("two",)


def test_refuses_a_source_of_which_no_topic_is_left(tmp_path: Path) -> None:
    folder = written(tmp_path, "CREATE TABLE a (x INT) WITH ('topic' = 'one');", SET)

    with pytest.raises(UnusableScript, match="name their providers in GATEWAY_PROVIDERS"):
        read(folder, {}, {"one"})
