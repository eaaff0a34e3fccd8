"""Writes the ledger of a run: a line for each webhook when it is answered, as contracts/files/ledger.yaml says."""

from typing import BinaryIO

from payments_contracts.pins.simulator import LedgerEntry

from simulator.delivery import Answer
from simulator.expectation import NOTHING
from simulator.webhooks import Webhook


class Ledger:
    """The ledger of one run, on an open file; each line is on disk before the next webhook's."""

    def __init__(self, file: BinaryIO, run: str, provider: str) -> None:
        self._file = file
        self._run = run
        self._provider = provider

    def write(self, webhook: Webhook, answer: Answer) -> None:
        """Add one webhook."""
        expectation = webhook.expectation or NOTHING
        entry = LedgerEntry(
            run=self._run,
            n=webhook.n,
            provider=self._provider,
            provider_event_id=webhook.provider_event_id,
            account=webhook.account,
            merchant_id=webhook.merchant_id,
            event_id=webhook.event_id,
            kind=webhook.kind.value,
            example=webhook.example,
            event_type=webhook.event_type,
            body_sha256=webhook.body_sha256,
            http_status=answer.status,
            sent_at=answer.sent_at,
            expected_reason_codes=list(webhook.expected_reason_codes),
            expected_event_type=expectation.event_type,
            expected_status=expectation.status,
            expected_amount_cents=expectation.amount_cents,
            expected_currency=expectation.currency,
            expected_livemode=expectation.livemode,
            step=expectation.step,
            payment=expectation.payment,
        )
        self._file.write(entry.model_dump_json().encode() + b"\n")
        self._file.flush()
