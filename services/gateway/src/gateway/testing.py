"""A gateway's own server in the event loop of a test, without the lifespan of its app."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from gateway.app import GatewayApp
from gateway.limits import Limits, OnRefusal
from gateway.server import build_server


@asynccontextmanager
async def listening(app: GatewayApp, on_refusal: OnRefusal = lambda _reason: None) -> AsyncIterator[str]:
    """Have a gateway listen on a port that was free; give its URL."""
    log = logging.getLogger("uvicorn.error")
    level = log.level
    server = build_server(
        app, "127.0.0.1", 0, endpoints=app.endpoints, limits=Limits(), drain_seconds=1, on_refusal=on_refusal
    )
    server.config.load()
    make: Any = server.config.http_protocol_class
    protocol = partial(make, server.config, server.server_state, {})
    listener = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    listener.close()
    await listener.wait_closed()
    # The server sets it for the whole program.
    log.setLevel(level)
