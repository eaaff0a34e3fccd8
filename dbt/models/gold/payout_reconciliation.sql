-- What payments brought against what providers paid out, day by day, of live data: the balance that is left, and a code where
-- the two do not go together. Providers do not tell which payments a payout is made of, so sums are compared, never rows. What
-- a payment brought stands on its day, and what was taken back of it on the day on which it was taken: a payout knows no
-- later refund.
{{ config(materialized='table', on_table_exists='replace') }}

with versions as (

    select
        provider,
        coalesce(provider_object_id, event_id) as payout_id,
        merchant_id,
        coalesce(livemode, try_cast(element_at(metadata, 'livemode') as boolean), true) as livemode,
        currency,
        currency_exponent,
        status,
        amount_minor,
        case when coalesce(fee_currency, currency) = currency then fee_cents end as fee_minor,
        coalesce(object_updated_at, provider_created_at) as changed_at,
        row_number() over (
            partition by provider, coalesce(provider_object_id, event_id)
            order by
                {{ payments_sources.version_order() }},
                {{ payments_sources.status_rank('event_family', 'status') }} asc nulls first,
                {{ payments_sources.event_rank('event_type') }} asc nulls first,
                event_id asc
        ) as version
    from {{ ref('payments_cleaned') }}
    where event_family = 'payout'

),

changes as (

    select
        versions.*,
        lag(status) over (partition by provider, payout_id order by version) as status_before
    from versions

),

payouts as (

    select
        provider,
        payout_id,
        max_by(merchant_id, version) as merchant_id,
        max_by(livemode, version) as livemode,
        max_by(currency, version) as currency,
        max_by(currency_exponent, version) as currency_exponent,
        max_by(status, version) as status,
        max_by(amount_minor, version) as amount_minor,
        coalesce(max_by(fee_minor, version) filter (where fee_minor is not null), 0) as fee_minor,
        case
            when max_by(status, version) in ('succeeded', 'failed', 'canceled') then {{ came_at() }}
            else min(changed_at)
        end as balance_at
    from changes
    group by provider, payout_id

),

paid as (

    select
        cast(balance_at at time zone 'UTC' as date) as balance_date,
        merchant_id,
        provider,
        currency,
        max(currency_exponent) as currency_exponent,
        count(*) as payout_count,
        count_if(status = 'succeeded') as paid_count,
        count_if(status in ('failed', 'canceled')) as failed_count,
        coalesce(sum(amount_minor) filter (where status = 'succeeded'), 0) as paid_minor,
        coalesce(sum(fee_minor) filter (where status = 'succeeded'), 0) as fee_minor,
        coalesce(sum(amount_minor) filter (where status in ('pending', 'processing')), 0) as under_way_minor
    from payouts
    where livemode
    group by 1, 2, 3, 4

),

history as (

    {{ rooted_history(ref('payment_history')) }}

),

taken as (

    {{ taken_back('history') }}

),

-- What is taken off the day on which it was taken is put back on the payment's day: in sum each payment has its net.
moves as (

    select
        event_date as balance_date,
        merchant_id,
        provider,
        currency,
        currency_exponent,
        if(is_told, 1, 0) as payment_count,
        net_minor as earned_minor,
        fee_minor,
        0 as taken_minor
    from {{ ref('payments') }}
    where livemode
    union all
    select
        if(side.is_taken, cast(taken.taken_at at time zone 'UTC' as date), payment.event_date),
        payment.merchant_id,
        payment.provider,
        payment.currency,
        payment.currency_exponent,
        0,
        if(side.is_taken, -taken.taken_minor, taken.taken_minor),
        0,
        if(side.is_taken, taken.taken_minor, 0)
    from taken
    inner join {{ ref('payments') }} as payment
        on payment.provider = taken.provider
            and payment.payment_id = taken.payment_id
    cross join (values true, false) as side (is_taken)
    where payment.livemode
        and taken.taken_minor <> 0

),

earned as (

    select
        balance_date,
        merchant_id,
        provider,
        currency,
        max(currency_exponent) as currency_exponent,
        sum(payment_count) as payment_count,
        sum(earned_minor) as earned_minor,
        sum(fee_minor) as fee_minor,
        sum(taken_minor) as taken_minor
    from moves
    group by 1, 2, 3, 4

),

