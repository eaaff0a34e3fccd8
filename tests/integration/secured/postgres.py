"""Postgres that takes sessions over TLS alone, and asks for passwords by SCRAM."""

from __future__ import annotations

import dataclasses
from contextlib import contextmanager
from typing import TYPE_CHECKING

from stack.readiness import PostgresReady
from stack.servers import postgres

from tests.integration.secured.front import ENCRYPTED_FROM, tls_front
from tests.integration.secured.programs import do, one, serving, step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stack.context import Context

    from tests.integration.secured.certificates import Certificate

_ACCESS = f"host all all {ENCRYPTED_FROM}/32 scram-sha-256\n"


@contextmanager
def database(context: Context, certificate: Certificate) -> Iterator[str]:
    """Run the server of a context behind a front; give its administrator's address, without what is about TLS."""
    items = postgres.items(context)
    do(context, step(items, "postgres-data"))
    access = certificate.key.with_suffix(".hba")
    access.write_text(_ACCESS)
    process = one(items, "postgres")
    changed = dataclasses.replace(process, command=(*process.command, "-c", f"hba_file={access}"))
    with tls_front(certificate, context.ports.postgres) as port:
        password = context.secrets.postgres_password.get_secret_value()
        direct = postgres.dsn(context, "postgres", password, "postgres")
        dsn = direct.replace(f":{context.ports.postgres}/", f":{port}/")
        with serving(context, changed, ready=PostgresReady(f"{dsn}?sslmode=require")):
            yield dsn
