"""Receives webhooks: authenticate, look at their structure, publish, answer.

Those that came whole in one turn of the event loop are taken through each step together: what a step needs is in the
processor's caches then. Measured, see docs/decisions/0015-what-makes-the-gateway-fast.md.
"""

import math
from asyncio import get_running_loop
from collections.abc import Callable, Iterable
from functools import partial
from http import HTTPStatus
from time import monotonic
from typing import Final

import structlog
from kit.clock import Clock
from kit.errors import Fault, Rejected, Transient
from kit.tracing import about_event
from payments_contracts.identity import malformed_event_id
from payments_contracts.providers import Provider

from gateway.answers import Answer, Header, Respond
from gateway.envelope import Envelope, EnvelopeReader
from gateway.errors import Forged, KeyNeeded, Malformed, RequestReason, TooOld, UnavailableReason
from gateway.items import Item
from gateway.metrics import GatewayMetrics
from gateway.problems import problem
from gateway.publication import Delivery, Publication
from gateway.signature import Authentic, Verifier

_LOG = structlog.get_logger("gateway")
_RETRY_AFTER_SECONDS = 1
_MAX_DIGITS = 15
_BLANKS: Final = b" \t"
# Written out: ids all have one length.
_ACCEPTED: Final = b'{"event_id":"%b","status":"accepted"}'
_ACCEPTED_HEADERS: Final = (
    (b"content-type", b"application/json"),
    (b"content-length", b"%d" % len(_ACCEPTED % bytes(36))),
)


class Webhook(Delivery):
    """A webhook that is under way, and what is known of it so far."""

    __slots__ = ("envelope", "events", "items", "livemode", "merchant_id", "respond", "signatures", "started")

    envelope: Envelope
    # What the secret that signed is set to, for events that do not say so themselves.
    merchant_id: str
    livemode: bool
    # Only of providers whose envelopes are composed: what was parsed, and what was found in it.
    items: list[Item] | Malformed
    events: list[Envelope]

    def __init__(self, headers: dict[str, str], signatures: list[str], respond: Respond) -> None:
        super().__init__(headers)
        self.signatures = signatures
        self.respond = respond
        self.started = monotonic()


