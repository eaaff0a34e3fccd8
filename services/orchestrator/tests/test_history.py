"""What is asked about the attempts before one, and what the answers mean; tests/integration ask the real server."""

from collections.abc import Callable

import pytest
from orchestrator.history import History, Question, attempt
from payments_contracts.database import PAYMENT_EVENTS
from payments_contracts.pins.orchestrator import PaymentEvent
from payments_contracts.providers import PROVIDERS

MakeEvent = Callable[..., PaymentEvent]
HISTORY = History(PAYMENT_EVENTS)
COUNTED = Question("", ())
LEAST = Question("", (), includes_present=True)


@pytest.mark.parametrize(
    ("changes", "asked_by"),
    [
        ({"provider_object_id": None}, []),
        ({}, ["provider_object_id"]),
        ({"related_invoice_id": "in_1"}, ["provider_object_id", "related_invoice_id", "provider_object_id"]),
        ({"provider_object_id": None, "related_invoice_id": "in_1"}, []),
        # A charge without a payment is one attempt, and nothing says at what.
        ({"event_type": "charge.failed"}, []),
        ({"event_type": "charge.failed", "related_invoice_id": "in_1"}, ["related_invoice_id", "provider_object_id"]),
        ({"event_type": "invoice.payment_failed"}, ["provider_object_id"]),
        # Each attempt is a payment of its own, of an order.
        ({"provider": "square"}, []),
        ({"provider": "square", "metadata": {"order_id": ""}}, []),
        ({"provider": "square", "metadata": {"order_id": "o"}}, ["(metadata ->> 'order_id')"]),
        ({"provider": "razorpay", "metadata": {"order_id": "o"}}, ["(metadata ->> 'order_id')"]),
        (
            {"provider": "razorpay", "metadata": {"order_id": "o"}, "related_invoice_id": "in_1"},
            ["(metadata ->> 'order_id')", "related_invoice_id", "provider_object_id"],
        ),
        (
            {
                "provider": "paypal",
                "event_type": "charge.failed",
                "metadata": {"supplementary_data.related_ids.order_id": "o"},
            },
            ["(metadata ->> 'supplementary_data.related_ids.order_id')"],
        ),
        # A merchant's own reference may be that of many orders, and a provider may be newer than this program.
        ({"provider": "adyen", "metadata": {"merchantReference": "o"}}, []),
        ({"provider": "tomorrow", "metadata": {"order_id": "o"}}, []),
    ],
)
def test_an_event_is_asked_about_by_what_it_is_an_attempt_at(
    make_event: MakeEvent, changes: dict[str, object], asked_by: list[str]
) -> None:
    failed = {"status": "failed", "event_type": "payment.failed"}
    questions = HISTORY.questions(make_event(**failed | changes))
    found = [each.statement.partition("provider = $1 AND ")[2].partition(" = $2")[0] for each in questions]
    assert found == asked_by


def test_no_question_reads_without_end() -> None:
    assert all("LIMIT 1000" in each.statement for each in HISTORY.permissions)
    assert all(f'"{PAYMENT_EVENTS.name}"' in each.statement for each in HISTORY.permissions)


def test_whoever_may_ask_at_start_may_ask_all(make_event: MakeEvent) -> None:
    tried = {each.statement for each in HISTORY.permissions}
    asked = {
        each.statement
        for provider in (*PROVIDERS, "tomorrow")
        for kind in ("payment.failed", "charge.failed", "invoice.payment_failed")
        for each in HISTORY.questions(
            make_event(
                provider=provider,
                event_type=kind,
                status="failed",
                related_invoice_id="in_1",
                metadata={"order_id": "o", "supplementary_data.related_ids.order_id": "o"},
            )
        )
    }
    assert asked == tried


@pytest.mark.parametrize(
    ("answers", "number"),
    [
        ([], None),
        ([(COUNTED, 0)], 1),
        ([(COUNTED, 2)], 3),
        ([(COUNTED, 0), (COUNTED, 1), (LEAST, None)], 2),
        # The invoice tells of attempts of which nothing is stored here.
        ([(COUNTED, 0), (COUNTED, 1), (LEAST, 4)], 4),
        ([(COUNTED, 3), (COUNTED, 3), (LEAST, 3)], 4),
    ],
)
def test_the_attempt_is_one_more_than_those_before_it(
    answers: list[tuple[Question, int | None]], number: int | None
) -> None:
    assert attempt(answers) == number
