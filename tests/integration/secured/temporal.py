"""Temporal whose frontend speaks TLS and asks for a key: a JWT, which its own authorizer looks into."""

from __future__ import annotations

import dataclasses
import json
import threading
import time
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import yaml
from joserfc import jwt
from joserfc.jwk import RSAKey
from stack.readiness import PortReady
from stack.servers import postgres, temporal

from tests.integration.secured.certificates import LOOPBACK, Authority, Certificate
from tests.integration.secured.programs import context_in, do, one, serving, step
from tests.processes import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from stack.context import Context

_HOUR = 3600


class Keys:
    """Signs keys, and publishes by what they are known."""

    def __init__(self) -> None:
        self._key = RSAKey.generate_key(2048, {"kid": "test", "use": "sig", "alg": "RS256"}, private=True)
        published = json.dumps({"keys": [self._key.as_dict(private=False)]}).encode()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()
                self.wfile.write(published)

            def log_message(self, *arguments: Any) -> None:
                pass

        self.server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
        self.url = f"http://{LOOPBACK}:{self.server.server_port}/jwks.json"

    def sign(self, *permissions: str) -> str:
        """Return a key with permissions such as payments:write."""
        claims = {"sub": "test", "permissions": list(permissions), "exp": int(time.time()) + _HOUR}
        return jwt.encode({"alg": "RS256", "kid": "test"}, claims, self._key)


@dataclasses.dataclass(frozen=True)
class Frontend:
    """Where it is, by gRPC and by HTTP, and who made its certificate and the keys."""

    address: str
    url: str
    authority: Authority
    stranger: Authority
    keys: Keys


@contextmanager
def frontend(directory: Path) -> Iterator[Frontend]:
    """Run Temporal over Postgres, with the local stack's own configuration but for who may come in."""
    context = context_in(directory / "state")
    authority, stranger, keys = Authority(directory), Authority(directory, "stranger"), Keys()
    items = temporal.items(context)
    with ExitStack() as resources:
        resources.enter_context(_database(context))
        do(context, step(items, "temporal-schema"))
        thread = threading.Thread(target=keys.server.serve_forever)
        thread.start()
        resources.callback(thread.join)
        resources.callback(keys.server.shutdown)
        process = one(items, "temporal")
        services = ("frontend", "internal-frontend", "history", "matching", "worker")
        # It authorizes, so that it is told by nothing that it need not.
        command = [word for word in process.command if word != "--allow-no-auth"]
        command += [word for service in services for word in ("--service", service)]
        config = context.config("temporal") / "server.yaml"
        text = _secured(yaml.safe_load(process.files[config]), authority, authority.server(), keys)
        changed = dataclasses.replace(process, command=tuple(command))
        resources.enter_context(
            serving(context, changed, files={config: text}, ready=PortReady(context.ports.temporal_http))
        )
        at = f"{LOOPBACK}:{context.ports.temporal}"
        yield Frontend(at, f"https://{LOOPBACK}:{context.ports.temporal_http}", authority, stranger, keys)


@contextmanager
def _database(context: Context) -> Iterator[None]:
    items = postgres.items(context)
    do(context, step(items, "postgres-data"))
    with serving(context, one(items, "postgres")):
        do(context, step(items, "databases"))
        yield


def _secured(config: Any, authority: Authority, certificate: Certificate, keys: Keys) -> str:
    config["global"]["tls"] = {
        "frontend": {
            "server": {"certFile": str(certificate.certificate), "keyFile": str(certificate.key)},
            "client": {"serverName": "localhost", "rootCaFiles": [str(authority.file)]},
        }
    }
    config["global"]["authorization"] = {
        "jwtKeyProvider": {"keySourceURIs": [keys.url], "refreshInterval": "1m"},
        "permissionsClaimName": "permissions",
        "authorizer": "default",
        "claimMapper": "default",
    }
    # Temporal's own workflows come in by a frontend of their own, which is nobody else's.
    config["services"]["internal-frontend"] = {
        "rpc": {"grpcPort": free_port(), "membershipPort": free_port(), "bindOnLocalHost": True}
    }
    del config["publicClient"]
    return yaml.safe_dump(config, sort_keys=False)
