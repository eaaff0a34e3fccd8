{{
    config(
        materialized='incremental',
        incremental_strategy='merge',
        unique_key='event_id',
        on_schema_change='append_new_columns',
        on_table_exists='replace',
        properties={'partitioning': "ARRAY['month(event_date)']"},
    )
}}

{% set columns = payments_sources.columns__payments_cleaned().replace(',', ' ').split() %}

with payments as (

    select * from {{ ref('stg_payments') }}

),

{% if is_incremental() and not gains_columns(this, columns) %}

-- Bronze is only appended to, so an event has news exactly if its number of rows changed. This needs no clock and no
-- look-back: a row may arrive at any time, in any order.
changed_events as (

    select bronze.event_id
    from (
        select event_id, count(*) as bronze_rows
        from payments
        group by event_id
    ) as bronze
    left join {{ this }} as silver
        on silver.event_id = bronze.event_id
    where silver.bronze_rows is distinct from bronze.bronze_rows

),

{% endif %}

-- Bronze has one row of an event; where it has two, after a fault, the first score stays, as in the operational database.
-- They are ordered by what is in them, never by when they arrived. The last key is the rest of the row, so two rows that
-- tie are equal.
ranked as (

    select
        *,
        -- Events of the contract's first version do not tell it.
        coalesce(currency_exponent, {{ payments_sources.currency_exponent('currency') }}) as exponent,
        count(*) over (partition by event_id) as bronze_rows,
        row_number() over (
            partition by event_id
            order by
                scored_at,
                processed_at,
                {{ payments_sources.whole_row__stg_payments() }}
        ) as position
    from payments
    {% if is_incremental() and not gains_columns(this, columns) %}
    where event_id in (select event_id from changed_events)
    {% endif %}

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
    payment.bronze_rows
from ranked as payment
where payment.position = 1
