"""Receives webhooks of which more is needed than single places of the body: several events, headers, certificates."""

from asyncio import Task, create_task
from collections.abc import Callable
from functools import partial

import structlog
from kit.errors import Fault, Rejected, Transient
from kit.kafka import Done
from payments_contracts.providers import Provider

from gateway.answers import Answer
from gateway.carried import Carried
from gateway.composed import ComposedReader
from gateway.errors import Forged, KeyNeeded, Malformed
from gateway.publication import Delivery
from gateway.reception import Reception, Webhook
from gateway.signature import Authentic

_LOG = structlog.get_logger("gateway")
# So many may wait for a key: whoever sends more of them, with names that are no key's, takes no place from the others.
_MOST_WAITING = 64


class Shared:
    """The outcome of several records that are acknowledged together or not at all: the first failure counts.

    What was written of a body that failed comes again with it, and is known by its event's id.
    """

    def __init__(self, count: int, done: Done) -> None:
        self._left = count
        self._done = done
        self._error: Transient | Rejected | Fault | None = None

    def done(self, error: Transient | Rejected | Fault | None) -> None:
        """Take in what became of one record, and say what became of all once the last one is known."""
        self._left -= 1
        self._error = self._error or error
        if self._left == 0:
            self._done(self._error)


class ComposedReception(Reception):
    """Parses each body once and whole, and writes a record for each event in it."""

    def _prepared(self, provider: Provider) -> tuple[Callable[[Webhook], bool], ...]:
        self._reader = ComposedReader(provider)
        self._signs_fields = provider.signature.field is not None
        self._waiting: set[Task[None]] = set()
        return (self._open, self._authenticate, self._read, self._write)

    def _open(self, webhook: Webhook) -> bool:
        """Parse the body, once; what it is not, is told after the signature is known to be true."""
        webhook.items = self._reader.open(webhook.body)
        return True

    def _authenticate(self, webhook: Webhook) -> bool:
        webhook.received_at = int(self._clock().timestamp() * 1000)
        now = webhook.received_at / 1000
        if not self._signs_fields:
            # A signature in a header may cover fields, too, of a body that holds one event.
            content = None if isinstance(webhook.items, Malformed) else webhook.items[0].content
            verdict = self._verifier.verify(webhook.signatures, webhook.body, now, Carried(webhook.headers, content))
            return self._trusts(webhook, verdict)
        if isinstance(webhook.items, Malformed):
            # Nothing in it can be a signature.
            return self._trusts(webhook, Forged("signature_missing", "The body holds no signed event."))
        verdicts = [
            self._verifier.verify((), item.payload, now, Carried(webhook.headers, item.content))
            for item in webhook.items
        ]
        bad = next((verdict for verdict in verdicts if not isinstance(verdict, Authentic)), None)
        if bad is None and len(set(verdicts)) > 1:
            bad = Forged("signature_mismatch", "The events of the body are signed with different secrets.")
        return self._trusts(webhook, bad or verdicts[0])

    def _trusts(self, webhook: Webhook, verdict: Authentic | Forged | KeyNeeded) -> bool:
        if isinstance(verdict, KeyNeeded):
            self._wait_for_key(webhook, verdict)
            return False
        return super()._trusts(webhook, verdict)

    def _wait_for_key(self, webhook: Webhook, needed: KeyNeeded) -> None:
        """Take the webhook from the start again once its key is there; without it, ask for it again."""
        if len(self._waiting) >= _MOST_WAITING:
            self._finish(webhook, self._keyless())
            return

        async def wait() -> None:
            try:
                await self._verifier.fetch(needed)
            except Transient as error:
                _LOG.warning("key_not_available", reason=str(error))
                self._finish(webhook, self._keyless())
            except Exception:  # noqa: BLE001  # whatever it is, the webhook is answered and its place is free again
                _LOG.exception("key_not_fetched")
                self._finish(webhook, self._keyless())
            else:
                self.complete(webhook, webhook.body)

        task = create_task(wait())
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    def _keyless(self) -> Answer:
        return self._unavailable("not_ready", "The key of the signature cannot be had now; send the webhook again.")

    def _read(self, webhook: Webhook) -> bool:
        found = webhook.items
        if not isinstance(found, Malformed):
            events = self._reader.read(found, webhook.headers, webhook.merchant_id, endpoint_livemode=webhook.livemode)
            if not isinstance(events, Malformed):
                old = next((old for event in events if (old := self._too_old(event, webhook)) is not None), None)
                if old is not None:
                    self._finish(webhook, self._refused_as_old(old))
                    return False
                webhook.events = events
                return True
            found = events
        self._dead_letter(webhook, found)
        return False

    def _write(self, webhook: Webhook) -> bool:
        """Write each event of a body as a record of its own; the answer is 2xx only once Kafka has them all."""
        assert not isinstance(webhook.items, Malformed)  # noqa: S101  # such a webhook does not get here
        webhook.envelope = webhook.events[0]
        shared = Shared(len(webhook.events), partial(self._accept_done, webhook))
        for event, item in zip(webhook.events, webhook.items, strict=True):
            delivery = Delivery(webhook.headers, item.payload, webhook.received_at)
            self._publication.accept(event, delivery, shared.done)
        return True
