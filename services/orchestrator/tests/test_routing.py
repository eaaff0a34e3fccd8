from collections.abc import Callable, Mapping

import pytest
from kit.errors import Fault, Rejected
from kit.kafka import AvroDecoder, AvroEncoder
from orchestrator.routing import HANDLERS, PIN, Router
from payments_contracts.records import PaymentEventV1, PaymentEventV2
from payments_contracts.schemas import VERSIONS, schema
from payments_contracts.topics import NORMALIZED

MakeEvent = Callable[..., PaymentEventV2]


def router_of(record: Mapping[str, object]) -> Router:
    return Router(lambda _: record)


def test_makes_the_event_of_a_record(make_event: MakeEvent) -> None:
    event = make_event()
    assert router_of(event.model_dump()).route(b"...") == event


def test_hands_a_record_to_the_handler_of_its_version(make_event: MakeEvent) -> None:
    event = make_event()
    router = Router(lambda _: {"schema_version": 3}, {2: PaymentEventV2.model_validate, 3: lambda _: event})
    assert router.route(b"...") is event


def wire(topic_version: int, record: Mapping[str, object]) -> bytes:
    return AvroEncoder(schema("payment_event", topic_version), topic_version).encode(record)


class Registry:
    """Knows the contracts' schemas, each by its version."""

    def text(self, schema_id: int) -> str:
        return schema("payment_event", schema_id)


def test_messages_of_both_versions_become_events_one_after_the_other(make_event: MakeEvent) -> None:
    router = Router(AvroDecoder(Registry(), schema("payment_event", PIN)).decode)
    second = make_event(attempt_number=3, event_type="refund.created", status="pending", related_payment_id="pi_0")
    first = PaymentEventV1.model_validate(
        make_event(schema_version=1).model_dump(include=set(PaymentEventV1.model_fields))
    )
    read = router.route(wire(1, first.model_dump()))
    assert router.route(wire(2, second.model_dump())) == second
    assert read.model_dump(include=set(PaymentEventV1.model_fields)) == first.model_dump()
    assert (read.schema_version, read.currency_exponent, read.provider_object_id, read.attempt_number) == (
        1,
        None,
        None,
        None,
    )


def test_a_record_of_the_first_version_may_only_say_what_that_version_knows(make_event: MakeEvent) -> None:
    record = make_event(schema_version=1).model_dump() | {"event_type": "refund.created"}
    with pytest.raises(Fault, match="breaks its contract in event_type"):
        router_of(record).route(b"...")


@pytest.mark.parametrize("version", [99, None, "1"])
def test_a_version_without_a_handler_is_a_fault_that_names_it(make_event: MakeEvent, version: object) -> None:
    record = make_event().model_dump() | {"schema_version": version}
    with pytest.raises(Fault, match=f"holds version {version} of payment_event; this consumer knows 1, 2"):
        router_of(record).route(b"...")


def test_a_record_that_breaks_its_contract_is_a_fault_that_names_the_field_only(make_event: MakeEvent) -> None:
    record = make_event().model_dump() | {"status": "secret-value"}
    with pytest.raises(Fault, match="breaks its contract in status") as fault:
        router_of(record).route(b"...")
    assert "secret-value" not in str(fault.value)


def test_a_record_without_a_value_is_a_fault() -> None:
    with pytest.raises(Fault, match="without a value"):
        router_of({}).route(None)


def test_bytes_that_cannot_be_read_are_a_fault() -> None:
    def decode(_: bytes) -> Mapping[str, object]:
        raise Rejected("not in the wire format", "wire_format")

    with pytest.raises(Fault, match="cannot be read: not in the wire format"):
        Router(decode).route(b"...")


def test_there_is_a_handler_for_every_version_up_to_the_pinned_one() -> None:
    assert sorted(HANDLERS) == [version for version in VERSIONS[NORMALIZED.record] if version <= PIN]
