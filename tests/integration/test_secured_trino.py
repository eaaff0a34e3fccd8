"""Clients of Trino come in over TLS by a password, and say which setting is wrong where they do not."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from kit.settings import TrinoSettings
from operations.errors import UnavailableError
from operations.warehouse import Warehouse

from tests.conftest import ROOT
from tests.integration.secured.certificates import LOOPBACK, Authority
from tests.integration.secured.query_engine import PASSWORD, USER, query_engine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.integration, pytest.mark.nightly, pytest.mark.timeout(600)]
OTHER_AUTHORITIES = {"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"}
DBT = [str(ROOT / ".venv/bin/dbt"), "debug", "--connection", "--project-dir", "dbt", "--profiles-dir", "dbt"]


@dataclass(frozen=True)
class Server:
    port: int
    plain_port: int
    authority: Authority
    stranger: Authority

    def variables(self, **others: str) -> dict[str, str]:
        """Return the variables of a client that may come in, with others of its own."""
        settings = {
            "TRINO_HOST": LOOPBACK,
            "TRINO_PORT": str(self.port),
            "TRINO_TLS": "true",
            "TRINO_TLS_CA_FILE": str(self.authority.file),
            "TRINO_USER": USER,
            "TRINO_PASSWORD": PASSWORD,
        }
        return settings | others


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp("trino")
    authority = Authority(directory)
    with query_engine(directory / "state", authority.server()) as (port, plain_port):
        yield Server(port, plain_port, authority, Authority(directory, "stranger"))


def asked(variables: dict[str, str]) -> list[object]:
    """Ask as `payments` does who one is."""
    settings = TrinoSettings.model_validate({name.lower(): value for name, value in variables.items()})
    return list(Warehouse(settings.trino, "system").query("select current_user", []))


def refused(variables: dict[str, str]) -> str:
    with pytest.raises(UnavailableError) as caught:
        asked(variables)
    return str(caught.value)


def test_a_user_with_a_password_comes_in_whatever_authorities_others_trust(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(server.stranger.file))
    assert asked(server.variables()) == [[USER]]


@pytest.mark.parametrize("changed", [{"TRINO_PASSWORD": "wrong"}, {"TRINO_USER": "somebody"}])
def test_who_has_another_password_or_name_is_told_which_settings_to_look_at(
    server: Server, changed: dict[str, str]
) -> None:
    said = refused(server.variables(**changed))
    assert "it refuses the user: look at TRINO_USER and TRINO_PASSWORD" in said
    assert PASSWORD not in said


def test_nobody_comes_in_without_a_password(server: Server) -> None:
    without = server.variables()
    del without["TRINO_PASSWORD"]
    assert "look at TRINO_USER and TRINO_PASSWORD" in refused(without)
    plain = {"TRINO_HOST": LOOPBACK, "TRINO_PORT": str(server.plain_port), "TRINO_USER": USER}
    assert "look at TRINO_USER and TRINO_PASSWORD" in refused(plain)


def test_a_server_that_another_authority_signed_for_is_not_asked(server: Server) -> None:
    said = refused(server.variables(TRINO_TLS_CA_FILE=str(server.stranger.file)))
    assert "TRINO_TLS_CA_FILE" in said


@pytest.mark.parametrize("password", [PASSWORD, "wrong"])
def test_dbt_comes_in_by_the_same_settings(server: Server, password: str, tmp_path: Path) -> None:
    # How our programs start dbt leaves these out, too.
    others = {name: value for name, value in os.environ.items() if name not in OTHER_AUTHORITIES}
    done = subprocess.run(
        [*DBT, "--log-path", str(tmp_path)],
        cwd=ROOT,
        env=others | server.variables(TRINO_PASSWORD=password),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode == 0) == (password == PASSWORD), done.stdout + done.stderr
    assert PASSWORD not in done.stdout + done.stderr
