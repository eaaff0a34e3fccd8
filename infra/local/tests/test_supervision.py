from collections.abc import Callable
from configparser import RawConfigParser
from pathlib import Path

import pytest

from stack import supervision
from stack.places import LONGEST_SOCKET_PATH, Places
from stack.processes import Process

Parse = Callable[[Path], RawConfigParser]


@pytest.fixture
def parsed(places: Callable[[Path], Places], process: Callable[..., Process]) -> Parse:
    def parse(root: Path) -> RawConfigParser:
        parser = RawConfigParser()
        processes = [process("db", stop_signal="INT", stop_seconds=7), process("app")]
        parser.read_string(supervision.render(places(root), processes))
        return parser

    return parse


def test_processes_start_on_demand_and_come_back_after_a_crash(parsed: Parse, tmp_path: Path) -> None:
    section = parsed(tmp_path)["program:db"]
    assert (section["autostart"], section["autorestart"]) == ("false", "true")
    assert (section["stopsignal"], section["stopwaitsecs"], section["killasgroup"]) == ("INT", "7", "true")


def test_a_percent_sign_in_a_path_is_not_taken_for_an_expansion(parsed: Parse, tmp_path: Path) -> None:
    section = parsed(tmp_path / "100%")["program:app"]
    assert "100%%" in section["stdout_logfile"]


def test_secrets_go_into_private_scripts_and_not_into_the_configuration(
    places: Callable[[Path], Places], process: Callable[..., Process], tmp_path: Path
) -> None:
    here = places(tmp_path)
    supervision.write(here, [process("app", environment={"PASSWORD": "hush"})])
    script = here.run / "app.sh"
    assert "hush" in script.read_text()
    assert script.stat().st_mode & 0o777 == 0o600
    assert "hush" not in (here.run / "supervisord.conf").read_text()


def test_the_socket_moves_when_its_path_would_be_too_long_for_the_kernel(
    places: Callable[[Path], Places], tmp_path: Path
) -> None:
    near, far = places(Path("/s")), places(tmp_path / ("deep" * 30))
    assert near.supervisor_socket == near.run / "supervisor.sock"
    assert len(str(far.supervisor_socket)) <= LONGEST_SOCKET_PATH
    assert far.supervisor_socket != places(tmp_path / ("deeper" * 30)).supervisor_socket
