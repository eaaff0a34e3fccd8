"""Trino that speaks TLS and asks each client for a user and a password."""

from __future__ import annotations

import dataclasses
import subprocess
import zipfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from stack.readiness import HttpReady
from stack.servers import trino
from stack.tools.maven import PLUGIN_SERVICE

from tests.integration.secured.certificates import LOOPBACK
from tests.integration.secured.programs import context_in, free_ports, one, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stack.context import Context

    from tests.integration.secured.certificates import Certificate

USER, PASSWORD = "payments", "correct horse"
_SOURCE = Path(__file__).with_name("OneUser.java")


@contextmanager
def query_engine(state: Path, certificate: Certificate) -> Iterator[tuple[int, int]]:
    """Run the local stack's Trino, without a catalog, and give its ports: with TLS, and without."""
    context = context_in(state)
    process = one(trino.items(context), "trino")
    (port,) = free_ports(1)
    assert isinstance(process.ready, HttpReady)
    directory = context.config("trino")
    passwords = directory / "passwords.properties"
    server = {
        "http-server.https.enabled": "true",
        "http-server.https.port": str(port),
        "http-server.https.keystore.path": str(certificate.both),
        "http-server.authentication.type": "PASSWORD",
        "password-authenticator.config-files": str(passwords),
        # Its own requests to itself.
        "internal-communication.shared-secret": "between its nodes",
        "plugin.dir": str(_plugins(context, state / "plugins")),
    }
    config = directory / "config.properties"
    kept = [line for line in process.files[config].splitlines() if line.partition("=")[0] not in server]
    files = {
        config: "\n".join([*kept, trino.lines(server)]),
        directory / "log.properties": process.files[directory / "log.properties"],
        passwords: trino.lines({"password-authenticator.name": "one-user", "user": USER, "password": PASSWORD}),
    }
    # Without the catalog of the lake, for which it would need that server and its plugin.
    changed = dataclasses.replace(process, files=files)
    ready = dataclasses.replace(process.ready, url=f"https://{LOOPBACK}:{port}/v1/info")
    with serving(context, changed, ready=ready):
        yield port, context.ports.trino


def _plugins(context: Context, directory: Path) -> Path:
    """Make a directory of plugins with ours alone, compiled against the interface that is in Trino's jars."""
    plugin = directory / "one-user"
    plugin.mkdir(parents=True)
    compiler = Path(context.java).with_name("javac")
    jars = context.tools.trino.target() / "jars"
    classes = directory.parent / "classes"
    subprocess.run([compiler, "-d", classes, "-cp", f"{jars}/*", _SOURCE], check=True)
    with zipfile.ZipFile(plugin / "one-user.jar", "w") as jar:
        for each in classes.iterdir():
            jar.write(each, each.name)
        jar.writestr(PLUGIN_SERVICE, f"{_SOURCE.stem}\n")
    return directory
