-- Written in full: a build puts what Bronze has gained in the place of stg_payments, and merges the result (see
-- macros/news).
{{
    config(
        materialized='news',
        news='events',
        unique_key='event_id',
        properties={'partitioning': "ARRAY['month(event_date)']"},
    )
}}

with payments as (

    select * from {{ ref('stg_payments') }}

),

-- Bronze has one row of an event; where it has two, after a fault, they are ranked. Those are few, and ranking all rows would take
-- more memory than there is. By numbers of ids: one that two ids share makes a rank of one, no more.
repeated as (

    select {{ hashed('event_id') }} as event_key
    from payments
    group by 1
    having count(*) > 1

),

-- The first score stays, as in the operational database. Rows are ordered by what is in them, never by when they arrived. The
-- last key is the rest of the row, so two rows that tie are equal.
ranked as (

    select
        *,
        1 as bronze_rows,
        processed_at as bronze_from,
        processed_at as bronze_to,
        1 as position
    from payments
    where {{ hashed('event_id') }} not in (select event_key from repeated)
    union all
    select
        *,
        count(*) over (partition by event_id) as bronze_rows,
        min(processed_at) over (partition by event_id) as bronze_from,
        max(processed_at) over (partition by event_id) as bronze_to,
        row_number() over (
            partition by event_id
            order by
                scored_at,
                processed_at,
                {{ payments_sources.whole_row__stg_payments() }}
        ) as position
    from payments
    where {{ hashed('event_id') }} in (select event_key from repeated)

),

valued as (

    select
        *,
        -- Events of the contract's first version do not tell it.
        coalesce(currency_exponent, {{ payments_sources.currency_exponent('currency') }}) as exponent
    from ranked
    where position = 1

)

select
    {{ payments_sources.passed__payments_cleaned('payment') }},
    split_part(payment.event_type, '.', 1) as event_family,
    payment.exponent as currency_exponent,
    {{ major_units('payment.amount_minor', 'payment.exponent') }} as amount_major,
    payment.status = 'failed' as is_failed,
    cast(payment.provider_created_at at time zone 'UTC' as date) as event_date,
    cardinality(payment.rule_violations) > 0 as breaks_rules,
    coalesce(payment.retry_advised, false) as retry_advised,
    payment.retry_delay_seconds,
    payment.retry_max_attempts,
    payment.bronze_rows,
    payment.bronze_from,
    payment.bronze_to,
    {{ hashed('payment.event_id') }} as event_key
from valued as payment
