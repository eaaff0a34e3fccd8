from collections.abc import Callable
from pathlib import Path

from stack.processes import Item, Process, Step, waves


def test_the_start_script_quotes_whatever_it_is_given(process: Callable[..., Process]) -> None:
    script = process("x", command=("run", "a b"), environment={"SECRET": "it's %(here)s"}).script()
    assert script == "#!/bin/sh\nexport SECRET='it'\"'\"'s %(here)s'\nexec run 'a b'\n"


def test_a_change_of_a_configuration_file_changes_the_definition(process: Callable[..., Process]) -> None:
    one = process("x", files={Path("a"): "1"})
    assert one.digest() == process("x", files={Path("a"): "1"}).digest()
    assert one.digest() != process("x", files={Path("a"): "2"}).digest()


def test_processes_stop_before_what_they_need(process: Callable[..., Process], step: Callable[..., Step]) -> None:
    items: list[Item] = [
        process("db"),
        step("schema", "db"),
        process("server", "schema"),
        process("ui", "server"),
        process("bus"),
    ]
    assert waves(items) == [["ui"], ["server"], ["db", "bus"]]
