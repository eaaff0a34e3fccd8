"""What `payments audit --help` says: whoever schedules it reads nothing else."""

import re

import pytest
from operations.__main__ import app
from operations.audit.assembly import AuditSettings, readers
from payments_contracts.topics import topics_of
from typer.testing import CliRunner


@pytest.mark.parametrize(
    "words",
    [
        "Without a time, the full hours since the last audit",
        "Exits with 0 where all is balanced or under way, with 1 where a difference is open, with 69 where a server",
    ],
)
def test_the_help_says_what_a_run_without_a_time_is_and_how_it_ends(words: str) -> None:
    result = CliRunner().invoke(app, ["audit", "--help"], env={"TERM": "dumb", "COLUMNS": "200"})
    assert result.exit_code == 0
    assert words in re.sub(r"\s+", " ", result.output)


def test_each_topic_that_the_archiver_or_the_orchestrator_reads_is_looked_at_with_its_group() -> None:
    settings = AuditSettings.model_validate(
        {
            "kafka_bootstrap_servers": "kafka:9092",
            "schema_registry_url": "http://registry",
            "trino_host": "trino",
            "trino_port": 8080,
            "trino_user": "audit",
            "postgres_dsn": "postgresql://",
            "gateway_providers": "stripe",
        }
    )
    looked_at = {(group.split("-")[0], topic) for group, topic, _ in readers(settings)}
    assert looked_at >= {
        (service, topic.name)
        for topic in topics_of("stripe")
        for service in ("archiver", "normalizer", "orchestrator")
        if service in topic.consumers
    }


def test_the_list_of_commands_says_what_the_audit_is() -> None:
    result = CliRunner().invoke(app, ["--help"], env={"TERM": "dumb", "COLUMNS": "200"})
    assert "Balance every hop by ids and sums, and name what differs." in result.output
