"""Postgres that takes sessions over TLS alone, and asks for passwords by SCRAM."""

from __future__ import annotations

import dataclasses
from contextlib import contextmanager
from typing import TYPE_CHECKING

from stack.readiness import PortReady
from stack.servers import postgres

from tests.integration.secured.certificates import LOOPBACK
from tests.integration.secured.programs import do, one, serving, step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stack.context import Context

    from tests.integration.secured.certificates import Certificate

_ACCESS = f"hostssl all all {LOOPBACK}/32 scram-sha-256\n"


@contextmanager
def database(context: Context, certificate: Certificate) -> Iterator[str]:
    """Run the server of a context; give the address of its administrator, without what is about TLS."""
    items = postgres.items(context)
    do(context, step(items, "postgres-data"))
    access = certificate.key.with_suffix(".hba")
    access.write_text(_ACCESS)
    options = {
        "ssl": "on",
        "ssl_cert_file": str(certificate.certificate),
        "ssl_key_file": str(certificate.key),
        "hba_file": str(access),
    }
    process = one(items, "postgres")
    given = [option for name, value in options.items() for option in ("-c", f"{name}={value}")]
    command = (*process.command, *given)
    with serving(context, dataclasses.replace(process, command=command), ready=PortReady(context.ports.postgres)):
        yield postgres.dsn(context, "postgres", context.secrets.postgres_password.get_secret_value(), "postgres")
