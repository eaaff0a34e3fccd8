"""Writes the ledger of a run: a line for each webhook when it is answered, as contracts/files/ledger.yaml says."""

from typing import BinaryIO

from simulator.delivery import Answer
from simulator.webhooks import Webhook


class Ledger:
    """The ledger of one run, on an open file; each line is on disk before the next webhook's."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, webhook: Webhook, answer: Answer) -> None:
        """Add one webhook."""
        answered = {"http_status": answer.status, "sent_at": answer.sent_at}
        self._file.write(webhook.entry.model_copy(update=answered).model_dump_json().encode() + b"\n")
        self._file.flush()
