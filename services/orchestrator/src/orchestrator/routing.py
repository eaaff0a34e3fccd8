"""From a message's bytes to the event, by the version of its contract."""

from collections.abc import Callable, Mapping

from kit.errors import PipelineError, Rejected
from payments_contracts.pins.orchestrator import PAYMENT_EVENT_VERSIONS, PaymentEvent
from payments_contracts.records import Contract
from payments_contracts.topics import NORMALIZED
from pydantic import ValidationError

Decode = Callable[[bytes], Mapping[str, object]]
Handler = Callable[[Mapping[str, object]], PaymentEvent]


class Unusable(Rejected):
    """No event can be made of a message. `record` is what could be read of it, nothing where nothing could."""

    def __init__(self, detail: str, reason_code: str, record: Mapping[str, object] | None = None) -> None:
        super().__init__(detail, reason_code)
        self.record: Mapping[str, object] = record or {}


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
    """Decodes a message and hands it to the handler of its version."""

    def __init__(self, decode: Decode, handlers: Mapping[int, Handler] = HANDLERS) -> None:
        self._decode = decode
        self._handlers = handlers

    def route(self, value: bytes | None) -> PaymentEvent:
        """Return the event.

        Raises:
            Unusable: The message is empty or unreadable, of a version without a handler, breaks its contract, or meets
                a defect of ours; the reason code is one of `later_reason_codes` of contracts/rules/validation.yaml.
            Transient: The registry is away and the message's schema is not known yet.
            Fault: The registry lets nobody ask.
        """
        if not value:
            raise Unusable("the record has no value", "record_empty")
        record: Mapping[str, object] = {}
        try:
            record = self._decode(value)
            return self._handle(record)
        except Unusable:
            raise
        except Rejected as error:
            raise Unusable(error.detail, error.reason_code) from error
        except (PipelineError, MemoryError):
            raise
        except Exception as error:
            raise Unusable(defect(error), DEFECT, record) from error

    def _handle(self, record: Mapping[str, object]) -> PaymentEvent:
        version = record.get("schema_version")
        handler = self._handlers.get(version) if isinstance(version, int) else None
        if handler is None:
            known = ", ".join(map(str, sorted(self._handlers)))
            raise Unusable(
                f"the record is of version {version} of {NORMALIZED.record}; this consumer knows {known}: deploy one "
                "that knows it",
                "version_unknown",
                record,
            )
        try:
            return handler(record)
        except ValidationError as error:
            fields = ", ".join(sorted({".".join(map(str, found["loc"])) for found in error.errors()}))
            raise Unusable(f"the record breaks its contract in {fields}", "record_invalid", record) from None


DEFECT = "internal_error"


def defect(error: BaseException) -> str:
    """Say where an error of ours arose, without its text, which may hold values of an event."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = "" if trace is None else f" in {trace.tb_frame.f_globals.get('__name__')}, line {trace.tb_lineno}"
    return f"the orchestrator met a {type(error).__name__}{where}"
