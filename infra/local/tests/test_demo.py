"""The demo's parts, with programs in place of the pipeline's that write down how they were called."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from stack.demo.batch import CURRENCY, EXPONENT, batch
from stack.demo.mending import Mended
from stack.demo.narration import Narrator
from stack.demo.pipeline import Pipeline
from stack.demo.programs import Programs
from stack.demo.story import Story, Traffic
from stack.errors import StackError
from stack.places import Places
from stack.session import Session
from stack.settings import Settings

PROGRAM = """#!/bin/sh
echo "$(basename "$0") $*" >> calls
[ "$1" = fail ] && echo "what is wrong" && echo "and where" && exit 7
[ "$1" = many ] && echo "one file" && echo "2 files"
[ "$1" = json ] && echo '{"events": []}'
exit 0
"""


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def said() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def narrator(said: io.StringIO) -> Narrator:
    clock = Clock()
    return Narrator(Console(file=said, width=80), 2, lambda: clock.now, clock.sleep)


@pytest.fixture
def programs(tmp_path: Path, narrator: Narrator) -> Programs:
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("simulator", "payments"):
        (folder / name).write_text(PROGRAM)
        (folder / name).chmod(0o755)
    return Programs(folder, tmp_path, {}, narrator)


def calls(programs: Programs) -> list[str]:
    return (programs.directory / "calls").read_text().splitlines()


def test_without_a_terminal_steps_are_plain_lines(narrator: Narrator, said: io.StringIO) -> None:
    narrator.begin("traffic", "Webhooks come in.")
    narrator.begin("Gold", "All is balanced.")
    assert said.getvalue() == "\n1 of 2: traffic\nWebhooks come in.\n\n2 of 2: Gold\nAll is balanced.\n"


def test_a_wait_says_for_what_and_how_long_it_took(narrator: Narrator, said: io.StringIO) -> None:
    answers = iter([False, False, True])
    narrator.wait("the row", lambda: next(answers), 10, "see the log")
    assert "waiting for the row" in said.getvalue()
    assert "the row: after 2 s" in said.getvalue()


def test_a_wait_that_is_in_vain_says_where_to_look(narrator: Narrator) -> None:
    with pytest.raises(StackError, match=r"^Waited 10 s for the row, in vain: see the log\.$"):
        narrator.wait("the row", lambda: False, 10, "see the log")


def test_a_command_is_shown_and_run(programs: Programs, said: io.StringIO) -> None:
    programs.run("payments", "trace", "an id")
    assert said.getvalue() == "$ payments trace 'an id'\n"
    assert calls(programs) == ["payments trace an id"]


def test_a_command_that_fails_ends_the_demo(programs: Programs) -> None:
    with pytest.raises(StackError, match=r"^`payments fail` ended with 7; what it said is above\.$"):
        programs.run("payments", "fail")
    with pytest.raises(StackError, match="`simulator fail` ended with 7"), programs.beside("simulator", "fail"):
        pass


def test_a_program_that_is_missing_is_named(programs: Programs) -> None:
    with pytest.raises(StackError, match="codegen does not exist: run `make setup`"):
        programs.run("codegen", "lint")


def test_what_a_command_prints_is_read_where_it_is_json(programs: Programs) -> None:
    assert programs.ask("payments", "json") == {"events": []}
    assert programs.ask("payments", "else") is None


def test_the_copy_of_the_contracts_has_one_line_more(tmp_path: Path, places: Callable[[Path], Places]) -> None:
    here = places(tmp_path)
    (tmp_path / "copy").mkdir()
    mended = Mended(tmp_path / "copy", here)
    assert mended.accept_currency("stripe", CURRENCY, EXPONENT) == "HRK: {exponent: 2}"
    file = "providers/stripe/provider.yaml"
    before = (here.repository / "contracts" / file).read_text().splitlines()
    after = (mended.contracts / file).read_text().splitlines()
    assert [line for line in after if line not in before] == ["  HRK: {exponent: 2}"]
    assert after[after.index("  HRK: {exponent: 2}") - 1] == "currencies:"


def test_a_contract_without_a_list_to_add_to_is_named(tmp_path: Path, places: Callable[[Path], Places]) -> None:
    (tmp_path / "copy").mkdir()
    with pytest.raises(StackError, match=r"square/provider\.yaml has 0 lists of currencies"):
        Mended(tmp_path / "copy", places(tmp_path)).accept_currency("square", CURRENCY, EXPONENT)


def test_of_many_lines_the_last_is_shown_and_all_of_a_failure(programs: Programs, said: io.StringIO) -> None:
    programs.run_briefly("payments", "many")
    assert said.getvalue() == "$ payments many\n2 files\n"
    with pytest.raises(StackError, match="`payments fail` ended with 7"):
        programs.run_briefly("payments", "fail")
    assert said.getvalue().endswith("what is wrong\nand where\n")


def test_the_batch_is_what_the_simulator_reads() -> None:
    told = json.loads(batch("acct_1", "now", 3))
    assert told["provider"] == "stripe"
    assert len({each["id"] for each in told["bodies"]}) == 3
    assert {each["account"] for each in told["bodies"]} == {"acct_1"}


def test_a_stack_that_does_not_run_is_said_at_once(tmp_path: Path, said: io.StringIO) -> None:
    session = Session(Settings(state_dir=tmp_path), Console(file=said))
    with pytest.raises(StackError, match="The stack is not running: `make up` first"):
        Pipeline(session).require_up()


def test_the_quick_demo_sends_and_verifies(programs: Programs, narrator: Narrator, tmp_path: Path) -> None:
    pipeline = Pipeline(Session(Settings(state_dir=tmp_path), narrator.console))
    Story(pipeline, programs, narrator, tmp_path / "ledgers").tell_quickly(Traffic(200, 50))
    sent, verified = calls(programs)
    assert sent.startswith("simulator send --provider stripe --count 200 --rate 50 --run ")
    ledger = sent.rpartition(" ")[2]
    assert verified == f"payments verify --refresh --ledger {ledger}"
