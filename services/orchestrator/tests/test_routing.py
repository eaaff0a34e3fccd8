import json
from collections.abc import Callable, Mapping

import pytest
from kit.errors import Fault, PipelineError, Rejected, Transient
from kit.kafka import AvroDecoder, AvroEncoder
from orchestrator.routing import HANDLERS, PIN, Router, Unusable
from payments_contracts.pins.orchestrator import PAYMENT_EVENT_VERSIONS, PaymentEvent
from payments_contracts.schemas import VERSIONS, schema
from payments_contracts.topics import NORMALIZED

MakeEvent = Callable[..., PaymentEvent]
KNOWN = ", ".join(map(str, PAYMENT_EVENT_VERSIONS))


def router_of(record: Mapping[str, object]) -> Router:
    return Router(lambda _: record)


def test_makes_the_event_of_a_record(make_event: MakeEvent) -> None:
    event = make_event()
    assert router_of(event.model_dump()).route(b"...") == event


def test_hands_a_record_to_the_handler_of_its_version(make_event: MakeEvent) -> None:
    event = make_event()
    router = Router(lambda _: {"schema_version": 98}, {2: PaymentEvent.model_validate, 98: lambda _: event})
    assert router.route(b"...") is event


def wire(topic_version: int, record: Mapping[str, object]) -> bytes:
    return AvroEncoder(schema("payment_event", topic_version), topic_version).encode(record)


class OneSchema:
    """Knows one schema."""

    def __init__(self, text: str) -> None:
        self._text = text

    def text(self, schema_id: int) -> str:
        return self._text


class Registry:
    """Knows the contracts' schemas, each by its version."""

    def text(self, schema_id: int) -> str:
        return schema("payment_event", schema_id)


@pytest.mark.parametrize("version", PAYMENT_EVENT_VERSIONS)
def test_a_message_of_each_version_becomes_an_event_that_says_what_it_said(make_event: MakeEvent, version: int) -> None:
    router = Router(AvroDecoder(Registry(), schema("payment_event", PIN)).decode)
    model = PAYMENT_EVENT_VERSIONS[version]
    told = {name: value for name, value in make_event().model_dump().items() if name in model.model_fields}
    written = model.model_validate(told | {"schema_version": version}).model_dump()
    read = router.route(wire(version, written)).model_dump()
    assert {name: read[name] for name in written if name in read} == {
        name: value for name, value in written.items() if name in PaymentEvent.model_fields
    }
    assert {name: read[name] for name in read.keys() - written.keys()} == dict.fromkeys(read.keys() - written.keys())


def test_a_message_of_a_later_version_is_read_as_the_pinned_one(make_event: MakeEvent) -> None:
    later = json.loads(schema("payment_event", PIN))
    later["fields"].append({"name": "note", "type": ["null", "string"], "default": None, "doc": "A word."})
    text = json.dumps(later)
    encoded = AvroEncoder(text, 1).encode(make_event().model_dump() | {"note": "new"})
    router = Router(AvroDecoder(OneSchema(text), schema("payment_event", PIN)).decode)
    assert router.route(encoded) == make_event()


def test_a_record_of_the_first_version_may_only_say_what_that_version_knows(make_event: MakeEvent) -> None:
    record = make_event(schema_version=1).model_dump() | {"event_type": "refund.created"}
    with pytest.raises(Unusable, match="breaks its contract in event_type"):
        router_of(record).route(b"...")


def refusal(router: Router, value: bytes | None = b"...") -> Unusable:
    with pytest.raises(Unusable) as error:
        router.route(value)
    return error.value


@pytest.mark.parametrize("version", [99, None, "1"])
def test_a_version_without_a_handler_is_unusable_and_what_is_known_of_the_record_is_told(
    make_event: MakeEvent, version: object
) -> None:
    record = make_event().model_dump() | {"schema_version": version}
    error = refusal(router_of(record))
    assert (error.reason_code, error.record) == ("version_unknown", record)
    assert f"of version {version} of payment_event; this consumer knows {KNOWN}:" in error.detail


def test_a_record_that_breaks_its_contract_is_unusable_and_the_reason_names_the_field_only(
    make_event: MakeEvent,
) -> None:
    record = make_event().model_dump() | {"status": "secret-value"}
    error = refusal(router_of(record))
    assert (error.reason_code, error.detail) == ("record_invalid", "the record breaks its contract in status")
    assert "secret-value" not in str(error)


@pytest.mark.parametrize("value", [None, b""])
def test_a_record_without_a_value_is_unusable(value: bytes | None) -> None:
    assert refusal(router_of({}), value).reason_code == "record_empty"


def test_bytes_that_cannot_be_read_are_unusable_for_the_reason_that_the_decoder_gives() -> None:
    def decode(_: bytes) -> Mapping[str, object]:
        raise Rejected("not in the wire format", "wire_format")

    error = refusal(Router(decode))
    assert (error.reason_code, error.detail, error.record) == ("wire_format", "not in the wire format", {})


def test_an_error_of_ours_is_unusable_and_says_where_it_arose_and_nothing_of_the_record(
    make_event: MakeEvent,
) -> None:
    def handler(_: Mapping[str, object]) -> PaymentEvent:
        raise ZeroDivisionError("secret-value")

    record = make_event().model_dump()
    error = refusal(Router(lambda _: record, {record["schema_version"]: handler}))
    assert (error.reason_code, error.record) == ("internal_error", record)
    assert error.detail.startswith(f"the orchestrator met a ZeroDivisionError in {__name__}, line ")


@pytest.mark.parametrize("error", [Transient("away"), Fault("no entry")])
def test_a_registry_that_does_not_tell_says_nothing_of_the_record(error: PipelineError) -> None:
    def decode(_: bytes) -> Mapping[str, object]:
        raise error

    with pytest.raises(type(error)):
        Router(decode).route(b"...")


def test_there_is_a_handler_for_exactly_the_versions_that_may_be_on_the_topic() -> None:
    assert HANDLERS.keys() == PAYMENT_EVENT_VERSIONS.keys()
    assert max(HANDLERS) == NORMALIZED.version, "what the normalizer writes"
    assert set(HANDLERS) <= set(VERSIONS[NORMALIZED.record])
