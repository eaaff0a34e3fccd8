-- Refunds and disputes whose payment was never told: their money is in history, and in no sum. One that came first waits
-- here for its payment, so this warns.
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'payments', 'package_name': 'payments'}}}) }}

with attempts_of_payments as (

    {{ attempts_of_payments(ref('payment_history')) }}

)

select
    part.provider,
    part.object_family,
    part.object_id
from {{ ref('payment_history') }} as part
left join attempts_of_payments as attempt
    on attempt.provider = part.provider
        and attempt.charge_id = part.payment_id
left join {{ ref('payments') }} as payment
    on payment.provider = part.provider
        and payment.payment_id = coalesce(attempt.payment_id, part.payment_id)
where part.object_family in ({{ payments_sources.families_as('refund') }}, {{ payments_sources.families_as('dispute') }})
    and payment.payment_id is null
group by part.provider, part.object_family, part.object_id
