"""What the saved queries answer, a class for the rows of each: its fields are the query's columns."""

from datetime import date
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict, NonNegativeInt


class Row(BaseModel):
    """Base of all rows; a column more or less than the fields is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Volume(Row):
    """Payments of a day and a currency; amounts in its major unit."""

    event_date: date
    currency: str
    payment_count: NonNegativeInt
    captured_major: Decimal
    net_major: Decimal


class Success(Row):
    """Payments of a day and a provider that came to an end; at least one did."""

    event_date: date
    provider: str
    succeeded_count: NonNegativeInt
    failed_count: NonNegativeInt


class Decline(Row):
    """Failed attempts of a category (none: the provider does not say why), and what became of them."""

    failure_category: str | None
    failed_count: NonNegativeInt
    recovered_count: NonNegativeInt
    open_count: NonNegativeInt
    lost_count: NonNegativeInt

    @property
    def again_count(self) -> int:
        """Those that were tried again, and failed again."""
        return self.failed_count - self.recovered_count - self.open_count - self.lost_count


Step = Literal["failed", "advised", "retried", "recovered", "open", "lost"]


class Recovery(Row):
    """Failed claims of a currency that came to a step; the amount is none where the currency's exponent is unknown."""

    currency: str
    step: Step
    claim_count: NonNegativeInt
    amount_major: Decimal | None


Band = Literal["healthy", "watch", "at_risk", "unknown"]


class Health(Row):
    """A merchant's score of a month, from 0 to 100; none without figures."""

    score_month: date
    merchant_id: str
    payment_count: NonNegativeInt
    score: Decimal | None
    band: Band
    explanation: str


class Bands(Row):
    """Merchants of a month and a band."""

    score_month: date
    band: Band
    merchant_count: NonNegativeInt


class Quarantine(Row):
    """Quarantined events of a reason that stand in a state."""

    reason_code: str
    recoverability: str
    state: str
    event_count: NonNegativeInt
