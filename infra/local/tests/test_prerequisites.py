from pathlib import Path

import pytest

from stack import bootstrap
from stack.errors import StackError
from stack.prerequisites import missing

LINUX = ("Linux", "x86_64")
USER, ROOT = 1000, 0


def found(name: str) -> str | None:
    return f"/usr/bin/{name}"


def absent(_: str) -> str | None:
    return None


def no_jdk() -> None:
    raise StackError("JDK 25 or newer was not found.")


def jdk() -> str:
    return "/usr/lib/jvm/25"


def test_a_complete_machine_lacks_nothing() -> None:
    assert missing(LINUX, found, jdk, ROOT) == []


def test_each_missing_prerequisite_is_one_sentence() -> None:
    problems = missing(("Darwin", "arm64"), absent, no_jdk, USER)
    assert [problem.split()[0] for problem in problems] == ["The", "JDK", "Maven"]
    assert "Darwin on arm64" in problems[0]


def test_root_needs_a_way_to_start_postgres_as_another_user() -> None:
    assert "setpriv" in missing(LINUX, lambda name: None if name == "setpriv" else name, jdk, ROOT)[0]
    assert missing(LINUX, lambda name: None if name == "setpriv" else name, jdk, USER) == []


@pytest.mark.parametrize(
    ("environment", "directory"),
    [
        ({"PAYMENTS_CACHE_DIR": "/a", "XDG_CACHE_HOME": "/b"}, Path("/a")),
        ({"XDG_CACHE_HOME": "/b"}, Path("/b/payment-pipeline")),
        ({}, Path.home() / ".cache" / "payment-pipeline"),
    ],
)
def test_the_cache_is_where_the_user_wants_it(environment: dict[str, str], directory: Path) -> None:
    assert bootstrap.cache_directory(environment) == directory


def test_reads_the_version_of_uv() -> None:
    assert bootstrap.uv_version("uv 0.13.9 (x86_64-unknown-linux-gnu)") == (0, 13, 9)
    assert bootstrap.uv_version("uv: not found") is None


def test_asks_for_a_python_that_the_project_runs_on() -> None:
    assert bootstrap.python_request((3, 11)) == "3.11"
    assert bootstrap.python_request((3, 14)) == "3.12"
