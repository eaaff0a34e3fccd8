"""Options that mean nothing are refused before anything is asked, and a run can be interrupted once and then killed."""

import getpass
import signal
from typing import Any

import pytest
import typer
from operations.__main__ import app
from operations.recovery.filters import Filter
from operations.recovery.options import actor_of, chosen, interruptible
from typer.testing import CliRunner

from .recovery_cases import NOON

NOTHING: dict[str, Any] = dict.fromkeys(
    ("providers", "merchants", "events", "types", "since", "until", "version", "reasons")
)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"providers": ["strip"]}, "no provider 'strip'; there are adyen"),
        ({"since": "yesterday"}, "is not a time"),
        ({"since": "1h", "until": "2h"}, "--since has to be earlier"),
    ],
)
def test_an_option_that_means_nothing_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(typer.BadParameter, match=message):
        chosen(**(NOTHING | options))


@pytest.mark.parametrize("command", ["list", "try", "redrive", "close"])
def test_quarantined_events_are_asked_for_by_when_they_were_quarantined(command: str) -> None:
    note = ["--reason-final", "so"] if command == "close" else []
    done = CliRunner().invoke(app, ["quarantine", command, "--quarantined-since", "yesterday", *note])
    assert (done.exit_code, "is not a time" in done.output) == (2, True)
    which = chosen(**NOTHING, quarantined_since="2026-03-01T12:00")
    assert which == Filter(quarantined_since=NOON)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["replay"], "say which events"),
        (["replay", "--execute", "--dry-run", "--event", "x"], "do not go together"),
        (["quarantine", "close", "--reason-final", "so"], "say which events"),
    ],
)
def test_nobody_means_all_events(command: list[str], message: str) -> None:
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 2
    assert message in done.output


@pytest.mark.parametrize("command", [["list"], ["show"], ["try"], ["redrive"], ["close"]])
def test_every_command_says_what_it_does(command: list[str]) -> None:
    done = CliRunner().invoke(app, ["quarantine", *command, "--help"])
    assert done.exit_code == 0
    assert "--help" in done.output


def test_a_signal_asks_once_and_kills_the_second_time() -> None:
    before = signal.getsignal(signal.SIGINT)
    with interruptible() as stop:
        assert not stop.is_set()
        signal.raise_signal(signal.SIGINT)
        assert stop.is_set()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) == before


def test_who_does_it_is_the_user_unless_said() -> None:
    assert actor_of(None) == getpass.getuser()
    assert actor_of("somebody") == "somebody"
