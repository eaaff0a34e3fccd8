"""What names a merchant, an account or a version, and what only stands where one could be. Pure."""

from payments_contracts.providers import Envelope


class Owner:
    """Knows what of the optional texts of one provider's envelopes counts.

    Merchants write some of them: such a text is never a reason to refuse an event. One that means null, is blank, or is
    too long to be an id, names nobody, so that the next place is asked and at last the merchant of the endpoint's
    secret. An id that was cut off would name nobody, too, and two merchants might share it.
    """

    def __init__(self, places: Envelope) -> None:
        self._longest = places.max_text_characters
        self._absent = places.null_values

    def is_merchant(self, value: object) -> bool:
        """Tell whether a value at a merchant's place is a merchant's id."""
        return type(value) is str and len(value) <= self._longest and value.strip() not in self._absent

    def account(self, value: str | None) -> str | None:
        """Return the account that a text names, which tells events of the same id apart."""
        return None if value in self._absent else value

    def version(self, value: object) -> str | None:
        """Return the provider's version that a value names."""
        return value if type(value) is str and len(value) <= self._longest and value not in self._absent else None
