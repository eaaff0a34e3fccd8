"""The ledger of a run: what was sent, and what ought to become of it."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from payments_contracts.pins.operations import ExpectedPayment, LedgerEntry
from pydantic import ValidationError

from operations.errors import LedgerError

Entry = LedgerEntry
"""One webhook of a run, as contracts/files/ledger.yaml has it."""

PaymentKey = tuple[str, str]
"""What identifies a payment: its provider, and the provider's id of it."""

_ACCEPTED_STATUS = 200


def read_ledger(path: Path) -> tuple[Entry, ...]:
    """Read a ledger, as the simulator writes it.

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


def is_accepted(entry: Entry) -> bool:
    """Tell whether a unified event has to come of a webhook."""
    return entry.kind == "accepted"


def final_payments(entries: Iterable[Entry]) -> dict[PaymentKey, ExpectedPayment]:
    """Return what has to be known of each payment in the end: after the last step of its life that was taken in."""
    last: dict[PaymentKey, tuple[int, ExpectedPayment]] = {}
    for entry in entries:
        if entry.payment is None or entry.step is None or entry.http_status != _ACCEPTED_STATUS:
            continue
        key = (entry.provider, entry.payment.payment_id)
        if key not in last or last[key][0] < entry.step:
            last[key] = (entry.step, entry.payment)
    return {key: payment for key, (_, payment) in last.items()}


def told_merchants(entries: Iterable[Entry]) -> frozenset[str]:
    """Return the merchants of whose payments the ledger knows all: those of this run alone, with whole lives alone."""
    merchants: dict[str, bool] = {}
    for entry in entries:
        if is_accepted(entry):
            known = entry.step is not None and f"_{entry.run}_" in entry.merchant_id
            merchants[entry.merchant_id] = merchants.get(entry.merchant_id, True) and known
    return frozenset(merchant for merchant, known in merchants.items() if known)


def _parse(path: Path, lines: Iterator[str]) -> Iterator[Entry]:
    for number, line in enumerate(lines, start=1):
        try:
            yield Entry.model_validate_json(line)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "line"
            raise LedgerError(f"{path}:{number}: {where}: {first['msg']}") from error
