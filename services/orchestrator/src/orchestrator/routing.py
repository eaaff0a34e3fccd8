"""From a message's bytes to the event, by the version of its contract."""

from collections.abc import Callable, Mapping

from kit.errors import Fault, Rejected
from payments_contracts.records import PaymentEventV1
from payments_contracts.topics import NORMALIZED
from pydantic import ValidationError

Decode = Callable[[bytes], Mapping[str, object]]
Handler = Callable[[Mapping[str, object]], PaymentEventV1]

HANDLERS: Mapping[int, Handler] = {1: PaymentEventV1.model_validate}
"""For each version of the contract that may be on the topic, what makes a workflow's argument of it."""

PIN = NORMALIZED.consumers["orchestrator"]
"""The version that this consumer reads with."""


class Router:
    """Decodes a message and hands it to the handler of its version.

    The topic is written by our own normalizer, so a message that cannot be read is a Fault, not bad data: going on
    would lose it.
    """

    def __init__(self, decode: Decode, handlers: Mapping[int, Handler] = HANDLERS) -> None:
        self._decode = decode
        self._handlers = handlers

    def route(self, value: bytes | None) -> PaymentEventV1:
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
