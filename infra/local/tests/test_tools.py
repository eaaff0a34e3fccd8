import dataclasses
import re

import pytest

from stack import checksums
from stack.context import Context
from stack.tools.golang import GoTool, parse_version, rounds
from stack.tools.maven import MavenTool
from stack.tools.wheels import WheelTool


@pytest.mark.parametrize(
    ("answer", "version"),
    [
        ("go version go1.26.8 linux/amd64", (1, 26, 8)),
        ("go version go1.27 linux/amd64", (1, 27, 0)),
        ("command not found", None),
    ],
)
def test_reads_the_version_of_go(answer: str, version: tuple[int, ...] | None) -> None:
    assert parse_version(answer) == version


def test_programs_of_one_name_are_not_written_over_each_other() -> None:
    binaries = {"here": "a/cmd/server", "there": "b/server/v3", "other": "b/cmd/other", "third": "c/server"}

    assert rounds(binaries) == [
        {"here": "a/cmd/server", "other": "b/cmd/other"},
        {"there": "b/server/v3"},
        {"third": "c/server"},
    ]


def test_a_program_is_told_the_version_that_it_does_not_know(context: Context) -> None:
    told = dataclasses.replace(context.tools.servers, stamps={"a/b.version": "go.temporal.io/server"})
    assert "-ldflags=-s -w -X=a/b.version=v1.32.1" in told._flags()
    assert told.target() != context.tools.servers.target()


def test_every_tool_has_a_place_of_its_own_that_names_its_version(context: Context) -> None:
    tools = context.tools
    targets = [tool.target() for tool in tools.all()]
    assert len(set(targets)) == len(targets)
    assert tools.kafka.target().name.startswith("4.4.0-")
    assert tools.servers.target().name.startswith("v1.32.1-")
    assert tools.postgres.target().name.startswith("18.6.3-")


def test_everything_that_is_downloaded_is_pinned_by_a_hash(context: Context) -> None:
    for tool in context.tools.all():
        match tool:
            case MavenTool():
                assert checksums.read(tool.sums)
            case WheelTool():
                assert re.search(r"--hash=sha256:[0-9a-f]{64}", tool.requirement.read_text())
            case GoTool():
                sums = (tool.directory / "go.sum").read_text()
                assert all(f"{module} {tool.version(module)} h1:" in sums for module in tool.modules)
            case _:
                pytest.fail(f"unknown kind of tool: {tool}")


def test_what_is_put_in_the_place_of_a_file_belongs_to_one_that_is_left_out(context: Context) -> None:
    servers = context.tools.servers
    left_out = {f"{module}/{file}" for module, files in servers.without.items() for file in files}
    instead = servers.directory / "instead"
    assert {str(file.relative_to(instead)) for file in instead.rglob("*.go")} < left_out


def test_names_the_tools_that_are_missing(context: Context) -> None:
    tools = context.tools
    tools.postgres.target().mkdir(parents=True)
    missing = tools.missing()
    assert "postgres" not in missing
    assert "kafka" in missing
