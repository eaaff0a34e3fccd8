"""What is agreed with a merchant, and what a change of it makes. Pure: nothing here asks a server."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Literal

from payments_contracts.currencies import EXPONENTS
from payments_contracts.database import MERCHANT_TERMS
from payments_contracts.pins.operations import Merchant

from operations.errors import MerchantError

_MILLISECOND = timedelta(milliseconds=1)


def next_version(
    last: Merchant | None,
    merchant_id: str,
    *,
    status: Literal["active", "suspended", "closed"] | None = None,
    currencies: Collection[str] | None = None,
    limits: Mapping[str, int | None] | None = None,
    at: datetime,
    by: str,
    note: str | None = None,
) -> Merchant | None:
    """Return the version that a change makes, or None where nothing would be different.

    Args:
        last: The version that holds; None for a merchant who is not registered.
        merchant_id: The merchant.
        status: The new status; None leaves it, and a new merchant active.
        currencies: ISO 4217 codes that are allowed from now on, none for any; None leaves them.
        limits: By currency, the new limit of one payment in its minor unit; None takes the limit away. Others stay.
        at: When it is changed (UTC).
        by: Who changes it.
        note: Why.

    Raises:
        MerchantError: A currency is unknown, or a limit is not positive.
    """
    for code in (*(currencies or ()), *(limits or ())):
        if code not in EXPONENTS:
            raise MerchantError(f"{code!r} is not a currency of ISO 4217: give its code in upper case, as EUR.")
    for code, limit in (limits or {}).items():
        if limit is not None and limit <= 0:
            raise MerchantError(f"A limit of {limit} {code} would allow nothing: suspend the merchant instead.")
    held = dict(last.payment_limits) if last is not None else {}
    changed = {**held, **(limits or {})}
    allowed = last.allowed_currencies if last is not None else []
    found = Merchant(
        merchant_id=merchant_id,
        version=last.version + 1 if last is not None else 1,
        status=status or (last.status if last is not None else "active"),
        allowed_currencies=sorted(set(currencies)) if currencies is not None else allowed,
        payment_limits={code: limit for code, limit in sorted(changed.items()) if limit is not None},
        # Versions hold one after another, whatever the clock of who sets them.
        changed_at=max(at, last.changed_at + _MILLISECOND) if last is not None else at,
        changed_by=by,
        note=note,
        schema_version=MERCHANT_TERMS.version,
    )
    return None if last is not None and _agreed(found) == _agreed(last) else found


def read_limits(texts: Iterable[str]) -> dict[str, int | None]:
    """Read limits as they are written on the command line: EUR=50000 sets one in cents, EUR= takes it away.

    Raises:
        MerchantError: One is written in another way.
    """
    found: dict[str, int | None] = {}
    for text in texts:
        code, separator, number = text.partition("=")
        if not separator or (number and not number.isdecimal()):
            raise MerchantError(
                f"{text!r} is not a limit: write CURRENCY=AMOUNT in the currency's minor unit, or CURRENCY= for none."
            )
        found[code] = int(number) if number else None
    return found


def _agreed(merchant: Merchant) -> tuple[object, ...]:
    return merchant.status, merchant.allowed_currencies, merchant.payment_limits