days as (

    select
        coalesce(earned.balance_date, paid.balance_date) as balance_date,
        coalesce(earned.merchant_id, paid.merchant_id) as merchant_id,
        coalesce(earned.provider, paid.provider) as provider,
        coalesce(earned.currency, paid.currency) as currency,
        coalesce(earned.currency_exponent, paid.currency_exponent) as currency_exponent,
        coalesce(earned.payment_count, 0) as payment_count,
        coalesce(earned.earned_minor, 0) as earned_minor,
        coalesce(earned.fee_minor, 0) as fee_minor,
        coalesce(earned.taken_minor, 0) as taken_minor,
        coalesce(paid.payout_count, 0) as payout_count,
        coalesce(paid.paid_count, 0) as paid_count,
        coalesce(paid.failed_count, 0) as failed_count,
        coalesce(paid.paid_minor, 0) as paid_minor,
        coalesce(paid.fee_minor, 0) as payout_fee_minor,
        coalesce(paid.under_way_minor, 0) as under_way_minor
    from earned
    full outer join paid
        on paid.balance_date = earned.balance_date
            and paid.merchant_id = earned.merchant_id
            and paid.provider = earned.provider
            and paid.currency = earned.currency

),

balanced as (

    select
        days.*,
        sum(earned_minor - paid_minor - payout_fee_minor) over (
            partition by merchant_id, provider, currency order by balance_date rows unbounded preceding
        ) as balance_minor,
        sum(payment_count) over (
            partition by merchant_id, provider, currency order by balance_date rows unbounded preceding
        ) as payments_so_far,
        sum(earned_minor) over (
            partition by merchant_id, provider, currency order by balance_date rows unbounded preceding
        ) as earned_so_far,
        sum(fee_minor + payout_fee_minor) over (partition by merchant_id, provider, currency) as fees_minor,
        -- Payouts pay what was earned first: those of the next days are held against all that was earned up to this.
        sum(earned_minor) over (
            partition by merchant_id, provider, currency order by balance_date rows unbounded preceding
        )
        - coalesce(
            sum(taken_minor) over (
                partition by merchant_id, provider, currency order by balance_date
                range between interval '1' day following and interval '{{ unpaid_days() }}' day following
            ),
            0
        )
        - sum(paid_minor + payout_fee_minor) over (
            partition by merchant_id, provider, currency order by balance_date
            range between unbounded preceding and interval '{{ unpaid_days() }}' day following
        ) as unpaid_minor
    from days

),

as_of as (

    select max(processed_at) as known_until
    from {{ ref('payments_cleaned') }}

)

select
    balanced.balance_date,
    balanced.merchant_id,
    balanced.provider,
    balanced.currency,
    balanced.payment_count,
    balanced.earned_minor,
    {{ major_units('balanced.earned_minor', 'balanced.currency_exponent') }} as earned_major,
    balanced.payout_count,
    balanced.paid_count,
    balanced.failed_count,
    balanced.paid_minor,
    {{ major_units('balanced.paid_minor', 'balanced.currency_exponent') }} as paid_major,
    balanced.payout_fee_minor,
    {{ major_units('balanced.payout_fee_minor', 'balanced.currency_exponent') }} as payout_fee_major,
    balanced.under_way_minor,
    {{ major_units('balanced.under_way_minor', 'balanced.currency_exponent') }} as under_way_major,
    balanced.balance_minor,
    {{ major_units('balanced.balance_minor', 'balanced.currency_exponent') }} as balance_major,
    case
        when balanced.failed_count > 0 then 'payout_failed'
        when balanced.balance_minor < 0 and balanced.payments_so_far = 0 then 'payout_without_payments'
        when balanced.balance_minor < 0 then 'more_paid_than_earned'
        when balanced.unpaid_minor > if(balanced.fees_minor = 0, balanced.earned_so_far * {{ untold_fees_share() }}, 0)
            and balanced.balance_date < cast(as_of.known_until at time zone 'UTC' as date)
                - interval '{{ unpaid_days() }}' day then 'not_paid_out'
        else 'none'
    end as break_code
from balanced
cross join as_of
