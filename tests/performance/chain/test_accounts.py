from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.performance.chain.accounts import Accounts, Usage
from tests.performance.chain.proc import Machine, Proc, parse_machine, parse_process

TICKS = 100
"""Ticks of a second, on every Linux."""


class Tree:
    """A directory that looks like /proc."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, pid: int, parent: int, own: float, waited: float = 0.0, command: str = "program") -> None:
        folder = self.root / str(pid)
        folder.mkdir(exist_ok=True)
        times = f"{own * TICKS:.0f} 0 {waited * TICKS:.0f} 0"
        (folder / "stat").write_text(f"{pid} (a name) (S) S {parent} 1 1 0 -1 0 0 0 0 0 {times} 20 0 1 0 99 1 1")
        (folder / "cmdline").write_bytes(command.replace(" ", "\0").encode())

    def end(self, pid: int) -> None:
        for file in (self.root / str(pid)).iterdir():
            file.unlink()
        (self.root / str(pid)).rmdir()


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def accounts(tree: Tree, roots: dict[str, int], alone: Iterable[str] = ()) -> Accounts:
    return Accounts(Proc(tree.root), lambda: roots, frozenset(alone))


def rounded(usage: Usage) -> Usage:
    return {name: round(seconds, 6) for name, seconds in usage.items() if round(seconds, 6)}


def test_a_name_may_hold_spaces_and_parentheses() -> None:
    process = parse_process("7 (odd (name) R 1) S 3 7 7 0 -1 4 1 2 3 4 100 50 20 10 20 0 1 0 5 6 7")
    assert (process.pid, process.parent, process.own, process.waited) == (7, 3, 1.5, 0.3)


def test_waiting_is_not_work_and_what_others_took_is_reported() -> None:
    machine = parse_machine("cpu  100 0 50 800 30 5 15 40 7 7")
    assert machine == Machine(total=10.4, busy=1.7, stolen=0.4)
    assert machine.since(Machine(10.0, 1.5, 0.1)).busy == pytest.approx(0.2)


def test_a_process_that_ends_meanwhile_is_passed_over(tree: Tree) -> None:
    tree.put(10, 1, 1)
    (tree.root / "11").mkdir()
    assert Proc(tree.root).processes().keys() == {10}
    assert not Proc(tree.root).command(11)


def test_a_service_is_charged_for_all_that_descends_from_it(tree: Tree) -> None:
    tree.put(10, 1, 1)
    tree.put(11, 10, 2)
    tree.put(12, 11, 3)
    tree.put(20, 1, 50)
    books = accounts(tree, {"flink": 10})
    books.look()
    tree.put(10, 1, 1.5)
    tree.put(12, 11, 3.25)
    tree.put(20, 1, 90)
    assert rounded(books.look()) == {"flink": 0.75}


def test_sessions_of_postgres_are_told_apart_by_their_users(tree: Tree) -> None:
    tree.put(10, 1, 1)
    tree.put(11, 10, 1, command="postgres: temporal temporal_visibility 127.0.0.1(4) idle")
    tree.put(12, 10, 1, command="postgres: payments payments 127.0.0.1(5) INSERT")
    tree.put(13, 10, 1, command="postgres: walwriter ")
    books = accounts(tree, {"postgres": 10})
    books.look()
    tree.put(11, 10, 3, command="postgres: temporal temporal_visibility 127.0.0.1(4) idle")
    tree.put(12, 10, 1.5, command="postgres: payments payments 127.0.0.1(5) idle")
    tree.put(13, 10, 1.25, command="postgres: walwriter ")
    assert rounded(books.look()) == {
        "postgres": 0.25,
        "postgres: temporal": 2.0,
        "postgres: payments": 0.5,
    }


def test_a_session_that_has_ended_is_still_its_users(tree: Tree) -> None:
    tree.put(10, 1, 1)
    books = accounts(tree, {"postgres": 10})
    books.look()
    tree.put(11, 10, 2, command="postgres: iceberg iceberg 127.0.0.1(4) idle")
    books.look()
    tree.end(11)
    tree.put(10, 1, 1, waited=2)
    assert rounded(books.look()) == {"postgres: iceberg": 2.0}


def test_a_restarted_service_keeps_what_it_used_before(tree: Tree) -> None:
    tree.put(10, 1, 1)
    roots = {"kafka": 10}
    books = accounts(tree, roots)
    books.look()
    tree.put(10, 1, 4)
    books.look()
    tree.end(10)
    tree.put(30, 1, 0.5)
    roots["kafka"] = 30
    assert rounded(books.look()) == {"kafka": 3.5}
    assert books.restarts == {"kafka": 1}


def test_a_service_that_is_away_is_waited_for(tree: Tree) -> None:
    tree.put(10, 1, 1)
    roots = {"kafka": 10}
    books = accounts(tree, roots)
    books.look()
    tree.end(10)
    del roots["kafka"]
    assert rounded(books.look()) == {}


def test_a_supervisor_is_not_charged_for_what_it_supervises(tree: Tree) -> None:
    tree.put(10, 1, 1)
    tree.put(11, 10, 5)
    books = accounts(tree, {"supervisord": 10, "kafka": 11}, alone={"supervisord"})
    books.look()
    tree.put(10, 1, 1.5, waited=70)
    tree.put(11, 10, 7)
    assert rounded(books.look()) == {"supervisord": 0.5, "kafka": 2.0}
