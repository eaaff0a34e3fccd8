"""The registry behind a front that speaks TLS and asks for a user and a password, as a reverse proxy does."""

from __future__ import annotations

import base64
import secrets
import threading
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING

import httpx
import uvicorn
from fastapi import FastAPI, Request, Response
from stack.servers.registry import API, items

from tests.integration.orchestration import wait_for
from tests.integration.secured.certificates import LOOPBACK
from tests.integration.secured.programs import context_in, free_ports, one, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.secured.certificates import Certificate

USER, PASSWORD = "payments", "correct horse: battery"
_KEPT = ("content-type", "accept")


@contextmanager
def registry(state: Path, certificate: Certificate) -> Iterator[str]:
    """Run the local stack's registry, and give the address of the Confluent API at the front."""
    context = context_in(state)
    with (
        serving(context, one(items(context), "registry")),
        front(context.url(context.ports.registry), [], certificate) as url,
    ):
        yield f"{url}{API}"


@contextmanager
def front(behind: str, clients: list[str], certificate: Certificate | None = None) -> Iterator[str]:
    """Stand before a registry, and give the address: HTTPS with a certificate, HTTP without one.

    Args:
        behind: Address of the registry.
        clients: Gets what each client that came in calls itself.
        certificate: The front's own.
    """
    (port,) = free_ports(1)
    config = uvicorn.Config(
        _app(behind, clients),
        host=LOOPBACK,
        port=port,
        ssl_certfile=certificate.certificate if certificate else None,
        ssl_keyfile=certificate.key if certificate else None,
        log_config=None,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_for("the front", lambda: server.started)
    try:
        yield f"{'https' if certificate else 'http'}://{LOOPBACK}:{port}"
    finally:
        server.should_exit = True
        thread.join()


def _app(behind: str, clients: list[str]) -> FastAPI:
    """Return what passes requests of the one user on, with nothing of how it came in."""
    expected = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    app = FastAPI()

    @app.api_route("/{path:path}", methods=["GET", "POST", "PUT", "DELETE"])
    async def relay(request: Request) -> Response:
        if not secrets.compare_digest(request.headers.get("authorization", ""), expected):
            return Response("who are you?", HTTPStatus.UNAUTHORIZED, {"www-authenticate": "Basic"})
        clients.append(request.headers.get("user-agent", ""))
        headers = {name: request.headers[name] for name in _KEPT if name in request.headers}
        async with httpx.AsyncClient(base_url=behind, trust_env=False, timeout=30) as client:
            # As it stands in the request: a subject may have characters that are escaped.
            url = request.scope["raw_path"].decode() + (f"?{request.url.query}" if request.url.query else "")
            answer = await client.request(request.method, url, headers=headers, content=await request.body())
        return Response(answer.content, answer.status_code, {"content-type": answer.headers.get("content-type", "")})

    return app
