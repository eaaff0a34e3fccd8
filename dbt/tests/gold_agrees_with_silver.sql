-- Every payment of Silver is in Gold once, with its amount: fails with the currencies where they differ.
{{ config(meta={'dagster': {'ref': {'name': 'daily_payment_metrics', 'package_name': 'payments'}}}) }}

with silver as (

    select currency, count(*) as payment_count, sum(amount_minor) as amount_minor, sum(amount_major) as amount_major
    from {{ ref('payments_cleaned') }}
    where event_family = 'payment'
    group by currency

),

gold as (

    select currency, sum(payment_count) as payment_count, sum(amount_minor) as amount_minor, sum(amount_major) as amount_major
    from {{ ref('daily_payment_metrics') }}
    group by currency

)

select
    coalesce(silver.currency, gold.currency) as currency,
    silver.payment_count as silver_payments,
    gold.payment_count as gold_payments,
    silver.amount_minor as silver_minor,
    gold.amount_minor as gold_minor
from silver
full outer join gold
    on gold.currency = silver.currency
where silver.payment_count is distinct from gold.payment_count
    or silver.amount_minor is distinct from gold.amount_minor
    or silver.amount_major is distinct from gold.amount_major
