"""Writes down what was sent and what ought to become of it: one JSON line per webhook, when it is answered."""

from typing import BinaryIO

import orjson

from simulator.delivery import Answer
from simulator.webhooks import Webhook


class Ledger:
    """The ledger of one run, on an open file; each line is on disk before the next webhook's."""

    def __init__(self, file: BinaryIO, run: str, provider: str) -> None:
        self._file = file
        self._run = run
        self._provider = provider

    def write(self, webhook: Webhook, answer: Answer) -> None:
        """Add one webhook."""
        line = {
            "run": self._run,
            "n": webhook.n,
            "provider": self._provider,
            "provider_event_id": webhook.provider_event_id,
            "account": webhook.account,
            "merchant_id": webhook.merchant_id,
            "event_id": webhook.event_id,
            "kind": webhook.kind,
            "example": webhook.example,
            "event_type": webhook.event_type,
            "expected_reason_codes": webhook.expected_reason_codes,
            "expected_event_type": webhook.expected_event_type,
            "http_status": answer.status,
            "sent_at": answer.sent_at,
        }
        self._file.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z))
        self._file.flush()
