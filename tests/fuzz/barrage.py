"""Bodies that are not JSON, or only just, for the inference service, which keeps nothing but answers."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime
from http import HTTPStatus
from itertools import islice
from typing import TYPE_CHECKING

import orjson
from payments_contracts.inference import FraudScore, Problem, RetryStrategyResponse
from payments_contracts.providers import Envelope
from pydantic import ValidationError

from tests.fuzz import syntax
from tests.fuzz.bodies import bodies
from tests.fuzz.body import Material
from tests.fuzz.delivery import Answer, Delivery, send_all
from tests.fuzz.ledger import Finding

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import BaseModel

    from tests.fuzz.body import Body

_PAYMENT = {
    "event_id": "4f0c3a52",
    "provider": "stripe",
    "merchant_id": "merch_1",
    "amount_cents": 5_000,
    "currency": "USD",
    "failure_code": "insufficient_funds",
}
_INSTANT = "2026-01-05T10:01:30Z"
_OPERATIONS: dict[str, tuple[dict[str, object], type[BaseModel]]] = {
    "/fraud/score": (
        {**_PAYMENT, "event_type": "payment.failed", "status": "failed", "occurred_at": _INSTANT},
        FraudScore,
    ),
    "/retry/strategy": ({**_PAYMENT, "attempt_count": 1, "failed_at": _INSTANT}, RetryStrategyResponse),
}
# Where the makers of bodies put what is wrong.
_PLACES = Envelope(
    event_id=("event_id",),
    event_type=("provider",),
    api_version=None,
    created_at=("amount_cents",),
    created_at_unit="seconds",
    account=None,
    merchant_id=(("merchant_id",),),
    required=((("merchant_id",), ("string",)), (("amount_cents",), ("integer",))),
    items=None,
    headers_kept=(),
    max_body_bytes=512 * 1024,
    max_text_characters=255,
    max_event_age_seconds=None,
    null_values=frozenset({""}),
)


class Barrage:
    """What the inference service answered, by operation, kind of body and status."""

    def __init__(self, count: int, seed: int, advance: Callable[[int], None]) -> None:
        self.answers: Counter[tuple[str, str, str]] = Counter()
        self.findings: list[Finding] = []
        self._count = count
        self._seed = seed
        self._advance = advance

    def fire(self, url: str, concurrency: int) -> None:
        """Send as many bodies to each operation as were asked for."""
        for path, (request, model) in _OPERATIONS.items():
            material = Material(path, _PLACES, (orjson.dumps(request),), datetime.now(UTC))
            endless = bodies(material, self._seed, tuple(syntax.MAKERS))
            deliveries = (Delivery(body) for body in islice(endless, self._count))

            def note(delivery: Delivery, answer: Answer, path: str = path, model: type[BaseModel] = model) -> None:
                self.answers[path, delivery.body.kind, str(answer.status or "none")] += 1
                self._advance(self.answers.total())
                if (complaint := _complaint(delivery.body, answer, model)) is not None:
                    self.findings.append(Finding(f"{path}: {delivery.body.kind}", complaint, delivery.body.content))

            asyncio.run(send_all(f"{url}{path}", deliveries, lambda _delivery: {}, note, concurrency))


def _complaint(body: Body, answer: Answer, model: type[BaseModel]) -> str | None:
    """Return what is wrong with an answer, None where the contract has it."""
    if answer.status == HTTPStatus.OK and body.claim == "malformed":
        return "200 for what is malformed"
    forms: dict[tuple[int, str], type[BaseModel]] = {
        (200, "application/json"): model,
        (422, "application/problem+json"): Problem,
    }
    form = forms.get((answer.status, answer.media_type))
    if form is None:
        return f"{answer.status or 'no answer'} with {answer.media_type} {answer.content[:200]!r}"
    try:
        form.model_validate_json(answer.content)
    except ValidationError as error:
        return f"{answer.status} with {error}"
    return None
