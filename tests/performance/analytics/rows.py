"""Rows of Bronze, made in Trino itself: so many events of payments, day after day."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

A_DAY = 100_000
REFUNDS_IN = 100
WEEKS = 2
_BLOCK = 10_000
_FIRST = datetime(2026, 1, 1, tzinfo=UTC)
_APART = timedelta(days=1) // A_DAY


@dataclass(frozen=True)
class Stretch:
    """Events number `first` to `last`, without it: whole blocks of 10,000."""

    first: int
    last: int

    def __post_init__(self) -> None:
        """Refuse what `sequence` of Trino cannot make in one statement."""
        if self.first % _BLOCK or self.last % _BLOCK or self.first >= self.last:
            raise ValueError(f"events come in blocks of {_BLOCK:,}, not as {self.first:,} to {self.last:,}")


def made_at(number: int) -> datetime:
    """Return when an event was made at its provider."""
    return _FIRST + number * _APART


def insert(table: str, stretch: Stretch) -> str:
    """Return the statement that adds events to a Bronze table.

    Two events tell of each payment, one right after the other. Of a hundred events, one is a refund of a payment of two
    weeks before, of which there is none in the first two weeks: those are payments of their own.
    """
    return f"""
    insert into {table} (
        event_id, provider, provider_event_id, event_type, merchant_id, customer_id, amount_cents, currency,
        currency_exponent, status, metadata, provider_created_at, processed_at, received_at, rule_violations,
        fraud_score, fraud_risk_level, fraud_score_source, scored_at, schema_version, provider_object_id,
        related_payment_id, livemode, captured_cents, payment_method_type, card_brand, card_last_four,
        retry_strategy_source
    )
    select
        lower(to_hex(md5(to_utf8(cast(number as varchar))))) || '-evt',
        'stripe',
        'evt_' || lpad(cast(number as varchar), 24, '0'),
        case what when 0 then 'payment.created' when 1 then 'payment.succeeded' else 'refund.succeeded' end,
        'merch_' || cast(number % 50 as varchar),
        'cus_' || cast(number % 9973 as varchar),
        if(what = 2, 50, 100 + number % 5000),
        'USD',
        2,
        if(what = 0, 'pending', 'succeeded'),
        map(array['order'], array[cast(number as varchar)]),
        at,
        at + interval '1' second,
        at + interval '1' second,
        array[],
        0.25,
        'low',
        if(what = 2, 'not_scored', 'model'),
        at + interval '2' second,
        3,
        if(what = 2, 're_' || cast(number as varchar), payment),
        if(what = 2, payment),
        true,
        if(what = 1, 100 + number % 5000),
        'card',
        'visa',
        '4242',
        cast(null as varchar)
    from (
        select
            number,
            case when is_refund then 2 else number % 2 end as what,
            'pi_' || lower(to_hex(xxhash64(to_utf8(cast(
                (number - if(is_refund, {WEEKS * 7 * A_DAY}, 0)) / 2 as varchar
            ))))) as payment,
            timestamp '{_FIRST:%Y-%m-%d %H:%M:%S} UTC'
                + (number / {A_DAY}) * interval '1' day
                + ((number % {A_DAY}) * {_APART // timedelta(milliseconds=1)}) * interval '0.001' second as at
        from (
            select
                block * {_BLOCK} + place as number,
                (block * {_BLOCK} + place) % {REFUNDS_IN} = {REFUNDS_IN - 1}
                    and block * {_BLOCK} + place >= {WEEKS * 7 * A_DAY} as is_refund
            from unnest(sequence({stretch.first // _BLOCK}, {stretch.last // _BLOCK - 1})) as blocks (block)
            cross join unnest(sequence(0, {_BLOCK - 1})) as places (place)
        ) as numbered
    ) as told
    """  # noqa: S608  # numbers and a name of ours
