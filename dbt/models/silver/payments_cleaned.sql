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

with payments as (

    select * from {{ ref('stg_payments') }}

),

{% if is_incremental() and not gains_columns(this, ['event_family', 'related_payment_id']) %}

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

-- The rows of an event are ordered by what is in them, never by when they arrived: the newest contract, then the newest
-- score. The last key is the rest of the row, so two rows that tie are equal.
ranked as (

    select
        *,
        -- Events of the contract's first version do not tell it.
        coalesce(currency_exponent, {{ payments_sources.currency_exponent('currency') }}) as exponent,
        count(*) over (partition by event_id) as bronze_rows,
        row_number() over (
            partition by event_id
            order by
                schema_version desc,
                scored_at desc,
                processed_at desc,
                json_format(cast(row(
                    provider, provider_event_id, event_type, merchant_id, customer_id, amount_minor, currency,
                    payment_method_type, card_brand, card_last_four, status, failure_code, failure_message, metadata,
                    cast(provider_created_at as varchar), rule_violations, fraud_score, fraud_risk_level,
                    fraud_score_source, retry_advised, retry_delay_seconds, retry_max_attempts, retry_strategy_source,
                    currency_exponent, provider_object_id, attempt_number, related_payment_id
                ) as json))
        ) as position
    from payments
    {% if is_incremental() and not gains_columns(this, ['event_family', 'related_payment_id']) %}
    where event_id in (select event_id from changed_events)
    {% endif %}

)

select
    payment.event_id,
    payment.provider,
    payment.provider_event_id,
    payment.event_type,
    split_part(payment.event_type, '.', 1) as event_family,
    payment.merchant_id,
    payment.customer_id,
    payment.amount_minor,
    payment.currency,
    payment.exponent as currency_exponent,
    {{ major_units('payment.amount_minor', 'payment.exponent') }} as amount_major,
    payment.payment_method_type,
    payment.card_brand,
    payment.card_last_four,
    payment.status,
    payment.status = 'failed' as is_failed,
    payment.failure_code,
    payment.failure_message,
    payment.metadata,
    payment.provider_created_at,
    cast(payment.provider_created_at at time zone 'UTC' as date) as event_date,
    payment.processed_at,
    payment.scored_at,
    payment.rule_violations,
    cardinality(payment.rule_violations) > 0 as breaks_rules,
    payment.fraud_score,
    payment.fraud_risk_level,
    payment.fraud_score_source,
    coalesce(payment.retry_advised, false) as retry_advised,
    payment.retry_delay_seconds,
    payment.retry_max_attempts,
    payment.retry_strategy_source,
    payment.schema_version,
    payment.bronze_rows,
    payment.provider_object_id,
    payment.attempt_number,
    payment.related_payment_id
from ranked as payment
where payment.position = 1
