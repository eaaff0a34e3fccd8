-- Written in full: a build puts the events that have news in the place of payments_cleaned, and merges the result (see
-- macros/news).
{{
    config(
        materialized='news',
        news='versions',
        unique_key='event_id',
        properties={'partitioning': "ARRAY['month(event_date)']"},
    )
}}

with versions as (

    select *
    from {{ ref('payments_cleaned') }}
    where event_family in ({{ payments_sources.families_of_payments() }})

)

select
    event_id,
    provider,
    event_family as object_family,
    {{ payments_sources.object_id() }} as object_id,
    {{ payments_sources.told_payment_id('event_family') }} as payment_id,
    event_type,
    merchant_id,
    customer_id,
    -- Events of earlier contracts have it where the provider's object has it, as text.
    coalesce(livemode, try_cast(element_at(metadata, 'livemode') as boolean)) as livemode,
    currency,
    currency_exponent,
    status,
    {{ payments_sources.status_rank('event_family', 'status') }} as status_rank,
    {{ payments_sources.event_rank('event_type') }} as event_rank,
    amount_minor,
    authorized_cents as authorized_minor,
    captured_cents as captured_minor,
    refunded_cents as refunded_minor,
    tip_cents as tip_minor,
    fee_cents as fee_minor,
    fee_currency,
    application_fee_cents as application_fee_minor,
    withdrawn_cents as withdrawn_minor,
    withdrawn_currency,
    dispute_stage,
    payment_method_type,
    card_brand,
    failure_category,
    failure_code,
    attempt_number,
    related_charge_id as charge_id,
    related_invoice_id as invoice_id,
    related_subscription_id as subscription_id,
    object_version,
    object_created_at,
    object_updated_at,
    provider_created_at,
    event_date,
    received_at,
    processed_at,
    fraud_score,
    fraud_risk_level,
    fraud_score_source,
    breaks_rules,
    retry_advised,
    scored_at,
    schema_version,
    bronze_rows,
    event_key,
    {{ hashed_name(
        'provider',
        'coalesce(' ~ payments_sources.told_payment_id('event_family') ~ ', ' ~ payments_sources.object_id() ~ ')'
    ) }} as payment_key,
    case
        when event_family in ({{ payments_sources.families_as('reversal') }}) then amount_minor
    end as reversed_minor
from versions
