"""Receives one webhook: authenticate, look at its structure, publish, answer."""

import math
from asyncio import sleep
from collections.abc import Callable, Iterable
from http import HTTPStatus
from time import monotonic
from typing import Final, Literal

import structlog
from kit.clock import Clock
from kit.errors import Fault, Rejected, Transient
from payments_contracts.providers import Provider
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway.envelope import Envelope, EnvelopeReader
from gateway.errors import BodyTooLargeError, Forged, Malformed
from gateway.metrics import GatewayMetrics
from gateway.problems import problem
from gateway.publication import Delivery, Publication
from gateway.signature import Verifier

_LOG = structlog.get_logger("gateway")
_RETRY_AFTER_SECONDS = 1
_SECONDS_BETWEEN_FORGERY_LOGS = 1.0
_MAX_DIGITS = 15
# Written out: ids all have one length.
_ACCEPTED: Final = b'{"event_id":"%b","status":"accepted"}'
_ACCEPTED_HEADERS: Final = (
    (b"content-type", b"application/json"),
    (b"content-length", b"%d" % len(_ACCEPTED % bytes(36))),
)


class Reception:
    """Answers webhooks of one provider, as an ASGI application of its own. It is closed at first.

    Webhooks do not pass through FastAPI, which would take as long for each as everything that is done here.

    Args:
        provider: Whose webhooks.
        verifier: Tells authentic from forged.
        publication: Where webhooks go.
        clock: Gives the time at which a webhook was received.
        metrics: Counts.
        max_concurrent: How many webhooks may be under way; any more are asked to come again.
        on_fault: Called when the gateway cannot do its work any more and has to be stopped.
    """

    def __init__(
        self,
        *,
        provider: Provider,
        verifier: Verifier,
        publication: Publication,
        clock: Clock,
        metrics: GatewayMetrics,
        max_concurrent: int,
        on_fault: Callable[[], None],
    ) -> None:
        self._limit = provider.envelope.max_body_bytes
        self._oldest = provider.envelope.max_event_age_seconds
        self._kept = {name.lower().encode(): name.lower() for name in provider.envelope.headers_kept}
        self._signature_header = provider.signature.header.lower().encode()
        self._envelopes = EnvelopeReader(provider)
        self._verifier = verifier
        self._publication = publication
        self._clock = clock
        self._metrics = metrics
        self._max_concurrent = max_concurrent
        self._under_way = 0
        self._on_fault = on_fault
        self._forgery_logged_at = -math.inf
        self.is_open = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one webhook: 2xx only once Kafka has acknowledged it, and never a 5xx for what it contains."""
        if not self.is_open:
            answer = self._unavailable("not_ready", "The gateway is starting or stopping; send the webhook again.")
        elif self._under_way >= self._max_concurrent:
            detail = f"{self._under_way} webhooks are under way; send this one again."
            answer = self._unavailable("not_ready", detail)
        else:
            self._under_way += 1
            try:
                event_id = await self._answer(scope, receive)
            finally:
                self._under_way -= 1
            if isinstance(event_id, str):
                await _accept(event_id, send)
                return
            answer = event_id
        await answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive) -> str | Response:
        """Return the event's id once it is durable, or the refusal."""
        started = monotonic()
        headers: Iterable[tuple[bytes, bytes]] = scope["headers"]
        signatures: list[str] = []
        kept: dict[str, str] = {}
        announced = b""
        for name, value in headers:
            if name == self._signature_header:
                signatures.append(value.decode("latin-1"))
            if (known := self._kept.get(name)) is not None:
                # Of a header that comes more than once the first counts.
                kept.setdefault(known, value.decode("latin-1"))
            elif name == b"content-length":
                announced = value
        try:
            body = await self._read(receive, announced)
        except BodyTooLargeError:
            return self._refuse_large()
        except ClientDisconnect:
            self._metrics.count("refused", "disconnected")
            return Response(status_code=HTTPStatus.BAD_REQUEST)
        # Each step gives way, so that it is done for all webhooks of this turn before the next one begins: what a step
        # needs is in the processor's caches then. Measured, see docs/decisions/0015-what-makes-the-gateway-fast.md.
        await sleep(0)
        # To the millisecond, as it is kept: whoever verifies the record again comes to the same verdict.
        received_at = int(self._clock().timestamp() * 1000)
        verdict = self._verifier.verify(signatures, body, received_at / 1000)
        if isinstance(verdict, Forged):
            return self._refuse_forged(verdict)
        self._metrics.count_secret(verdict.secret_id)
        return await self._publish(Delivery(kept, body, received_at), verdict.merchant_id, started)

    async def _read(self, receive: Receive, announced: bytes) -> bytes:
        # Compared as text first: Python refuses to read a number of thousands of digits.
        if announced.isdigit() and (len(announced) > _MAX_DIGITS or int(announced) > self._limit):
            raise BodyTooLargeError
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            chunk: bytes = message.get("body", b"")
            size += len(chunk)
            if size > self._limit:
                raise BodyTooLargeError
            if not message.get("more_body", False):
                return b"".join((*chunks, chunk)) if chunks else chunk
            chunks.append(chunk)

    async def _publish(self, delivery: Delivery, merchant_id: str, started: float) -> str | Response:
        await sleep(0)
        envelope = self._envelopes.read(delivery.body, merchant_id)
        await sleep(0)
        try:
            if isinstance(envelope, Malformed):
                event_id = await self._publication.dead_letter(envelope, merchant_id, delivery)
                self._metrics.count("malformed", envelope.reason_code)
                status = HTTPStatus.UNPROCESSABLE_ENTITY
                return problem(status, envelope.reason_code, envelope.detail, event_id=event_id)
            if (stale := self._stale(envelope, delivery)) is not None:
                return self._refuse_forged(stale)
            await self._publication.accept(envelope, delivery)
        except Transient as error:
            detail = "Kafka did not acknowledge the webhook; send it again."
            return self._unavailable("broker_unavailable", detail, error)
        except Rejected as error:
            _LOG.error("record refused", detail=error.detail)
            self._metrics.count("refused", "body_too_large")
            detail = "Kafka takes no record of this size."
            return problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body_too_large", detail)
        except Fault as error:
            _LOG.critical("cannot publish", detail=str(error))
            self._on_fault()
            return self._unavailable("broker_unavailable", "Kafka cannot be written to; send the webhook again.")
        self._metrics.note_accepted(monotonic() - started)
        return envelope.event_id

    def _stale(self, envelope: Envelope, delivery: Delivery) -> Forged | None:
        """Return why an authentic event is taken for a replay, where its signature covers no time of its own.

        One whose time cannot be read is not: nobody but the provider can have written it so.
        """
        if self._oldest is None or envelope.created_at is None:
            return None
        if delivery.received_at - envelope.created_at > self._oldest * 1000:
            return Forged("signature_expired", f"The event is more than {self._oldest} seconds old.")
        return None

    def _refuse_large(self) -> Response:
        self._metrics.count("refused", "body_too_large")
        detail = f"The body is longer than {self._limit} bytes."
        # The connection stays, so that the server reads and drops the rest: a connection closed while the sender is
        # still writing is reset, and takes the answer with it.
        return problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body_too_large", detail)

    def _refuse_forged(self, forged: Forged) -> Response:
        self._metrics.count("forged", forged.reason_code)
        # Sampled, so that a flood of forgeries does not become a flood of logs; the metric counts all.
        now = monotonic()
        if now - self._forgery_logged_at >= _SECONDS_BETWEEN_FORGERY_LOGS:
            self._forgery_logged_at = now
            _LOG.warning("forged webhook", reason=forged.reason_code)
        return problem(HTTPStatus.UNAUTHORIZED, forged.reason_code, forged.detail)

    def _unavailable(
        self, reason_code: Literal["not_ready", "broker_unavailable"], detail: str, error: Transient | None = None
    ) -> Response:
        self._metrics.count("unavailable", reason_code)
        after = (
            _RETRY_AFTER_SECONDS if error is None or error.retry_after_seconds is None else error.retry_after_seconds
        )
        return problem(
            HTTPStatus.SERVICE_UNAVAILABLE, reason_code, detail, retry_after_seconds=max(1, math.ceil(after))
        )


async def _accept(event_id: str, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": _ACCEPTED_HEADERS})
    await send({"type": "http.response.body", "body": _ACCEPTED % event_id.encode()})
