-- Each dispute of live payments once: from its opening to its end, with what it took. Which version is the latest is the contract's.
{{ config(materialized='table', on_table_exists='replace') }}

with history as (

    {{ rooted_history(ref('payment_history')) }}

),

versions as (

    select
        told.*,
        case when coalesce(fee_currency, currency) = currency then fee_minor end as own_fee_minor
    from (
        {{ versions_of_parts('history', [payments_sources.families_as('dispute')]) }}
    ) as told

),

disputes as (

    select
        provider,
        object_id as dispute_id,
        max_by(root_id, version) as payment_id,
        max_by(merchant_id, version) as merchant_id,
        coalesce(max_by(livemode, version) filter (where livemode is not null), true) as livemode,
        max_by(currency, version) as currency,
        max_by(currency_exponent, version) as currency_exponent,
        max_by(status, version) as status,
        max_by(dispute_stage, version) filter (where dispute_stage is not null) as stage,
        max_by(amount_minor, version) as amount_minor,
        {{ dispute_taken() }} as taken_minor,
        max(taken_minor) as most_told_minor,
        coalesce(max_by(own_fee_minor, version) filter (where own_fee_minor is not null), 0) as fee_minor,
        max_by(event_id, version) as event_id,
        min(coalesce(object_created_at, changed_at)) as opened_at,
        min(changed_at) filter (where dispute_stage = 'chargeback') as charged_back_at,
        min(changed_at) filter (where withdrawn_minor > 0) as withdrawn_at,
        {{ came_at() }} as came_at,
        max(changed_at) as updated_at,
        count(*) as event_count
    from versions
    group by provider, object_id

),

-- One that was lost has taken something, also where nobody told how much.
taken as (

    select
        disputes.*,
        greatest(taken_minor, coalesce(most_told_minor, 0)) as most_taken_minor
    from disputes

)

select
    dispute.provider,
    dispute.dispute_id,
    dispute.payment_id,
    dispute.merchant_id,
    dispute.currency,
    dispute.currency_exponent,
    dispute.status,
    dispute.stage,
    event.dispute_category as category,
    event.dispute_reason as reason,
    dispute.amount_minor,
    {{ major_units('dispute.amount_minor', 'dispute.currency_exponent') }} as amount_major,
    dispute.most_taken_minor,
    {{ major_units('dispute.most_taken_minor', 'dispute.currency_exponent') }} as most_taken_major,
    dispute.taken_minor,
    {{ major_units('dispute.taken_minor', 'dispute.currency_exponent') }} as taken_major,
    dispute.fee_minor,
    {{ major_units('dispute.fee_minor', 'dispute.currency_exponent') }} as fee_major,
    dispute.opened_at,
    cast(dispute.opened_at at time zone 'UTC' as date) as opened_date,
    dispute.charged_back_at,
    dispute.withdrawn_at,
    if(dispute.status in ('won', 'lost', 'closed'), dispute.came_at) as ended_at,
    if(
        dispute.status in ('won', 'lost', 'closed'),
        to_unixtime(dispute.came_at) - to_unixtime(dispute.opened_at)
    ) as open_seconds,
    dispute.updated_at,
    if(payment.is_told, payment.created_at) as payment_created_at,
    if(payment.is_told, to_unixtime(dispute.opened_at) - to_unixtime(payment.created_at)) as opened_after_seconds,
    coalesce(payment.is_told, false) as has_payment,
    if(payment.is_told and payment.currency = dispute.currency, payment.captured_minor) as payment_captured_minor,
    if(payment.is_told, payment.fraud_risk_level) as payment_fraud_risk_level,
    dispute.event_count
from taken as dispute
inner join {{ ref('payments_cleaned') }} as event
    on event.event_id = dispute.event_id
-- A row that stands for a payment of which nothing was told says nothing of it.
left join {{ ref('payments') }} as payment
    on payment.provider = dispute.provider
        and payment.payment_id = dispute.payment_id
-- By its payment, where that tells more: its money is among that payment's.
where coalesce(payment.livemode, dispute.livemode)
