-- What a live payment's disputes have taken is one sum in Silver and in Gold: fails with the payments where it is not.
-- Disputes in another currency than their payment's are in no sum of it.
{{ config(meta={'dagster': {'ref': {'name': 'dispute_lifecycle', 'package_name': 'payments'}}}) }}

with gold as (

    select provider, payment_id, currency, sum(taken_minor) as taken_minor
    from {{ ref('dispute_lifecycle') }}
    group by provider, payment_id, currency

)

select payment.provider, payment.payment_id, payment.currency, payment.dispute_lost_minor, gold.taken_minor
from {{ ref('payments') }} as payment
left join gold
    on gold.provider = payment.provider
        and gold.payment_id = payment.payment_id
        and gold.currency = payment.currency
where payment.livemode
    and payment.dispute_lost_minor <> coalesce(gold.taken_minor, 0)
