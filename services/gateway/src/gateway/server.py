"""The HTTP server: uvicorn, with limits on what a client may send and how long it may take. See decision 16."""

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from gateway.answers import Outbox
from gateway.exchange import Endpoint
from gateway.limits import Limits, OnRefusal
from gateway.protocol import BoundedProtocol

_TICKS_BETWEEN_SWEEPS = 10


class Server(uvicorn.Server):
    """Uvicorn's server, which looks after slow clients once a second."""

    async def on_tick(self, counter: int) -> bool:
        """Do what is to be done ten times a second."""
        if counter % _TICKS_BETWEEN_SWEEPS == 0:
            now = asyncio.get_running_loop().time()
            for connection in list(self.server_state.connections):
                if isinstance(connection, BoundedProtocol):
                    connection.expire(now)
        return await super().on_tick(counter)


def build_server(
    app: ASGIApp,
    host: str,
    port: int,
    *,
    endpoints: Mapping[bytes, Endpoint[Any]],
    limits: Limits,
    drain_seconds: int,
    on_refusal: OnRefusal,
) -> Server:
    """Return a server that is not started yet.

    Args:
        app: What answers whatever is no webhook.
        endpoints: What answers POST requests of these paths.
        host: Where to listen.
        port: Where to listen.
        limits: What a request may take.
        drain_seconds: How long requests under way may take once the server is told to stop.
        on_refusal: Told of each request that did not get as far as the app.
    """
    outbox = Outbox(asyncio.get_running_loop())
    protocol = partial(BoundedProtocol, endpoints=endpoints, limits=limits, outbox=outbox, on_refusal=on_refusal)
    return Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            http=protocol,  # type: ignore[arg-type]  # uvicorn calls it, no more
            ws="none",
            lifespan="on",
            log_config=None,
            # Whoever sends what is not HTTP would be given a line in the log for each.
            log_level="error",
            access_log=False,
            server_header=False,
            # Nothing here depends on the client's address.
            proxy_headers=False,
            timeout_keep_alive=limits.idle_seconds,
            timeout_graceful_shutdown=drain_seconds,
        )
    )
