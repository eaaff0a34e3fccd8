from collections.abc import Callable, Mapping

import pytest
from kit.errors import Fault, Rejected
from orchestrator.routing import HANDLERS, PIN, Router
from payments_contracts.records import PaymentEventV1

MakeEvent = Callable[..., PaymentEventV1]


def router_of(record: Mapping[str, object]) -> Router:
    return Router(lambda _: record)


def test_makes_the_event_of_a_record(make_event: MakeEvent) -> None:
    event = make_event()
    assert router_of(event.model_dump()).route(b"...") == event


def test_hands_a_record_to_the_handler_of_its_version(make_event: MakeEvent) -> None:
    event = make_event()
    router = Router(lambda _: {"schema_version": 2}, {1: PaymentEventV1.model_validate, 2: lambda _: event})
    assert router.route(b"...") is event


@pytest.mark.parametrize("version", [99, None, "1"])
def test_a_version_without_a_handler_is_a_fault_that_names_it(make_event: MakeEvent, version: object) -> None:
    record = make_event().model_dump() | {"schema_version": version}
    with pytest.raises(Fault, match=f"holds version {version} of payment_event; this consumer knows 1"):
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


def test_there_is_a_handler_for_the_pinned_version() -> None:
    assert PIN in HANDLERS
