from pathlib import Path

import pytest
from normalizer.errors import UnusableScript
from normalizer.script import read, statements

SET = "EXECUTE STATEMENT SET BEGIN\nINSERT INTO a SELECT 1;\nINSERT INTO b SELECT 2;\nEND;"
VALUES = {"bootstrap_servers": "kafka:9092"}


def written(folder: Path, tables: str, pipeline: str) -> Path:
    (folder / "sources").mkdir()
    (folder / "sources" / "acme.sql").write_text("CREATE TABLE source (x INT) WITH ('topic' = 'in');")
    (folder / "tables.sql").write_text(tables)
    (folder / "pipeline.sql").write_text(pipeline)
    return folder


def test_cuts_files_into_definitions_and_one_statement_set(tmp_path: Path) -> None:
    folder = written(
        tmp_path, "CREATE TABLE a (x INT) WITH ('p' = '${bootstrap_servers}');\n", f"CREATE VIEW v AS SELECT 1;\n{SET}"
    )

    script = read(folder, "acme", VALUES, {})

    assert script.definitions[1:] == ("CREATE TABLE a (x INT) WITH ('p' = 'kafka:9092')", "CREATE VIEW v AS SELECT 1")
    assert script.statement_set == SET


def test_a_statement_does_not_end_inside_a_literal_a_name_or_a_comment() -> None:
    text = "-- one; two\nCREATE TABLE `a;b` (x INT) WITH ('doc' = 'it''s; so -- not a comment');\nSELECT 1 - 2;"

    found = list(statements(text))

    assert found == ["CREATE TABLE `a;b` (x INT) WITH ('doc' = 'it''s; so -- not a comment')", "SELECT 1 - 2"]


def test_a_quote_in_a_value_stays_inside_its_literal(tmp_path: Path) -> None:
    folder = written(tmp_path, "CREATE TABLE a WITH ('p' = '${bootstrap_servers}');", SET)

    script = read(folder, "acme", {"bootstrap_servers": "it's"}, {})

    assert script.definitions[1:] == ("CREATE TABLE a WITH ('p' = 'it''s')",)


def test_names_the_placeholder_that_has_no_value(tmp_path: Path) -> None:
    folder = written(tmp_path, "CREATE TABLE a WITH ('p' = '${password}');", SET)

    with pytest.raises(UnusableScript, match=r"tables\.sql asks for \$\{password\}; known are bootstrap_servers"):
        read(folder, "acme", VALUES, {})


def test_explains_a_stray_dollar(tmp_path: Path) -> None:
    folder = written(tmp_path, "CREATE TABLE a COMMENT '5 $ each';", SET)

    with pytest.raises(UnusableScript, match=r"write \$\$"):
        read(folder, "acme", VALUES, {})


def test_says_how_to_get_sql_that_is_absent(tmp_path: Path) -> None:
    with pytest.raises(UnusableScript, match="make codegen"):
        read(tmp_path / "nowhere", "acme", VALUES, {})


@pytest.mark.parametrize("pipeline", ["CREATE VIEW v AS SELECT 1;", SET + SET])
def test_refuses_anything_but_one_statement_set(tmp_path: Path, pipeline: str) -> None:
    folder = written(tmp_path, "CREATE TABLE a (x INT);", pipeline)

    with pytest.raises(UnusableScript, match="exactly one"):
        read(folder, "acme", VALUES, {})


def test_refuses_a_statement_set_without_end(tmp_path: Path) -> None:
    folder = written(tmp_path, "", SET.removesuffix("END;"))

    with pytest.raises(UnusableScript, match="no END"):
        read(folder, "acme", VALUES, {})


def test_knows_the_topics_that_its_sinks_write(tmp_path: Path) -> None:
    sink = "CREATE TABLE b (x INT) WITH ('topic' = 'out', 'sink.delivery-guarantee' = 'exactly-once');"
    pipeline = "EXECUTE STATEMENT SET BEGIN INSERT INTO b SELECT x FROM source; END;"

    assert read(written(tmp_path, sink, pipeline), "acme", {}, {}).written_topics() == ("out",)


def test_each_provider_has_a_source_of_its_own(tmp_path: Path) -> None:
    folder = written(tmp_path, "", SET)
    (folder / "sources" / "other.sql").write_text("CREATE TABLE source (x INT) WITH ('topic' = 'elsewhere');")

    assert read(folder, "acme", {}, {}).definitions == ("CREATE TABLE source (x INT) WITH ('topic' = 'in')",)


def test_says_so_where_a_provider_has_no_source(tmp_path: Path) -> None:
    with pytest.raises(UnusableScript, match=r"sources/nobody\.sql cannot be read"):
        read(written(tmp_path, "", SET), "nobody", {}, {})


def test_a_placeholder_in_a_comment_becomes_lines_of_options(tmp_path: Path) -> None:
    table = "CREATE TABLE a (x INT) WITH (\n  'topic' = 'in',\n  -- ${kafka_options}\n  'format' = 'raw'\n);"
    folder = written(tmp_path, table, SET)
    with_none = "".join(read(folder, "acme", {}, {"kafka_options": {}}).definitions)
    options = {"properties.sasl.jaas.config": "user='me' $HOME -- ; no end"}
    with_one = "".join(read(folder, "acme", {}, {"kafka_options": options}).definitions)
    assert "properties" not in with_none
    assert "'properties.sasl.jaas.config' = 'user=''me'' $HOME -- ; no end',\n  'format' = 'raw'" in with_one
