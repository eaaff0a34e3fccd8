-- Each event of history is in one payment, whose currency some event told: fails with the providers and currencies where it is not.
{{ config(tags=['whole'], meta={'dagster': {'ref': {'name': 'payments', 'package_name': 'payments'}}}) }}

with history as (

    select provider, count(*) as events
    from {{ ref('payment_history') }}
    group by provider

),

silver as (

    select provider, sum(event_count) as events
    from {{ ref('payments') }}
    group by provider

)

select history.provider, cast(null as varchar) as payment_id, history.events, silver.events as counted
from history
left join silver
    on silver.provider = history.provider
where silver.events is distinct from history.events
union all
select payment.provider, payment.payment_id, payment.event_count, 0
from {{ ref('payments') }} as payment
where not exists (
    select 1
    from {{ ref('payment_history') }} as told
    where told.provider = payment.provider
        and told.currency = payment.currency
        and told.payment_id = payment.payment_id
)
    and payment.is_told
