"""A front that ends TLS before Postgres, as a pooler does: the local stack's Postgres is built without TLS."""

from __future__ import annotations

import asyncio
import ssl
import threading
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

from tests.integration.secured.certificates import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.secured.certificates import Certificate

# https://www.postgresql.org/docs/current/protocol-message-formats.html: SSLRequest, eight bytes.
_SSL_REQUEST = (8).to_bytes(4) + (80877103).to_bytes(4)
ENCRYPTED_FROM = "127.0.0.2"
"""The address from which the server sees sessions that came by TLS; others come from 127.0.0.1."""


@contextmanager
def tls_front(certificate: Certificate, server_port: int) -> Iterator[int]:
    """Relay sessions to Postgres, and give the port: encrypted where the client asks for it, and as they are if not."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.certificate, certificate.key)
    loop = asyncio.new_event_loop()
    relay = partial(_relay, context, server_port)
    server = loop.run_until_complete(asyncio.start_server(relay, LOOPBACK, 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        asyncio.run_coroutine_threadsafe(_end(server), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _relay(
    context: ssl.SSLContext, server_port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    # A client that does not trust the certificate, or whose server is not up yet, goes away.
    with suppress(OSError, asyncio.IncompleteReadError):
        try:
            first, source = await reader.readexactly(8), LOOPBACK
            if first == _SSL_REQUEST:
                writer.write(b"S")
                await writer.start_tls(context)
                first, source = b"", ENCRYPTED_FROM
            answers, questions = await asyncio.open_connection(LOOPBACK, server_port, local_addr=(source, 0))
            try:
                questions.write(first)
                await asyncio.gather(_pump(reader, questions), _pump(answers, writer))
            finally:
                questions.close()
        finally:
            writer.close()


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(65_536):
            target.write(data)
            await target.drain()
    target.close()


async def _end(server: asyncio.Server) -> None:
    server.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
