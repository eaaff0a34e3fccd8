"""Receives one webhook: authenticate, look at its structure, publish, answer."""

import math
from collections.abc import Callable
from http import HTTPStatus
from time import monotonic

import orjson
import structlog
from kit.clock import Clock
from kit.errors import Fault, Transient
from payments_contracts.providers import Provider
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from gateway.envelope import read
from gateway.errors import BodyTooLargeError, Forged, Malformed
from gateway.metrics import GatewayMetrics
from gateway.problems import problem
from gateway.publication import Delivery, Publication
from gateway.signature import Verifier

_LOG = structlog.get_logger("gateway")
_RETRY_AFTER_SECONDS = 1
_SECONDS_BETWEEN_FORGERY_LOGS = 1.0
_MAX_DIGITS = 15


class Reception:
    """Answers webhooks of one provider. It is closed at first; `open` it once Kafka can be written to."""

    def __init__(
        self,
        *,
        provider: Provider,
        verifier: Verifier,
        publication: Publication,
        clock: Clock,
        metrics: GatewayMetrics,
        on_fault: Callable[[], None],
    ) -> None:
        self._provider = provider
        self._limit = provider.envelope.max_body_bytes
        self._kept = [name.lower() for name in provider.envelope.headers_kept]
        self._signature_header = provider.signature.header.lower()
        self._verifier = verifier
        self._publication = publication
        self._clock = clock
        self._metrics = metrics
        self._on_fault = on_fault
        self._latency = metrics.acknowledgement.labels(provider.name)
        self._accepted = metrics.webhooks.labels(provider.name, "accepted", "")
        self._forgery_logged_at = -math.inf
        self.is_open = False

    async def receive(self, request: Request) -> Response:
        """Answer one webhook: 2xx only once Kafka has acknowledged it, and never a 5xx for what it contains."""
        started = monotonic()
        if not self.is_open:
            return self._unavailable("not_ready", "The gateway is starting or stopping; send the webhook again.")
        try:
            body = await _read(request, self._limit)
        except BodyTooLargeError:
            self._count("refused", "body_too_large")
            detail = f"The body is longer than {self._limit} bytes."
            answer = problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body_too_large", detail)
            # The rest of the body is not read.
            answer.headers["Connection"] = "close"
            return answer
        except ClientDisconnect:
            self._count("refused", "disconnected")
            return Response(status_code=HTTPStatus.BAD_REQUEST)
        return await self._answer(request.headers, body, started)

    async def _answer(self, headers: Headers, body: bytes, started: float) -> Response:
        now = self._clock()
        verdict = self._verifier.verify(headers.getlist(self._signature_header), body, now)
        if isinstance(verdict, Forged):
            return self._refuse_forged(verdict)
        self._metrics.secrets.labels(self._provider.name, verdict.secret_id).inc()
        kept = {name: value for name in self._kept if (value := headers.get(name)) is not None}
        try:
            return await self._publish(Delivery(kept, body, now), verdict.merchant_id, started)
        except Transient as error:
            detail = "Kafka did not acknowledge the webhook; send it again."
            return self._unavailable("broker_unavailable", detail, error)
        except Fault as error:
            _LOG.critical("cannot publish", detail=str(error))
            self._on_fault()
            return self._unavailable("broker_unavailable", "Kafka cannot be written to; send the webhook again.")

    async def _publish(self, delivery: Delivery, merchant_id: str, started: float) -> Response:
        envelope = read(self._provider, delivery.body, merchant_id)
        if isinstance(envelope, Malformed):
            event_id = await self._publication.dead_letter(envelope, merchant_id, delivery)
            self._count("malformed", envelope.reason_code)
            return problem(HTTPStatus.UNPROCESSABLE_ENTITY, envelope.reason_code, envelope.detail, event_id=event_id)
        await self._publication.accept(envelope, delivery)
        self._accepted.inc()
        self._latency.observe(monotonic() - started)
        content = orjson.dumps({"event_id": envelope.event_id, "status": "accepted"})
        return Response(content, media_type="application/json")

    def _refuse_forged(self, forged: Forged) -> Response:
        self._count("forged", forged.reason_code)
        # Sampled, so that a flood of forgeries does not become a flood of logs; the metric counts all.
        now = monotonic()
        if now - self._forgery_logged_at >= _SECONDS_BETWEEN_FORGERY_LOGS:
            self._forgery_logged_at = now
            _LOG.warning("forged webhook", reason=forged.reason_code)
        return problem(HTTPStatus.UNAUTHORIZED, forged.reason_code, forged.detail)

    def _unavailable(self, reason_code: str, detail: str, error: Transient | None = None) -> Response:
        self._count("unavailable", reason_code)
        after = (
            _RETRY_AFTER_SECONDS if error is None or error.retry_after_seconds is None else error.retry_after_seconds
        )
        return problem(
            HTTPStatus.SERVICE_UNAVAILABLE, reason_code, detail, retry_after_seconds=max(1, math.ceil(after))
        )

    def _count(self, outcome: str, reason: str) -> None:
        self._metrics.webhooks.labels(self._provider.name, outcome, reason).inc()


async def _read(request: Request, limit: int) -> bytes:
    announced = request.headers.get("content-length", "")
    # Compared as text first: Python refuses to read a number of thousands of digits.
    if announced.isdecimal() and (len(announced) > _MAX_DIGITS or int(announced) > limit):
        raise BodyTooLargeError
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise BodyTooLargeError
        chunks.append(chunk)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)
