"""Clients of the registry come in over TLS by a password, and say which setting is wrong where they do not."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from kit.errors import Fault, Transient
from kit.registry import RegistryClient
from kit.settings import RegistrySettings
from payments_contracts.schemas import schema
from payments_contracts.topics import NORMALIZED

from tests.conftest import ROOT
from tests.integration.secured.certificates import Authority
from tests.integration.secured.registry import PASSWORD, USER, registry

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.integration, pytest.mark.nightly, pytest.mark.timeout(600)]


@dataclass(frozen=True)
class Server:
    url: str
    authority: Authority
    stranger: Authority

    def variables(self, **others: str) -> dict[str, str]:
        """Return the variables of a client that may come in, with others of its own."""
        settings = {
            "SCHEMA_REGISTRY_URL": self.url,
            "SCHEMA_REGISTRY_USERNAME": USER,
            "SCHEMA_REGISTRY_PASSWORD": PASSWORD,
            "SCHEMA_REGISTRY_TLS_CA_FILE": str(self.authority.file),
        }
        return settings | others


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp("registry")
    authority = Authority(directory)
    with registry(directory / "state", authority.server()) as url:
        yield Server(url, authority, Authority(directory, "stranger"))


def client(variables: dict[str, str]) -> RegistryClient:
    settings = RegistrySettings.model_validate({name.lower(): value for name, value in variables.items()})
    return RegistryClient(settings.registry, patience_seconds=1)


def register(variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(ROOT / ".venv" / "bin" / "payments"), "schemas", "register"],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_registers_and_what_looks_up_come_in(server: Server) -> None:
    done = register(server.variables())
    assert done.returncode == 0, done.stdout + done.stderr
    text = schema(NORMALIZED.record, NORMALIZED.version)
    with client(server.variables()) as found:
        by_text = found.lookup(NORMALIZED.subject, NORMALIZED.version, text)
        assert found.text(by_text.id) == text
        assert found.check() is None


@pytest.mark.parametrize(
    ("name", "value"), [("SCHEMA_REGISTRY_PASSWORD", "wrong"), ("SCHEMA_REGISTRY_USERNAME", "somebody")]
)
def test_who_has_another_password_or_name_is_told_which_settings_to_look_at(
    server: Server, name: str, value: str
) -> None:
    wrong = server.variables(**{name: value})
    with client(wrong) as refused, pytest.raises(Fault) as caught:
        refused.lookup(NORMALIZED.subject, NORMALIZED.version, "{}")
    done = register(wrong)
    assert done.returncode != 0
    for said in (str(caught.value), done.stderr):
        assert "SCHEMA_REGISTRY_USERNAME" in said
        assert "SCHEMA_REGISTRY_PASSWORD" in said
        assert PASSWORD not in said


def test_nobody_comes_in_without_a_password(server: Server) -> None:
    without = server.variables()
    del without["SCHEMA_REGISTRY_USERNAME"], without["SCHEMA_REGISTRY_PASSWORD"]
    with client(without) as refused, pytest.raises(Fault, match="SCHEMA_REGISTRY_USERNAME"):
        refused.lookup(NORMALIZED.subject, NORMALIZED.version, "{}")


def test_a_server_that_another_authority_signed_for_is_told_no_password(server: Server) -> None:
    by_stranger = server.variables(SCHEMA_REGISTRY_TLS_CA_FILE=str(server.stranger.file))
    with client(by_stranger) as refused, pytest.raises(Transient, match="SCHEMA_REGISTRY_TLS_CA_FILE"):
        refused.lookup(NORMALIZED.subject, NORMALIZED.version, "{}")
    done = register(by_stranger)
    assert done.returncode != 0
    assert "SCHEMA_REGISTRY_TLS_CA_FILE" in done.stderr
