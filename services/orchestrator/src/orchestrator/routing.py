"""From a message's bytes to the event, by the version of its contract."""

from collections.abc import Callable, Mapping

from kit.errors import Fault, Rejected
from payments_contracts.pins.orchestrator import PAYMENT_EVENT_VERSIONS, PaymentEvent
from payments_contracts.records import Contract
from payments_contracts.topics import NORMALIZED
from pydantic import ValidationError

Decode = Callable[[bytes], Mapping[str, object]]
Handler = Callable[[Mapping[str, object]], PaymentEvent]


def as_written(model: type[Contract]) -> Handler:
    """Make the event of a record of an earlier version, which may say only what that version knows.

    What came later is null, not guessed.
    """

    def event(record: Mapping[str, object]) -> PaymentEvent:
        written = model.model_validate({name: record.get(name) for name in model.model_fields})
        return PaymentEvent.model_validate(written.model_dump())

    return event


PIN = NORMALIZED.consumers["orchestrator"]
"""The version that this consumer reads with."""

HANDLERS: Mapping[int, Handler] = {
    # A later version is read as the pinned one: what it adds waits for the pin.
    version: as_written(model) if version < PIN else PaymentEvent.model_validate
    for version, model in PAYMENT_EVENT_VERSIONS.items()
}
"""For each version of the contract that may be on the topic, what makes a workflow's argument of it.

Every workflow takes the pinned version, and `schema_version` still tells which one the normalizer wrote.
"""


class Router:
    """Decodes a message and hands it to the handler of its version.

    The topic is written by our own normalizer, so a message that cannot be read is a Fault, not bad data: going on
    would lose it.
    """

    def __init__(self, decode: Decode, handlers: Mapping[int, Handler] = HANDLERS) -> None:
        self._decode = decode
        self._handlers = handlers

    def route(self, value: bytes | None) -> PaymentEvent:
        """Return the event.

        Raises:
            Fault: The message is empty or unreadable, or of a version without a handler.
            Transient: The registry is away and its schema is not known yet.
        """
        if value is None:
            raise Fault(f"{NORMALIZED.name} holds a record without a value: only the normalizer may write to it")
        try:
            record = self._decode(value)
        except Rejected as error:
            raise Fault(f"{NORMALIZED.name} holds a record that cannot be read: {error}") from error
        version = record.get("schema_version")
        handler = self._handlers.get(version) if isinstance(version, int) else None
        if handler is None:
            known = ", ".join(map(str, sorted(self._handlers)))
            raise Fault(
                f"{NORMALIZED.name} holds version {version} of {NORMALIZED.record}; this consumer knows {known}: "
                "deploy one that knows it"
            )
        try:
            return handler(record)
        except ValidationError as error:
            fields = ", ".join(sorted({".".join(map(str, found["loc"])) for found in error.errors()}))
            raise Fault(f"{NORMALIZED.name} holds a record that breaks its contract in {fields}") from None
