"""What is asked about the attempts before one, and what the answers mean; tests/integration ask the real server."""

from collections.abc import Callable

import pytest
from orchestrator.history import History, Question, attempt
from payments_contracts.database import PAYMENT_EVENTS
from payments_contracts.pins.orchestrator import PaymentEvent

MakeEvent = Callable[..., PaymentEvent]
HISTORY = History(PAYMENT_EVENTS)
COUNTED = Question("", ())
LEAST = Question("", (), includes_present=True)


@pytest.mark.parametrize(
    ("changes", "number"),
    [
        ({"provider_object_id": None}, 0),
        ({}, 1),
        ({"related_invoice_id": "in_1"}, 3),
        ({"provider_object_id": None, "related_invoice_id": "in_1"}, 0),
    ],
)
def test_an_event_is_asked_about_by_its_object_and_its_invoice(
    make_event: MakeEvent, changes: dict[str, object], number: int
) -> None:
    assert len(HISTORY.questions(make_event(status="failed", **changes))) == number


def test_no_question_reads_without_end(make_event: MakeEvent) -> None:
    questions = HISTORY.questions(make_event(status="failed", related_invoice_id="in_1"))
    assert all("LIMIT 1000" in each.statement for each in questions)
    assert all(f'"{PAYMENT_EVENTS.name}"' in each.statement for each in questions)


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
