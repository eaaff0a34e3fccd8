from datetime import UTC, datetime, timedelta

import pytest
from operations.errors import MerchantError
from operations.merchants.terms import next_version, read_limits
from payments_contracts.pins.operations import Merchant

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def registered(**changes: object) -> Merchant:
    merchant = next_version(
        None, "merch_1", currencies=["EUR", "USD"], limits={"EUR": 50_000}, at=NOON, by="anna", note=None
    )
    assert merchant is not None
    return merchant.model_copy(update=changes)


def test_the_first_version_is_active_and_allows_what_is_said() -> None:
    merchant = registered()
    assert (merchant.version, merchant.status, merchant.changed_by) == (1, "active", "anna")
    assert merchant.allowed_currencies == ["EUR", "USD"]
    assert merchant.payment_limits == {"EUR": 50_000}


def test_what_is_not_named_stays_as_it_is() -> None:
    later = next_version(registered(), "merch_1", status="suspended", at=NOON + timedelta(days=1), by="ben")
    assert later is not None
    assert (later.version, later.status, later.payment_limits) == (2, "suspended", {"EUR": 50_000})


def test_a_limit_is_set_and_taken_away_by_currency() -> None:
    later = next_version(registered(), "merch_1", limits={"USD": 1, "EUR": None}, at=NOON, by="ben")
    assert later is not None
    assert later.payment_limits == {"USD": 1}


def test_no_currency_named_allows_any() -> None:
    later = next_version(registered(), "merch_1", currencies=[], at=NOON, by="ben")
    assert later is not None
    assert later.allowed_currencies == []


def test_a_change_that_changes_nothing_makes_no_version() -> None:
    assert next_version(registered(), "merch_1", status="active", currencies=["USD", "EUR"], at=NOON, by="ben") is None


def test_versions_hold_one_after_another_whatever_the_clock() -> None:
    later = next_version(registered(), "merch_1", status="closed", at=NOON - timedelta(hours=1), by="ben")
    assert later is not None
    assert later.changed_at > NOON


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"currencies": ["eur"]}, "'eur' is not a currency"),
        ({"limits": {"XYZ": 1}}, "'XYZ' is not a currency"),
        ({"limits": {"EUR": 0}}, "suspend the merchant instead"),
    ],
)
def test_refuses_what_cannot_be(change: dict[str, object], message: str) -> None:
    with pytest.raises(MerchantError, match=message):
        next_version(registered(), "merch_1", at=NOON, by="ben", **change)  # type: ignore[arg-type]


def test_reads_limits_as_they_are_written() -> None:
    assert read_limits(["EUR=50000", "JPY="]) == {"EUR": 50_000, "JPY": None}


@pytest.mark.parametrize("text", ["EUR", "EUR=12.50", "EUR=-1"])
def test_refuses_limits_that_cannot_be_read(text: str) -> None:
    with pytest.raises(MerchantError, match="minor unit"):
        read_limits([text])
