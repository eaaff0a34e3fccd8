"""The ledger of a run: what was sent, and what ought to become of it."""

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from operations.errors import LedgerError


class Kind(StrEnum):
    """What a webhook was made to be, and so where it has to end."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    MALFORMED = "malformed"
    UNSUPPORTED = "unsupported"
    FORGED = "forged"


class Entry(BaseModel):
    """One webhook of a run.

    `http_status` is the gateway's answer (0 where none came); `sent_at` is in UTC. `expected_event_type` is the
    unified event's, of an accepted webhook; a ledger from before there were other families does not have it.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    run: str
    provider: str
    event_id: str
    kind: Kind
    merchant_id: str
    expected_reason_codes: tuple[str, ...] = ()
    expected_event_type: str | None = None
    http_status: int
    sent_at: datetime

    @property
    def is_payment(self) -> bool:
        """Whether it is to become an event of the payment family, the only one that Gold's daily metrics count."""
        return self.kind is Kind.ACCEPTED and (self.expected_event_type or "payment.").startswith("payment.")


def read_ledger(path: Path) -> tuple[Entry, ...]:
    """Read a ledger of JSON lines, as the simulator writes it.

    Raises:
        LedgerError: The file is missing, empty, or a line of it is not an entry.
    """
    try:
        with path.open(encoding="utf-8") as lines:
            entries = tuple(_parse(path, lines))
    except OSError as error:
        raise LedgerError(f"{path}: {error.strerror}. Give the file that `simulator send --ledger` wrote.") from error
    if not entries:
        raise LedgerError(f"{path}: no webhook in it. Give the file that `simulator send --ledger` wrote.")
    return entries


def _parse(path: Path, lines: Iterator[str]) -> Iterator[Entry]:
    for number, line in enumerate(lines, start=1):
        try:
            yield Entry.model_validate_json(line)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "line"
            raise LedgerError(f"{path}:{number}: {where}: {first['msg']}") from error
