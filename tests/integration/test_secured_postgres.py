"""Clients of the operational database come in over TLS, and say which setting is wrong where they do not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
from kit.errors import PipelineError, Transient
from operations.database import plan_database
from orchestrator.database import PostgresStore
from pydantic import SecretStr

from tests.integration.secured.certificates import Authority
from tests.integration.secured.front import ENCRYPTED_FROM
from tests.integration.secured.postgres import database
from tests.integration.secured.programs import context_in

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.integration, pytest.mark.nightly, pytest.mark.timeout(600)]


class Server:
    def __init__(self, dsn: str, authority: Authority, stranger: Authority) -> None:
        self.dsn = dsn
        self.authority = authority
        self.stranger = stranger

    def by(self, authority: Authority, mode: str = "verify-full") -> str:
        return f"{self.dsn}?sslmode={mode}&sslrootcert={authority.file}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp("postgres")
    authority = Authority(directory)
    with database(context_in(directory / "state"), authority.server()) as dsn:
        yield Server(dsn, authority, Authority(directory, "stranger"))


def test_a_session_is_encrypted_and_its_password_goes_by_scram(server: Server) -> None:
    with psycopg.connect(server.by(server.authority)) as session:
        encrypted = session.pgconn.ssl_in_use
        address = session.execute("SELECT host(inet_client_addr())").fetchone()
        kept = session.execute("SELECT rolpassword FROM pg_authid WHERE rolname = 'postgres'").fetchone()
    assert encrypted
    assert address == (ENCRYPTED_FROM,)
    assert kept is not None
    assert str(kept[0]).startswith("SCRAM-SHA-256$")


def test_what_deploys_comes_in(server: Server) -> None:
    with pytest.raises(PipelineError) as caught:
        list(plan_database(SecretStr(server.dsn.replace("postgres:", "nobody:", 1)), [], patience=1.0))
    assert "POSTGRES_DSN" in str(caught.value)
    assert list(plan_database(SecretStr(server.by(server.authority)), [], patience=1.0)) == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("authority", "sslrootcert does not hold the authority"),
        ("password", "refuses its user or password"),
        ("plain", "it may want sslmode=verify-full"),
        ("file", "sslrootcert names no file"),
    ],
)
async def test_what_is_wrong_with_the_address_is_told_without_showing_it(server: Server, wrong: str, said: str) -> None:
    password = server.dsn.partition("postgres:")[2].partition("@")[0]
    addresses = {
        "authority": server.by(server.stranger),
        "password": server.by(server.authority).replace(password, "not-it"),
        "plain": f"{server.dsn}?sslmode=disable",
        "file": f"{server.dsn}?sslmode=verify-full&sslrootcert=/absent.crt",
    }
    store = PostgresStore(SecretStr(addresses[wrong]))
    try:
        with pytest.raises(Transient, match="POSTGRES_DSN") as caught:
            await store.rows("SELECT 1", [])
    finally:
        await store.close()
    assert said in str(caught.value)
    assert password not in str(caught.value)


def test_an_expired_certificate_is_refused(tmp_path_factory: pytest.TempPathFactory) -> None:
    directory = tmp_path_factory.mktemp("expired")
    authority = Authority(directory)
    with (
        database(context_in(directory / "state"), authority.expired()) as dsn,
        pytest.raises(PipelineError, match="not valid now"),
    ):
        list(plan_database(SecretStr(f"{dsn}?sslmode=verify-full&sslrootcert={authority.file}"), [], patience=1.0))