class Reception:
    """Answers webhooks of one provider whose envelopes are at single places of the body. It is closed at first.

    A server calls `begin` once a request's head is there, and then one of `complete`, `refuse_large` and `abandon`.

    Args:
        provider: Whose webhooks.
        verifier: Tells authentic from forged.
        publication: Where webhooks go.
        clock: Gives the time at which a webhook was received.
        metrics: Counts.
        max_concurrent: How many webhooks may be under way; any more are asked to come again.
        replay_until: Until when events of any age are taken, in seconds since 1970.
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
        replay_until: float = -math.inf,
        on_fault: Callable[[], None],
    ) -> None:
        self.max_body_bytes = provider.envelope.max_body_bytes
        self._oldest = provider.envelope.max_event_age_seconds
        self._kept = {name.lower().encode(): name.lower() for name in provider.envelope.headers_kept}
        self._signature_header = (provider.signature.header or "").lower().encode()
        self._verifier = verifier
        self._publication = publication
        self._clock = clock
        self._metrics = metrics
        self._max_concurrent = max_concurrent
        self._under_way = 0
        self._arrived: list[Webhook] = []
        self._steps = self._prepared(provider)
        self._replay_until = replay_until
        self._on_fault = on_fault
        self.is_open = False

    def _prepared(self, provider: Provider) -> tuple[Callable[[Webhook], bool], ...]:
        """Return the steps that a webhook goes through; each tells whether there is another."""
        self._envelopes = EnvelopeReader(provider)
        return (self._authenticate, self._read, self._write)

    def begin(self, headers: Iterable[Header], respond: Respond) -> Webhook | None:
        """Take a webhook whose body is still to come, or respond at once. Headers have names in lower case."""
        if not self.is_open:
            respond(self._unavailable("not_ready", "The gateway is starting or stopping; send the webhook again."))
            return None
        if self._under_way >= self._max_concurrent:
            detail = f"{self._under_way} webhooks are under way; send this one again."
            respond(self._unavailable("not_ready", detail))
            return None
        signatures: list[str] = []
        kept: dict[str, str] = {}
        announced = b""
        for name, value in headers:
            # Blanks around a value are not part of it (RFC 9110, 5.5), and the parser leaves those behind it.
            if name == self._signature_header:
                signatures.append(value.strip(_BLANKS).decode("latin-1"))
            if (known := self._kept.get(name)) is not None:
                # Of a header that comes more than once the first counts.
                kept.setdefault(known, value.strip(_BLANKS).decode("latin-1"))
            elif name == b"content-length":
                announced = value.strip(_BLANKS)
        # Compared as text first: Python refuses to read a number of thousands of digits.
        if announced.isdigit() and (len(announced) > _MAX_DIGITS or int(announced) > self.max_body_bytes):
            respond(self._too_large())
            return None
        self._under_way += 1
        return Webhook(kept, signatures, respond)

    def complete(self, webhook: Webhook, body: bytes) -> None:
        """Go on with a webhook whose body is there: 2xx only once Kafka has it, never a 5xx for what it contains."""
        webhook.body = body
        if not self._arrived:
            get_running_loop().call_soon(self._take_arrived)
        self._arrived.append(webhook)

    def refuse_large(self, webhook: Webhook) -> None:
        """Refuse a webhook whose body is longer than `max_body_bytes`."""
        self._finish(webhook, self._too_large())

    def abandon(self, _webhook: Webhook, reason_code: RequestReason) -> None:
        """Forget a webhook whose body will not come, and count why; it is not answered."""
        self._under_way -= 1
        self._metrics.count("refused", reason_code)

    def _take_arrived(self) -> None:
        webhooks, self._arrived = self._arrived, []
        for step in self._steps:
            webhooks = [webhook for webhook in webhooks if self._passes(step, webhook)]

    def _passes(self, step: Callable[[Webhook], bool], webhook: Webhook) -> bool:
        try:
            return step(webhook)
        except Exception:  # noqa: BLE001  # whatever it is, it must not take down the others that came in the same turn
            _LOG.exception("webhook_not_handled")
            self._metrics.count("failed", "defect")
            self._finish(webhook, problem(HTTPStatus.INTERNAL_SERVER_ERROR, None, "The gateway has a defect."))
            return False

    def _authenticate(self, webhook: Webhook) -> bool:
        # To the millisecond, as it is kept: whoever verifies the record again comes to the same verdict.
        webhook.received_at = int(self._clock().timestamp() * 1000)
        verdict = self._verifier.verify(webhook.signatures, webhook.body, webhook.received_at / 1000)
        return self._trusts(webhook, verdict)

    def _trusts(self, webhook: Webhook, verdict: Authentic | Forged | KeyNeeded) -> bool:
        match verdict:
            case Forged():
                self._finish(webhook, self._forged(verdict))
                return False
            case KeyNeeded():
                raise AssertionError(verdict)
            case _:
                self._metrics.count_secret(verdict.secret_id)
                webhook.merchant_id, webhook.livemode = verdict.merchant_id, verdict.livemode
                return True

    def _read(self, webhook: Webhook) -> bool:
        envelope = self._envelopes.read(
            webhook.body, webhook.merchant_id, endpoint_livemode=webhook.livemode, headers=webhook.headers
        )
        if isinstance(envelope, Malformed):
            self._dead_letter(webhook, envelope)
            return False
        if (old := self._too_old(envelope, webhook)) is not None:
            self._finish(webhook, self._refused_as_old(old))
            return False
        webhook.envelope = envelope
        return True

    def _dead_letter(self, webhook: Webhook, malformed: Malformed) -> None:
        event_id = malformed_event_id(webhook.body)
        done = partial(self._dead_letter_done, webhook, malformed, event_id)
        self._publication.dead_letter(malformed, event_id, webhook.merchant_id, webhook, done)

    def _write(self, webhook: Webhook) -> bool:
        self._publication.accept(webhook.envelope, webhook, partial(self._accept_done, webhook))
        return True

    def _too_old(self, envelope: Envelope, webhook: Webhook) -> TooOld | None:
        """Tell whether an authentic event may be a replay, where its signature covers no time of its own.

        One whose time cannot be read is not: nobody but the provider can have written it so.
        """
        if self._oldest is None or envelope.created_at is None or webhook.received_at < self._replay_until * 1000:
            return None
        return TooOld(self._oldest) if webhook.received_at - envelope.created_at > self._oldest * 1000 else None

    def _accept_done(self, webhook: Webhook, error: Transient | Rejected | Fault | None) -> None:
        if error is not None:
            event_id, merchant_id = webhook.envelope.event_id, webhook.envelope.merchant_id
            self._finish(webhook, self._not_written(error, event_id, merchant_id))
            return
        self._metrics.note_accepted(monotonic() - webhook.started)
        self._finish(webhook, Answer(200, _ACCEPTED_HEADERS, _ACCEPTED % webhook.envelope.event_id.encode()))

    def _dead_letter_done(
        self, webhook: Webhook, malformed: Malformed, event_id: str, error: Transient | Rejected | Fault | None
    ) -> None:
        if error is not None:
            self._finish(webhook, self._not_written(error, event_id, webhook.merchant_id))
            return
        self._metrics.count("malformed", malformed.reason_code)
        status = HTTPStatus.UNPROCESSABLE_ENTITY
        self._finish(webhook, problem(status, malformed.reason_code, malformed.detail, event_id=event_id))

    def _finish(self, webhook: Webhook, answer: Answer) -> None:
        self._under_way -= 1
        webhook.respond(answer)

    def _not_written(self, error: Transient | Rejected | Fault, event_id: str, merchant_id: str) -> Answer:
        match error:
            case Transient():
                detail = "Kafka did not acknowledge the webhook; send it again."
                return self._unavailable("broker_unavailable", detail, error.retry_after_seconds)
            case Rejected():
                _LOG.error("record_refused", detail=error.detail, **about_event(event_id, merchant_id=merchant_id))
                self._metrics.count("refused", "body_too_large")
                detail = "Kafka does not accept a record of this size."
                return problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body_too_large", detail)
            case Fault():
                _LOG.critical("publishing_failed", detail=str(error), **about_event(event_id, merchant_id=merchant_id))
                self._on_fault()
                detail = "Kafka cannot be written to; send the webhook again."
                return self._unavailable("broker_unavailable", detail)

    def _too_large(self) -> Answer:
        self._metrics.count("refused", "body_too_large")
        detail = f"The body is longer than {self.max_body_bytes} bytes."
        # The connection stays, so that the server reads and drops the rest: a connection closed while the sender is
        # still writing is reset, and takes the answer with it.
        return problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body_too_large", detail)

    def _forged(self, forged: Forged) -> Answer:
        self._metrics.count("forged", forged.reason_code)
        _LOG.warning("forged_webhook", reason=forged.reason_code)
        return problem(HTTPStatus.UNAUTHORIZED, forged.reason_code, forged.detail)

    def _refused_as_old(self, old: TooOld) -> Answer:
        self._metrics.count("refused", "event_too_old")
        _LOG.warning("event_too_old", reason="event_too_old")
        return problem(HTTPStatus.FORBIDDEN, "event_too_old", old.detail)

    def _unavailable(
        self,
        reason_code: UnavailableReason,
        detail: str,
        retry_after_seconds: float | None = None,
    ) -> Answer:
        self._metrics.count("unavailable", reason_code)
        after = _RETRY_AFTER_SECONDS if retry_after_seconds is None else max(1, math.ceil(retry_after_seconds))
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, reason_code, detail, retry_after_seconds=after)
