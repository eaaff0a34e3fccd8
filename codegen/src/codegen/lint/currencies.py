"""Rules on currencies: what the reference list and the providers say of them fits together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.suggestion import meant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codegen.document import Place
    from codegen.findings import Finding
    from codegen.model import Catalog


def contradictory(catalog: Catalog) -> Iterator[Finding]:
    """Yield successors that are no currency, and currencies of a provider that are active or count otherwise."""
    listed = {currency.code: currency for currency in catalog.currencies}
    for currency in catalog.currencies:
        for index, successor in enumerate(currency.successors):
            if successor not in listed:
                message = f"{currency.code}: its successor {successor} is not a currency{meant(successor, listed)}"
                place: Place = ("currencies", currency.code, "successors", index)
                yield catalog.currency_source.finding("currency", place, message, "name one of the list")
    for provider in catalog.providers:
        for code, exponent in provider.currencies.items():
            place = ("currencies", code)
            known = listed.get(code)
            if known is not None and known.ends is None:
                message = f"{code} is an active currency of ISO 4217: every provider may use it"
                yield provider.source.finding("currency", place, message, "remove it")
            elif catalog.exponents[code] != exponent:
                where = "ISO 4217" if known is not None else "another provider"
                message = f"{code} has {exponent} digits here, and {catalog.exponents[code]} in {where}"
                hint = "write the same: amounts are divided without asking who sent them; `money` converts"
                yield provider.source.finding("currency", (*place, "exponent"), message, hint)
