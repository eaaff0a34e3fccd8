from collections.abc import Callable

import pytest

from stack.definition import select
from stack.errors import StackError
from stack.jobs import Job, ordered
from stack.processes import Group, Item, Process, Step

Names = Callable[..., list[str]]


@pytest.fixture
def everything(process: Callable[..., Process], step: Callable[..., Step]) -> list[Item]:
    return [
        step("db-files"),
        process("db", "db-files"),
        step("db-users", "db"),
        step("server-schema", "db-users"),
        process("bus"),
        step("topics", "bus", group=Group.DEPLOYMENT),
        process("app", "db-users", "topics", group=Group.APPLICATIONS),
    ]


@pytest.fixture
def names(everything: list[Item]) -> Names:
    def chosen(*wanted: str, only: Group | None = None) -> list[str]:
        return [item.name for item in select(everything, wanted, only)]

    return chosen


def test_everything_is_chosen_unless_asked_otherwise(names: Names, everything: list[Item]) -> None:
    assert names() == [item.name for item in everything]


def test_a_service_brings_all_it_needs(names: Names, everything: list[Item]) -> None:
    assert names("app") == [item.name for item in everything if item.name != "server-schema"]


def test_a_server_brings_the_steps_that_complete_it_and_nothing_else(names: Names) -> None:
    assert names("db") == ["db-files", "db", "db-users"]


def test_one_part_of_the_stack_can_be_chosen(names: Names) -> None:
    assert names(only=Group.INFRASTRUCTURE) == ["db-files", "db", "db-users", "server-schema", "bus"]


def test_an_unknown_service_is_answered_with_those_there_are(names: Names) -> None:
    with pytest.raises(StackError, match="No service is called kafak; there are: db, bus, app"):
        names("kafak")


def test_a_step_is_not_a_service(names: Names) -> None:
    with pytest.raises(StackError, match="topics"):
        names("topics")


def test_the_choice_can_be_ordered(everything: list[Item]) -> None:
    assert ordered([Job(item.name, lambda _: None, frozenset(item.after)) for item in everything])
